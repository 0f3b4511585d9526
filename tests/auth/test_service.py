from __future__ import annotations

from pathlib import Path

import pytest

from orderctl.auth import service
from orderctl.auth.claims import read_claims
from orderctl.auth.models import Binding, Flow, SavedSignIn, SignInSettings
from orderctl.auth.store import TokenFiles
from orderctl.errors import AuthError, RefusedError
from tests.auth.helpers import API, PASSWORD, Answers, pool_with_ada, settings
from tests.fakes.clock import START, FakeClock
from tests.fakes.cognito import CLIENT_ID, ENDPOINT, ISSUER, CognitoProvider, FakeCognito, token


def _log_in(
    pool: FakeCognito, store: TokenFiles, wanted: SignInSettings, password: str = PASSWORD, endpoint: str = ENDPOINT
) -> SavedSignIn:
    provider = CognitoProvider(pool, endpoint)
    return service.log_in(provider, store, wanted, Answers(), pool.clock, username="ada", password=password)


@pytest.fixture
def pool() -> FakeCognito:
    return pool_with_ada(FakeClock())


@pytest.fixture
def store(tmp_path: Path) -> TokenFiles:
    return TokenFiles(tmp_path, FakeClock())


def test_a_sign_in_is_kept_with_its_issuer_client_and_hosts(pool: FakeCognito, store: TokenFiles) -> None:
    saved = _log_in(pool, store, settings())
    assert store.load("prod") == saved
    assert saved.binding.issuer == ISSUER
    assert saved.binding.client_id == CLIENT_ID
    assert saved.binding.api_origins == ("https://abc123.execute-api.eu-west-1.amazonaws.com:443",)
    assert saved.username == "ada"


def test_a_wrong_password_keeps_nothing_and_leaves_what_was_there(pool: FakeCognito, store: TokenFiles) -> None:
    with pytest.raises(AuthError):
        _log_in(pool, store, settings(), "wrong")
    assert store.load("prod") is None
    saved = _log_in(pool, store, settings())
    with pytest.raises(AuthError):
        _log_in(pool, store, settings(), "wrong")
    assert store.load("prod") == saved


ELSEWHERE = (
    "http://cognito.example",
    "http://127.0.0.1:4566",
    "https://u:p@x.example",
    "https://cognito-idp.eu-west-1.amazonaws.com.evil.example",
    "https://evilamazonaws.com",
    "https://127.0.0.1:4566",
)


@pytest.mark.parametrize("endpoint", ELSEWHERE)
@pytest.mark.parametrize("flow", [Flow.SRP, Flow.PASSWORD])
def test_the_password_is_not_sent_to_an_endpoint_that_is_not_https_or_not_at_aws(
    pool: FakeCognito, store: TokenFiles, endpoint: str, flow: Flow
) -> None:
    with pytest.raises(RefusedError):
        _log_in(pool, store, settings(flow=flow), endpoint=endpoint)
    assert pool.calls == []


def test_the_local_stack_may_be_http_on_loopback(pool: FakeCognito, store: TokenFiles) -> None:
    local = settings(is_local=True, api_urls=("http://127.0.0.1:4566/_aws/execute-api/a/Prod",))
    saved = _log_in(pool, store, local, endpoint="http://127.0.0.1:4566")
    assert saved.binding.api_origins == ("http://127.0.0.1:4566",)


def test_an_api_that_is_not_https_is_not_bound(pool: FakeCognito, store: TokenFiles) -> None:
    with pytest.raises(RefusedError):
        _log_in(pool, store, settings(api_urls=("http://api.example/Prod",)))
    assert pool.calls == []


def test_tokens_of_another_pool_are_not_kept(pool: FakeCognito, store: TokenFiles) -> None:
    with pytest.raises(AuthError, match="not from user pool"):
        _log_in(pool, store, settings(flow=Flow.PASSWORD, user_pool_id="eu-west-1_Another"))
    assert store.load("prod") is None


