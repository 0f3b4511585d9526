from __future__ import annotations

import multiprocessing
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orderctl.auth.models import Binding, Flow, SavedSignIn
from orderctl.auth.store import TokenFiles
from orderctl.clock import SystemClock
from orderctl.errors import AuthError, FailedError, RefusedError
from tests.fakes.clock import START, FakeClock
from tests.fakes.cognito import CLIENT_ID, ENDPOINT, ISSUER

SIGN_IN = SavedSignIn(
    environment="prod",
    username="ada",
    flow=Flow.SRP,
    binding=Binding(ISSUER, CLIENT_ID, ENDPOINT, ("https://api.example:443",)),
    signed_in_at=START,
    expires_at=START + timedelta(hours=1),
    access_token="canary-access",
    id_token="canary-id",
    refresh_token="canary-refresh",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TokenFiles]:
    before = os.umask(0)
    try:
        yield TokenFiles(tmp_path / "state", FakeClock())
    finally:
        os.umask(before)


def _file(store: TokenFiles) -> Path:
    return Path(store.where("prod"))


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_what_was_saved_is_loaded(store: TokenFiles) -> None:
    assert store.load("prod") is None
    store.save(SIGN_IN)
    assert store.load("prod") == SIGN_IN
    assert store.load("other") is None


def test_file_lock_and_folder_are_private_even_with_umask_0(store: TokenFiles) -> None:
    store.save(SIGN_IN)
    with store.lock("prod"):
        pass
    assert [_mode(path) for path in sorted(_file(store).parent.iterdir())] == [0o600, 0o600]
    assert _mode(_file(store).parent) == 0o700


def test_a_link_in_place_of_the_file_is_refused_and_its_target_left_alone(store: TokenFiles, tmp_path: Path) -> None:
    target = tmp_path / "target"
    store.save(replace(SIGN_IN, environment="other"))
    target.write_text("untouched")
    target.chmod(0o600)
    _file(store).symlink_to(target)
    with pytest.raises(RefusedError, match="symbolic link"):
        store.load("prod")
    with pytest.raises(FailedError, match="symbolic link"):
        store.save(SIGN_IN)
    assert target.read_text() == "untouched"
    assert store.forget("prod")
    assert target.exists()


def test_a_link_in_place_of_the_lock_is_refused(store: TokenFiles, tmp_path: Path) -> None:
    store.save(SIGN_IN)
    _file(store).with_suffix(".lock").symlink_to(tmp_path / "target")
    with pytest.raises(RefusedError, match="symbolic link"), store.lock("prod"):
        pass
    assert not (tmp_path / "target").exists()


def test_a_link_in_place_of_the_folder_is_refused(store: TokenFiles, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "tokens").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedError, match="symbolic link"):
        store.save(SIGN_IN)
    with pytest.raises(RefusedError, match="symbolic link"):
        store.load("prod")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o666])
def test_a_file_others_could_read_or_write_is_refused(store: TokenFiles, mode: int) -> None:
    store.save(SIGN_IN)
    _file(store).chmod(mode)
    with pytest.raises(RefusedError, match=f"mode 0{mode:o}") as refused:
        store.load("prod")
    assert "chmod 600" in (refused.value.hint or "")


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_others_could_enter_is_refused(store: TokenFiles, mode: int) -> None:
    store.save(SIGN_IN)
    _file(store).parent.chmod(mode)
    with pytest.raises(RefusedError, match="can be read"):
        store.load("prod")
    with pytest.raises(RefusedError):
        store.save(SIGN_IN)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(store: TokenFiles) -> None:
    store.save(SIGN_IN)
    os.chown(_file(store), 12345, -1)
    with pytest.raises(RefusedError, match="uid 12345"):
        store.load("prod")


def test_a_named_pipe_in_place_of_the_file_does_not_hang(store: TokenFiles) -> None:
    store.save(replace(SIGN_IN, environment="other"))
    os.mkfifo(_file(store), 0o600)
    with pytest.raises(RefusedError, match="not what orderctl made"):
        store.load("prod")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 2}', b"\xff\xfe", b'{"version": 1, "canary": 1}'])
def test_a_damaged_file_asks_to_sign_in_again_without_showing_itself(store: TokenFiles, content: bytes) -> None:
    store.save(SIGN_IN)
    _file(store).write_bytes(content)
    with pytest.raises(AuthError) as raised:
        store.load("prod")
    assert "canary" not in repr((raised.value.message, raised.value.hint))


@pytest.mark.parametrize("name", ["../../etc/x", "a/b", ".", "..", "", "x" * 300, "ä", "a\0b"])
def test_no_environment_name_climbs_out_of_the_folder(store: TokenFiles, name: str) -> None:
    store.save(replace(SIGN_IN, environment=name))
    assert Path(store.where(name)).parent == _file(store).parent
    assert store.load(name) == replace(SIGN_IN, environment=name)


def test_forgetting_deletes_and_says_whether_there_was_anything(store: TokenFiles) -> None:
    assert not store.forget("prod")
    store.save(SIGN_IN)
    assert store.forget("prod")
    assert store.load("prod") is None


def test_a_lock_kept_by_another_ends_in_an_error_not_in_waiting_for_ever(tmp_path: Path) -> None:
    first, second = TokenFiles(tmp_path, FakeClock()), TokenFiles(tmp_path, FakeClock())
    with first.lock("prod"):
        with pytest.raises(FailedError, match="30 seconds"), second.lock("prod"):
            pass
        with second.lock("other"):
            pass


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    store = TokenFiles(tmp_path, SystemClock())
    store.save(SIGN_IN)
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=_write_many, args=(tmp_path,))
    writer.start()
    reads = 0
    while writer.is_alive():
        found = store.load("prod")
        assert found is not None
        assert found.access_token == "canary-access" or set(found.access_token) in ({"a"}, {"b"})
        reads += 1
    writer.join()
    assert writer.exitcode == 0
    assert reads > 10


def _write_many(state: Path) -> None:
    store = TokenFiles(state, SystemClock())
    for number in range(200):
        store.save(replace(SIGN_IN, access_token=("a" if number % 2 else "b") * 5000))


def test_no_token_stands_in_the_repr() -> None:
    assert "canary" not in repr(SIGN_IN)


def test_no_folder_on_the_way_is_open_to_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        TokenFiles(tmp_path / "orderctl", FakeClock()).save(SIGN_IN)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "orderctl").stat().st_mode) == 0o700
