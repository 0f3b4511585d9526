from __future__ import annotations

import multiprocessing
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orderctl.auth.authorizer import TokenAuthorizer
from orderctl.auth.models import Flow, SavedSignIn, SignInSettings, TokenKind, Tokens
from orderctl.auth.renewers import PoolRenewer
from orderctl.auth.saved import bind
from orderctl.auth.service import log_in
from orderctl.auth.store import TokenFiles
from orderctl.auth.token_source import TokenSource
from orderctl.clock import SystemClock
from orderctl.errors import AuthError, RefusedError
from tests.auth.helpers import API, PASSWORD, Answers, pool_with_ada, settings
from tests.fakes.clock import FakeClock
from tests.fakes.cognito import ENDPOINT, CognitoProvider, token


class World:
    """A pool, a store with ada signed in, and a source over both."""

    def __init__(self, state: Path, *, rotation: bool = True, client_secret: str | None = None) -> None:
        self.clock = FakeClock()
        self.pool = pool_with_ada(self.clock, rotation=rotation, client_secret=client_secret)
        self.settings = settings(flow=Flow.PASSWORD, client_secret=client_secret)
        self.store = TokenFiles(state, self.clock)
        provider = CognitoProvider(self.pool)
        self.first = log_in(
            provider, self.store, self.settings, Answers(), self.clock, username="ada", password=PASSWORD
        )
        self.pool.calls.clear()
        self.source = self.source_over(self.settings)

    def source_over(self, changed: SignInSettings, endpoint: str = ENDPOINT) -> TokenSource:
        renewer = PoolRenewer(CognitoProvider(self.pool, endpoint), changed)
        return TokenSource(self.store, renewer, changed, self.clock)

    def refreshes(self) -> int:
        return sum(operation == "GetTokensFromRefreshToken" for operation, _ in self.pool.calls)


