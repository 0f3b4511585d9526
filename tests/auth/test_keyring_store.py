from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from orderctl.auth.keyring_store import KeyringStore, checked
from orderctl.auth.models import Binding, Flow, SavedSignIn
from orderctl.auth.store import TokenFiles
from orderctl.errors import RefusedError
from tests.cli.signed_in import world
from tests.cli.support import write_config
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BINDING = Binding("https://issuer/pool", "client-1", "https://idp", ("https://api:443",))
SAVED = SavedSignIn("prod", "ada", Flow.SRP, BINDING, NOW, NOW, "canary-a", "canary-i", "canary-r")


class FakeKeyring:
    """A keyring that is open until it is `locked`."""

    def __init__(self, backend: object = None) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.is_locked = False
        self.backend = backend or self

    def get_keyring(self) -> object:
        return self.backend

    def get_password(self, service: str, username: str) -> str | None:
        self._check("")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check(password)
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check("")
        del self.entries[service, username]

    def _check(self, password: str) -> None:
        if self.is_locked:
            raise OSError(f"locked: {password}")


@pytest.fixture
def files(tmp_path: Path) -> TokenFiles:
    return TokenFiles(tmp_path, FakeClock())


def test_what_was_saved_is_loaded_and_no_file_holds_it(files: TokenFiles, tmp_path: Path) -> None:
    files.save(SAVED)
    store = KeyringStore(FakeKeyring(), files)
    store.save(SAVED)
    assert store.load("prod") == SAVED
    assert store.load("other") is None
    assert [path for path in tmp_path.rglob("*.json")] == []
    with store.lock("prod"):
        assert list(tmp_path.rglob("*.lock"))
    assert (store.forget("prod"), store.forget("prod"), store.load("prod")) == (True, False, None)
    assert store.where("prod") == "keyring tests.auth.test_keyring_store, entry orderctl/prod"


def test_a_locked_keyring_is_refused_without_showing_what_was_to_be_kept(files: TokenFiles) -> None:
    keyring = FakeKeyring()
    keyring.is_locked = True
    store = KeyringStore(keyring, files)
    for act in (lambda: store.save(SAVED), lambda: store.load("prod"), lambda: store.forget("prod")):
        with pytest.raises(RefusedError, match="OSError") as refused:
            act()
        assert "canary" not in refused.value.message


@pytest.mark.parametrize("module", ["keyring.backends.fail", "keyring.backends.null", "keyrings.alt.file"])
def test_a_backend_that_keeps_nothing_or_keeps_it_open_is_refused(module: str) -> None:
    with pytest.raises(RefusedError, match=module):
        checked(FakeKeyring(type("Keyring", (), {"__module__": module})()))


@pytest.mark.skipif(find_spec("keyring") is not None, reason="the package is installed here, and may open a real one")
def test_without_the_package_the_extra_is_named(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        path = tmp_path / "config" / "orderctl" / "config.toml"
        write_config(tmp_path, path.read_text() + 'store = "keyring"\n')
        done = w.log_in()
    assert done.code == 2
    assert "pip install 'orderctl[keyring]'" in done.err
    assert w.cognito.requests == []


def test_forgetting_takes_along_what_an_earlier_setting_left_in_a_file(files: TokenFiles) -> None:
    files.save(SAVED)
    store = KeyringStore(FakeKeyring(), files)
    assert store.forget("prod")
    assert files.load("prod") is None
    assert not store.forget("prod")
