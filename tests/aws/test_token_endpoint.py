from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from orderctl.auth.models import Flow, SignInSettings
from orderctl.auth.renewers import client_credentials
from orderctl.aws.token_endpoint import TokenEndpointClient
from orderctl.errors import AuthError, NoConnectionError, UnreachableError
from tests.aws.test_api_gateway import CERTIFICATES
from tests.fakes.http import Cut, HttpServer, Reply, Request

SETTINGS = SignInSettings(
    "prod", Flow.CLIENT_CREDENTIALS, "client-1", (), client_secret="canary", scopes="users/write x"
)


def test_the_secret_goes_into_the_header_and_the_grant_into_the_form() -> None:
    granted = Reply(200, json.dumps({"access_token": "a.b.c", "expires_in": 600}))
    with HttpServer(lambda request: granted) as server:
        tokens = client_credentials(TokenEndpointClient(server.url + "/"), SETTINGS)
    sent = server.requests[0]
    assert (tokens.access_token, tokens.id_token, tokens.expires_in) == ("a.b.c", None, 600)
    assert (sent.method, sent.path) == ("POST", "/oauth2/token")
    assert base64.b64decode(sent.headers["authorization"].removeprefix("Basic ")) == b"client-1:canary"
    assert parse_qs(sent.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client-1"],
        "scope": ["users/write x"],
    }


@pytest.mark.parametrize(
    ("reply", "words", "hint"),
    [
        (Reply(400, '{"error": "invalid_client"}'), "invalid_client", "ORDERCTL_CLIENT_SECRET"),
        (Reply(400, '{"error": "invalid_scope"}'), "invalid_scope", "auth.scopes"),
        (Reply(400, '{"error": "invalid_grant", "error_description": "canary"}'), "invalid_grant", "auth login"),
        (Reply(400, '{"error": "<canary>"}'), "400", "auth.token_url"),
        (Reply(500, "<html>canary"), "500", "auth.token_url"),
        (Reply(200, "[]"), "200", "auth.token_url"),
        (Reply(200, ""), "200", "auth.token_url"),
    ],
)
def test_a_refusal_says_the_endpoints_word(reply: Reply, words: str, hint: str) -> None:
    with HttpServer(lambda request: reply) as server, pytest.raises(AuthError, match=words) as raised:
        client_credentials(TokenEndpointClient(server.url), SETTINGS)
    assert hint in (raised.value.hint or "")
    assert "canary" not in raised.value.message


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_carries_the_secret_away(status: int) -> None:
    def elsewhere(request: Request) -> Reply:
        return Reply(200, json.dumps({"access_token": "a.b.c"}))

    with HttpServer(elsewhere) as other:
        away = Reply(status, "", {"Location": other.url})
        with HttpServer(lambda request: away) as server, pytest.raises(AuthError):
            client_credentials(TokenEndpointClient(server.url), SETTINGS)
        assert other.requests == []


def test_a_lost_answer_is_not_asked_for_again() -> None:
    with HttpServer(lambda request: Cut()) as server:
        with pytest.raises(UnreachableError):
            client_credentials(TokenEndpointClient(server.url), SETTINGS)
        assert len(server.requests) == 1


def test_without_a_secret_nothing_is_sent() -> None:
    bare = SignInSettings("prod", Flow.CLIENT_CREDENTIALS, "client-1", ())
    with pytest.raises(AuthError) as raised:
        client_credentials(TokenEndpointClient("https://never.example"), bare)
    assert "ORDERCTL_CLIENT_SECRET" in (raised.value.hint or "")


@pytest.mark.parametrize("case", CERTIFICATES)
def test_a_bad_certificate_gets_neither_secret_nor_code(case: str, tmp_path: Path) -> None:
    trusted = tmp_path / "ca.pem"
    with HttpServer(lambda request: Reply(200, "{}"), tls=CERTIFICATES[case](tmp_path, trusted)) as server:
        endpoint = TokenEndpointClient(server.url, ca_bundle=str(trusted))
        with pytest.raises(NoConnectionError, match="SSLError"):
            client_credentials(endpoint, SETTINGS)
        with pytest.raises(NoConnectionError, match="SSLError"):
            endpoint.revoke("canary-refresh", None)
    assert server.requests == []


@pytest.mark.parametrize("more", ['"expires_in": null', '"expires_in": "soon"', '"id_token": 7, "refresh_token": []'])
def test_odd_values_beside_the_token_are_left_out(more: str) -> None:
    with HttpServer(lambda request: Reply(200, '{"access_token": "a.b.c", ' + more + "}")) as server:
        tokens = client_credentials(TokenEndpointClient(server.url), SETTINGS)
    assert (tokens.access_token, tokens.id_token, tokens.refresh_token) == ("a.b.c", None, None)
    assert tokens.expires_in == 3600
