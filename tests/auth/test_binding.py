"""The matrix of places a token must not go to."""

from __future__ import annotations

import pytest

from orderctl.auth.binding import check_destination, check_sign_in_endpoint, origin_of, origins_of
from orderctl.auth.models import Binding
from orderctl.errors import RefusedError
from tests.auth.helpers import API
from tests.fakes.cognito import CLIENT_ID, ENDPOINT, ISSUER

HOST = "abc123.execute-api.eu-west-1.amazonaws.com"
BOUND = Binding(ISSUER, CLIENT_ID, ENDPOINT, origins_of([API], is_local=False))

ALLOWED = [
    API,
    f"{API}/users/u-1?x=1",
    f"https://{HOST}:443/Prod/users",
    f"HTTPS://{HOST.upper()}/Prod",
]
REFUSED = {
    "another host": "https://evil.example/Prod/users",
    "http": f"http://{HOST}/Prod/users",
    "http on the https port": f"http://{HOST}:443/Prod/users",
    "another port": f"https://{HOST}:8443/Prod/users",
    "a subdomain of it": f"https://x.{HOST}/Prod",
    "it as a subdomain": f"https://{HOST}.evil.example/Prod",
    "a trailing dot": f"https://{HOST}./Prod",
    "it as user info": f"https://{HOST}@evil.example/Prod",
    "it as user and password": f"https://{HOST}:443@evil.example/Prod",
    "user info before it": f"https://user:canary@{HOST}/Prod",
    "an empty user": f"https://@{HOST}/Prod",
    "a backslash": f"https://evil.example\\@{HOST}/Prod",
    "a backslash after it": f"https://{HOST}\\.evil.example/Prod",
    "a tab": f"https://{HOST}\t.evil.example/Prod",
    "a new line": f"https://{HOST}/Prod\r\nHost: evil.example",
    "a space": f"https://{HOST} /Prod",
    "a fullwidth letter": f"https://\uff41bc123.{HOST}/Prod",
    "a fullwidth dot": f"https://{HOST}\uff0eevil.example",
    "a scheme-relative URL": f"//{HOST}/Prod",
    "no scheme": f"{HOST}/Prod",
    "no host": "https:///Prod",
    "three slashes": f"https:///{HOST}/Prod",
    "ftp": f"ftp://{HOST}/Prod",
    "file": "file:///etc/passwd",
    "a port that is none": f"https://{HOST}:99999/Prod",
    "a port that is text": f"https://{HOST}:x/Prod",
    "a bracket": f"https://[{HOST}/Prod",
    "loopback": "https://127.0.0.1/Prod",
    "loopback over http": "http://127.0.0.1:4566/Prod",
    "metadata service": "http://169.254.169.254/latest",
    "nothing": "",
}


@pytest.mark.parametrize("url", ALLOWED)
def test_the_bound_host_may_see_the_token(url: str) -> None:
    check_destination(BOUND, url, is_local=False)


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("is_local", [False, True])
def test_no_other_place_may(case: str, is_local: bool) -> None:
    with pytest.raises(RefusedError) as refused:
        check_destination(BOUND, REFUSED[case], is_local=is_local)
    assert "canary" not in refused.value.message


LOCAL = Binding(ISSUER, CLIENT_ID, "http://127.0.0.1:4566", ("http://127.0.0.1:4566",))


def test_the_local_stack_is_spoken_to_over_http_on_its_own_port() -> None:
    check_destination(LOCAL, "http://127.0.0.1:4566/_aws/execute-api/a1/Prod/users", is_local=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4567/users",
        "http://localhost:4566/users",
        "http://127.0.0.1.evil.example:4566/users",
        "http://127.1:4566/users",
        "http://0.0.0.0:4566/users",
        "http://[::1]:4566/users",
        "http://2130706433:4566/users",
        "https://127.0.0.1:4566/users",
    ],
)
def test_a_local_token_goes_nowhere_else(url: str) -> None:
    with pytest.raises(RefusedError):
        check_destination(LOCAL, url, is_local=True)


def test_an_environment_that_is_not_local_never_gets_http() -> None:
    with pytest.raises(RefusedError, match="local stack"):
        check_destination(LOCAL, "http://127.0.0.1:4566/users", is_local=False)


def test_a_refresh_token_goes_back_to_where_it_came_from_only() -> None:
    check_sign_in_endpoint(BOUND, ENDPOINT)
    for other in ("http://127.0.0.1:4566", "https://evil.example", ENDPOINT + ".evil.example"):
        with pytest.raises(RefusedError, match="is configured now"):
            check_sign_in_endpoint(BOUND, other)


def test_an_origin_is_scheme_host_and_port_in_one_form() -> None:
    assert origin_of(f"HTTPS://{HOST.upper()}/Prod", is_local=False) == f"https://{HOST}:443"
    assert origin_of("http://[::1]:4566/x", is_local=True) == "http://[::1]:4566"