def test_a_fresh_token_is_given_without_asking_anybody(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.source.token(TokenKind.ACCESS) == world.first.access_token
    assert world.source.token(TokenKind.ID) == world.first.id_token
    assert world.pool.calls == []


@pytest.mark.parametrize(("left", "refreshes"), [(61, 0), (60, 1), (1, 1), (-1, 1), (-86400, 1)])
def test_a_token_is_refreshed_a_minute_before_it_ends(tmp_path: Path, left: int, refreshes: int) -> None:
    world = World(tmp_path)
    world.clock.advance(3600 - left)
    world.source.token(TokenKind.ID)
    assert world.refreshes() == refreshes


def test_a_rotated_refresh_token_is_kept_and_used_the_next_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    for _ in range(3):
        world.clock.advance(3600)
        world.source.token(TokenKind.ID)
    assert world.refreshes() == 3
    assert len(world.pool.spent) == 3


def test_without_rotation_the_refresh_token_stays(tmp_path: Path) -> None:
    world = World(tmp_path, rotation=False)
    world.clock.advance(3600)
    world.source.token(TokenKind.ID)
    saved = world.store.load("prod")
    assert saved is not None
    assert saved.refresh_token == world.first.refresh_token


class _Contended(TokenFiles):
    """A store whose lock somebody else gets first."""

    def __init__(self, state: Path, clock: FakeClock, other: TokenSource) -> None:
        super().__init__(state, clock)
        self._other = other

    @contextmanager
    def lock(self, environment: str) -> Iterator[None]:
        self._other.token(TokenKind.ID)
        with super().lock(environment):
            yield


@pytest.mark.parametrize("rotation", [True, False])
def test_where_devices_are_tracked_each_refresh_names_this_one(tmp_path: Path, rotation: bool) -> None:
    clock, store = FakeClock(), TokenFiles(tmp_path, FakeClock())
    pool = pool_with_ada(clock, rotation=rotation)
    pool.device_key = "eu-west-1_canary-device"
    said = settings(flow=Flow.PASSWORD)
    log_in(CognitoProvider(pool), store, said, Answers(), clock, username="ada", password=PASSWORD)
    source = TokenSource(store, PoolRenewer(CognitoProvider(pool), said), said, clock)
    for _ in range(2):
        clock.advance(3600)
        assert source.token(TokenKind.ID)
    assert "canary-device" not in repr(store.load("prod"))


def test_whoever_waited_for_the_lock_uses_what_the_other_one_fetched(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.clock.advance(3600)
    store = _Contended(tmp_path, world.clock, world.source)
    slow = TokenSource(store, PoolRenewer(CognitoProvider(world.pool), world.settings), world.settings, world.clock)
    assert slow.token(TokenKind.ID) == world.source.token(TokenKind.ID)
    assert world.refreshes() == 1


def test_a_rejected_token_is_refreshed_once_and_by_one_only(tmp_path: Path) -> None:
    world = World(tmp_path)
    rejected = world.source.token(TokenKind.ID)
    assert world.source.renew(rejected)
    assert world.source.renew(rejected)
    assert world.source.token(TokenKind.ID) != rejected
    assert world.refreshes() == 1


def test_an_ended_refresh_token_says_the_command_to_sign_in(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.pool.live.clear()
    world.clock.advance(3600)
    with pytest.raises(AuthError, match="cannot be refreshed") as raised:
        world.source.token(TokenKind.ID)
    assert raised.value.hint == "orderctl auth login --env prod"
    assert world.first.refresh_token is not None
    assert world.first.refresh_token not in raised.value.message


def test_nobody_signed_in_says_the_command_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.store.forget("prod")
    with pytest.raises(AuthError, match="not signed in") as raised:
        world.source.token(TokenKind.ID)
    assert raised.value.hint == "orderctl auth login --env prod"


def test_the_refresh_token_does_not_go_to_an_overridden_endpoint(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.clock.advance(3600)
    with pytest.raises(RefusedError):
        world.source_over(world.settings, "http://127.0.0.1:4566").token(TokenKind.ID)
    assert world.pool.calls == []


@pytest.mark.parametrize("change", [{"client_id": "another"}, {"user_pool_id": "eu-west-1_Another"}])
def test_tokens_of_another_pool_or_client_are_not_used(tmp_path: Path, change: dict[str, str]) -> None:
    world = World(tmp_path)
    with pytest.raises(AuthError, match="another user pool or app client"):
        world.source_over(settings(**change)).token(TokenKind.ID)


def test_a_token_for_another_host_is_refused_before_any_refresh(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.clock.advance(3600)
    with pytest.raises(RefusedError, match="bound to"):
        world.source.token_for(TokenKind.ID, "https://evil.example/Prod/users")
    assert world.pool.calls == []


def test_the_authorizer_sends_the_token_as_it_is_to_the_bound_host_only(tmp_path: Path) -> None:
    world = World(tmp_path)
    authorizer = TokenAuthorizer(world.source, TokenKind.ACCESS)
    headers = authorizer.headers("GET", f"{API}/users/u-1", None)
    assert headers == {"Authorization": world.first.access_token}
    with pytest.raises(RefusedError):
        authorizer.headers("GET", "https://evil.example/users/u-1", None)


def test_a_refresh_with_a_client_secret_sends_it(tmp_path: Path) -> None:
    world = World(tmp_path, client_secret="client-canary")
    world.clock.advance(3600)
    assert world.source.token(TokenKind.ID)


def test_a_refresh_that_gives_tokens_of_another_client_is_not_kept(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.clock.advance(3600)
    source = TokenSource(world.store, _WrongRenewer(world.clock), world.settings, world.clock)
    with pytest.raises(AuthError, match="another user pool"):
        source.token(TokenKind.ID)
    assert world.store.load("prod") == world.first


class _WrongRenewer:
    endpoint = ENDPOINT

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def renew(self, saved: SavedSignIn) -> Tokens:
        return Tokens(token(self._clock, "ada", "access", 3600, client_id="another"))


ROUNDS = 100


class _OneUse:
    """Rotation across processes: spending a refresh token makes a file, and making it twice is reuse."""

    endpoint = ENDPOINT

    def __init__(self, folder: Path, seconds: int) -> None:
        self._folder = folder
        self._seconds = seconds

    def renew(self, saved: SavedSignIn) -> Tokens:
        assert saved.refresh_token is not None
        try:
            os.close(os.open(self._folder / saved.refresh_token, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            (self._folder / f"REUSED-{secrets.token_hex(4)}").touch()
            raise AuthError("RefreshTokenReuseException") from None
        clock = SystemClock()
        return Tokens(
            token(clock, "ada", "access", self._seconds),
            token(clock, "ada", "id", self._seconds),
            f"refresh-{secrets.token_hex(8)}",
        )


def _refresh_often(state: Path, spent: Path, start: float, seconds: int) -> None:
    """Tokens of 30 seconds are refreshed before every use, those of an hour because the API rejects them."""
    clock = SystemClock()
    source = TokenSource(TokenFiles(state, clock), _OneUse(spent, seconds), settings(), clock)
    clock.sleep(start - datetime.now(UTC).timestamp())
    for _ in range(ROUNDS):
        found = source.token(TokenKind.ID)
        if seconds > 60:
            source.renew(found)


@pytest.mark.parametrize("seconds", [30, 3600])
def test_two_processes_that_refresh_200_times_never_spend_a_token_twice(tmp_path: Path, seconds: int) -> None:
    spent = tmp_path / "spent"
    spent.mkdir()
    clock = SystemClock()
    tokens = Tokens(token(clock, "ada", "access", seconds), token(clock, "ada", "id", seconds), "refresh-0")
    store = TokenFiles(tmp_path, clock)
    store.save(bind(tokens, settings(), ENDPOINT, clock.now()))
    start = datetime.now(UTC).timestamp() + 1.5
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_refresh_often, args=(tmp_path, spent, start, seconds)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    used = [path.name for path in spent.iterdir()]
    assert not [name for name in used if name.startswith("REUSED")]
    assert ROUNDS <= len(used) <= 2 * ROUNDS
    saved = store.load("prod")
    assert saved is not None
    assert saved.refresh_token not in used