def test_status_says_whose_tokens_lie_where_and_until_when(pool: FakeCognito, store: TokenFiles) -> None:
    clock = FakeClock()
    assert not service.status(store, settings(), clock).signed_in
    saved = _log_in(pool, store, settings())
    status = service.status(store, settings(), clock)
    assert (status.signed_in, status.username, status.issuer) == (True, "ada", ISSUER)
    assert status.token_file == store.where("prod")
    assert status.expires_at == saved.expires_at
    assert saved.access_token not in repr(status)


def test_status_of_an_ended_token_that_can_be_refreshed_is_still_signed_in(
    pool: FakeCognito, store: TokenFiles
) -> None:
    _log_in(pool, store, settings())
    clock = FakeClock()
    clock.advance(7200)
    status = service.status(store, settings(), clock)
    assert (status.signed_in, status.is_expired, status.can_refresh) == (True, True, True)


def test_status_tells_a_refused_file_as_a_problem(pool: FakeCognito, store: TokenFiles) -> None:
    _log_in(pool, store, settings())
    Path(store.where("prod")).chmod(0o644)
    status = service.status(store, settings(), FakeClock())
    assert not status.signed_in
    assert "read or written by others" in (status.problem or "")


def test_status_tells_a_sign_in_of_another_client_as_a_problem(pool: FakeCognito, store: TokenFiles) -> None:
    _log_in(pool, store, settings())
    status = service.status(store, settings(client_id="another"), FakeClock())
    assert not status.signed_in
    assert "another user pool or app client" in (status.problem or "")


def test_logging_out_revokes_and_forgets(pool: FakeCognito, store: TokenFiles) -> None:
    _log_in(pool, store, settings())
    assert service.log_out(CognitoProvider(pool), store, settings())
    assert store.load("prod") is None
    assert pool.live == {}
    assert not service.log_out(CognitoProvider(pool), store, settings())


def test_logging_out_does_not_send_the_refresh_token_to_another_endpoint(pool: FakeCognito, store: TokenFiles) -> None:
    _log_in(pool, store, settings())
    with pytest.raises(RefusedError):
        service.log_out(CognitoProvider(pool, "https://evil.example"), store, settings())
    assert store.load("prod") is None
    assert pool.calls[-1][0] != "RevokeToken"


@pytest.mark.parametrize("text", ["", "canary", "a.b.c", "a.e30.c", "..", "a.bnVsbA.c"])
def test_a_token_that_is_none_is_told_without_showing_it(text: str) -> None:
    with pytest.raises(AuthError) as raised:
        read_claims(text)
    assert "canary" not in raised.value.message


def test_claims_read_client_and_name_from_either_token() -> None:
    clock = FakeClock()
    for use in ("id", "access"):
        claims = read_claims(token(clock, "ada", use, 60))
        assert (claims.client_id, claims.username, claims.token_use) == (CLIENT_ID, "ada", use)


def test_status_tells_an_api_that_the_token_does_not_go_to(pool: FakeCognito, store: TokenFiles) -> None:
    _log_in(pool, store, settings())
    moved = service.status(store, settings(api_urls=("https://elsewhere.example/v1",)), FakeClock())
    assert not moved.signed_in
    assert "is not sent to https://elsewhere.example:443" in (moved.problem or "")
    one_more = service.status(store, settings(api_urls=(API, "https://elsewhere.example/v1")), FakeClock())
    assert one_more.signed_in
    assert "is not sent to https://elsewhere.example:443" in (one_more.problem or "")


def test_a_client_with_its_secret_stays_signed_in_when_its_token_ends(store: TokenFiles) -> None:
    binding = Binding(
        ISSUER, CLIENT_ID, "https://domain.example", ("https://abc123.execute-api.eu-west-1.amazonaws.com:443",)
    )
    store.save(SavedSignIn("prod", "client", Flow.CLIENT_CREDENTIALS, binding, START, START, "canary"))
    wanted = settings(flow=Flow.CLIENT_CREDENTIALS, client_secret="canary")
    found = service.status(store, wanted, FakeClock())
    assert (found.signed_in, found.is_expired, found.can_refresh) == (True, True, True)
    assert not service.status(store, settings(flow=Flow.CLIENT_CREDENTIALS), FakeClock()).signed_in
