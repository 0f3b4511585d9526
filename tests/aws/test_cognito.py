"""The real adapter, over the wire, against the pool that verifies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from orderctl.auth.models import Flow, Tokens
from orderctl.auth.prompter import NoTerminal
from orderctl.auth.secret_hash import secret_hash
from orderctl.auth.sign_in import SignIn
from orderctl.aws.cognito import CognitoSignIn
from orderctl.errors import AuthError, ThrottledError, UnreachableError, UsageError
from tests.auth.helpers import PASSWORD, pool_with_ada, settings
from tests.fakes.clock import FakeClock
from tests.fakes.cognito import CLIENT_ID, CognitoFault, FakeCognito
from tests.fakes.http import Cut, HttpServer, Reply, Request

if TYPE_CHECKING:
    from types_boto3_cognito_idp.client import CognitoIdentityProviderClient

SECRET = "an-app-clients-secret-is-some-fifty-characters-long"


@pytest.fixture
def pool() -> FakeCognito:
    return pool_with_ada(FakeClock())


@pytest.fixture
def server(pool: FakeCognito) -> Iterator[HttpServer]:
    with HttpServer(pool.reply) as running:
        yield running


@pytest.fixture
def cognito(server: HttpServer) -> CognitoSignIn:
    return CognitoSignIn(_client(server.url), CLIENT_ID)


def _client(url: str) -> CognitoIdentityProviderClient:
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, read_timeout=5)
    client: CognitoIdentityProviderClient = boto3.client(
        "cognito-idp", region_name="eu-west-1", endpoint_url=url, config=config
    )
    return client


def _sign_in(cognito: CognitoSignIn, flow: Flow, password: str = PASSWORD) -> Tokens:
    return SignIn(cognito, settings(flow=flow), NoTerminal(), FakeClock()).run("ada", password)


@pytest.mark.parametrize("flow", [Flow.SRP, Flow.PASSWORD])
def test_the_right_password_signs_in(cognito: CognitoSignIn, flow: Flow) -> None:
    tokens = _sign_in(cognito, flow)
    assert tokens.access_token
    assert tokens.id_token
    assert tokens.refresh_token


@pytest.mark.parametrize("flow", [Flow.SRP, Flow.PASSWORD])
def test_a_wrong_password_is_refused_in_plain_words(cognito: CognitoSignIn, flow: Flow) -> None:
    with pytest.raises(AuthError, match="wrong user name or password") as raised:
        _sign_in(cognito, flow, "wrong-canary")
    assert raised.value.aws is not None
    assert raised.value.aws.code == "NotAuthorizedException"
    assert "canary" not in repr((raised.value.message, raised.value.hint, raised.value.aws))


def test_an_unknown_user_reads_like_a_wrong_password(cognito: CognitoSignIn) -> None:
    with pytest.raises(AuthError, match="wrong user name or password"):
        SignIn(cognito, settings(), NoTerminal(), FakeClock()).run("nobody", PASSWORD)


def test_the_calls_carry_no_aws_signature(cognito: CognitoSignIn, server: HttpServer) -> None:
    _sign_in(cognito, Flow.SRP)
    assert len(server.requests) == 2
    assert not any("authorization" in request.headers for request in server.requests)


def test_the_endpoint_is_the_one_really_asked(cognito: CognitoSignIn, server: HttpServer) -> None:
    assert cognito.endpoint == server.url


def test_the_endpoint_of_aws_is_its_regional_one() -> None:
    client = _client("https://cognito-idp.eu-west-1.amazonaws.com")
    assert CognitoSignIn(client, CLIENT_ID).endpoint == "https://cognito-idp.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("rotation", [True, False])
def test_a_refresh_token_gives_new_tokens(rotation: bool) -> None:
    pool = pool_with_ada(FakeClock(), rotation=rotation)
    with HttpServer(pool.reply) as server:
        cognito = CognitoSignIn(_client(server.url), CLIENT_ID)
        first = _sign_in(cognito, Flow.PASSWORD)
        second = cognito.refresh(first.refresh_token or "", None, None)
        assert second.access_token != first.access_token
        assert bool(second.refresh_token) is rotation


def test_a_pool_without_the_new_call_is_refreshed_the_old_way() -> None:
    pool = pool_with_ada(FakeClock(), client_secret=SECRET)
    pool.knows_get_tokens = False
    pool.live["refresh-1"] = "ada"
    with HttpServer(pool.reply) as server:
        cognito = CognitoSignIn(_client(server.url), CLIENT_ID)
        assert cognito.refresh("refresh-1", SECRET, secret_hash("ada", CLIENT_ID, SECRET)).access_token
        assert [operation for operation, _ in pool.calls] == ["GetTokensFromRefreshToken", "InitiateAuth"]


@pytest.mark.parametrize("knows_get_tokens", [True, False])
def test_the_device_key_goes_with_a_refresh_over_the_wire(knows_get_tokens: bool) -> None:
    pool = pool_with_ada(FakeClock())
    pool.device_key, pool.knows_get_tokens = "eu-west-1_device", knows_get_tokens
    with HttpServer(pool.reply) as server:
        cognito = CognitoSignIn(_client(server.url), CLIENT_ID)
        tokens = _sign_in(cognito, Flow.PASSWORD)
        assert tokens.device_key == "eu-west-1_device"
        assert cognito.refresh(tokens.refresh_token or "", None, None, tokens.device_key).access_token


def test_a_spent_refresh_token_is_not_tried_the_old_way(pool: FakeCognito, cognito: CognitoSignIn) -> None:
    pool.spent.add("refresh-1")
    with pytest.raises(AuthError, match="spent"):
        cognito.refresh("refresh-1", None, None)
    assert len(pool.calls) == 1


def test_revoking_ends_the_sign_in(pool: FakeCognito, cognito: CognitoSignIn) -> None:
    tokens = _sign_in(cognito, Flow.PASSWORD)
    cognito.revoke(tokens.refresh_token or "", None)
    assert pool.live == {}


FAULTS = [
    ("UserNotConfirmedException", AuthError, "not confirmed"),
    ("PasswordResetRequiredException", AuthError, "reset"),
    ("InvalidPasswordException", AuthError, "rules: the words"),
    ("ExpiredCodeException", AuthError, "expired"),
    ("InvalidParameterException", AuthError, "the words"),
    ("ResourceNotFoundException", UsageError, "no such app client"),
    ("TooManyRequestsException", ThrottledError, "the words"),
    ("ForbiddenException", AuthError, "firewall"),
]


@pytest.mark.parametrize(("code", "kind", "words"), FAULTS)
def test_each_refusal_has_its_own_words(code: str, kind: type[Exception], words: str) -> None:
    def refuse(request: Request) -> Reply:
        return Reply(400, f'{{"__type": "{code}", "message": "the words"}}')

    with HttpServer(refuse) as server, pytest.raises(kind, match=words):
        _sign_in(CognitoSignIn(_client(server.url), CLIENT_ID), Flow.PASSWORD)


def test_a_lost_answer_is_not_sent_again() -> None:
    with HttpServer(lambda request: Cut()) as server:
        with pytest.raises(UnreachableError):
            CognitoSignIn(_client(server.url), CLIENT_ID).refresh("refresh-1", None, None)
        assert len(server.requests) == 1


def test_an_unusable_value_is_refused_without_being_shown(cognito: CognitoSignIn) -> None:
    with pytest.raises(UsageError) as raised:
        cognito.start("USER_PASSWORD_AUTH", {"PASSWORD": ["canary"]})  # type: ignore[dict-item]
    assert "canary" not in raised.value.message
    assert raised.value.__suppress_context__


def test_an_answer_with_neither_tokens_nor_challenge_is_told() -> None:
    words = "neither tokens nor a challenge"
    with HttpServer(lambda request: Reply(200, "{}")) as server, pytest.raises(AuthError, match=words):
        _sign_in(CognitoSignIn(_client(server.url), CLIENT_ID), Flow.PASSWORD)


def test_faults_of_the_pool_are_told_apart_from_answers(pool: FakeCognito) -> None:
    with pytest.raises(CognitoFault):
        pool.call("InitiateAuth", {"ClientId": "another"})
