"""The HTTP client against real sockets: what it sends, where, and what it does when the answer does not come."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orderctl.auth.binding import origin_of
from orderctl.aws.api_gateway import ApiGateway
from orderctl.errors import RefusedError, UsageError
from orderctl.users.ports import NotSentError, ReplyLostError
from tests.fakes.http import Cut, HttpServer, Reply, Request


class Bound:
    """Sends a token to one origin only, as the real authoriser does; `renewals` tokens are left."""

    description = "the ID token"

    def __init__(self, url: str, tokens: list[str] | None = None) -> None:
        self._origin = origin_of(url, is_local=True)
        self._tokens = tokens or ["canary-token"]
        self.renewed = 0

    def headers(self, method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        if origin_of(url, is_local=True) != self._origin:
            raise RefusedError("not bound to that host")
        return {"Authorization": self._tokens[0]}

    def renew(self, rejected: Mapping[str, str]) -> bool:
        self.renewed += 1
        if len(self._tokens) > 1:
            self._tokens.pop(0)
        return self._tokens[0] != rejected["Authorization"]


def _api(server: HttpServer, **options: float) -> ApiGateway:
    return ApiGateway(f"{server.url}/Prod/", Bound(server.url), **options)  # type: ignore[arg-type]


def _echo(request: Request) -> Reply:
    return Reply(200, request.body or b"{}", {"x-amzn-RequestId": "r-1", "X-Thing": "yes"})


def test_method_path_body_and_token_arrive() -> None:
    with HttpServer(_echo) as server:
        answer = _api(server).request("POST", "/users", {"user_id": "ü-1", "n": 12345678901234567890})
    sent = server.requests[0]
    assert (sent.method, sent.path) == ("POST", "/Prod/users")
    assert sent.body == '{"user_id": "ü-1", "n": 12345678901234567890}'.encode()
    assert sent.headers["authorization"] == "canary-token"
    assert sent.headers["content-type"] == "application/json"
    assert (answer.status, answer.request_id, answer.headers["x-thing"]) == (200, "r-1", "yes")
    assert "12345678901234567890" in answer.body_text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with HttpServer(_echo) as other:
        to_other = Reply(status, "", {"Location": f"{other.url}/steal"})
        with HttpServer(lambda request: to_other) as server:
            assert _api(server).request("GET", "/users/u-1").status == status
    assert len(server.requests) == 1
    assert other.requests == []


def test_proxies_named_in_the_environment_see_nothing() -> None:
    script = (
        "import sys\nfrom orderctl.auth.authorizer import NoAuthorizer\n"
        "from orderctl.aws.api_gateway import ApiGateway\n"
        "print(ApiGateway(sys.argv[1], NoAuthorizer()).request('GET', '/users/u-1').status)"
    )
    with HttpServer(_echo) as proxy, HttpServer(_echo) as server:
        names = ("http_proxy", "https_proxy", "all_proxy")
        proxies = {spelled: proxy.url for name in names for spelled in (name, name.upper())}
        child = subprocess.run(
            [sys.executable, "-c", script, server.url], env={**os.environ, **proxies}, capture_output=True, text=True
        )
        assert (child.returncode, child.stdout) == (0, "200\n"), child.stderr
        assert proxy.requests == []
        assert len(server.requests) == 1


def test_a_host_the_token_is_not_bound_to_is_sent_nothing() -> None:
    with HttpServer(_echo) as server, HttpServer(_echo) as other:
        with pytest.raises(RefusedError):
            ApiGateway(other.url, Bound(server.url)).request("GET", "/users/u-1")
        assert other.requests == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_retried_here(status: int, method: str) -> None:
    with HttpServer(lambda request: Reply(status, "", {"Retry-After": "0"})) as server:
        assert _api(server).request(method, "/users", {}).status == status
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [Cut(), Cut(promised=50), Cut(after_seconds=1.0)])
def test_an_answer_that_does_not_come_whole_is_a_lost_reply(fault: Cut) -> None:
    with HttpServer(lambda request: fault) as server:
        with pytest.raises(ReplyLostError) as lost:
            _api(server, read_seconds=0.4).request("POST", "/users", {"name": "canary-body"})
        assert len(server.requests) == 1
    assert "canary" not in lost.value.message


def test_a_closed_port_is_a_request_that_was_not_sent() -> None:
    with HttpServer(_echo) as server:
        gone = server.url
    with pytest.raises(NotSentError) as raised:
        ApiGateway(gone, Bound(gone)).request("POST", "/users", {})
    assert "safe to run again" in (raised.value.hint or "")


EXPIRED = [
    Reply(401, '{"message": "The incoming token has expired"}'),
    Reply(401, '{"message": "Unauthorized"}', {"www-authenticate": 'Bearer error_description="the token has expired"'}),
]


@pytest.mark.parametrize("expired", EXPIRED)
def test_an_expired_token_is_renewed_and_the_request_sent_once_more(expired: Reply) -> None:
    def handler(request: Request) -> Reply:
        return Reply(201) if request.headers["authorization"] == "new" else expired

    with HttpServer(handler) as server:
        bound = Bound(server.url, ["old", "new"])
        assert ApiGateway(server.url, bound).request("POST", "/users", {}).status == 201
    assert len(server.requests) == 2
    assert bound.renewed == 1


def test_a_token_that_is_still_expired_is_not_sent_a_third_time() -> None:
    with HttpServer(lambda request: EXPIRED[0]) as server:
        assert ApiGateway(server.url, Bound(server.url, ["old", "new"])).request("GET", "/users/u").status == 401
        assert len(server.requests) == 2


@pytest.mark.parametrize("reply", [Reply(401, '{"message": "Unauthorized"}'), Reply(403, '{"message": "expired"}')])
def test_any_other_refusal_is_not_repeated(reply: Reply) -> None:
    with HttpServer(lambda request: reply) as server:
        ApiGateway(server.url, Bound(server.url, ["old", "new"])).request("GET", "/users/u")
        assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"\xff\xfe\x00", b"[" * 100_000, b'{"message": 5}'])
def test_no_body_breaks_the_answer(body: bytes) -> None:
    with HttpServer(lambda request: Reply(502, body)) as server:
        answer = _api(server).request("GET", "/users/u")
    assert answer.status == 502
    assert len(answer.words()) <= 301


def test_a_base_url_with_a_query_is_refused() -> None:
    with pytest.raises(UsageError):
        ApiGateway("https://api.example/Prod?x=1", Bound("https://api.example"))


def test_an_answer_does_not_show_its_body_in_its_repr() -> None:
    with HttpServer(lambda request: Reply(200, '{"email": "canary@example.com"}')) as server:
        assert "canary" not in repr(_api(server).request("GET", "/users/u"))


@pytest.mark.parametrize("case", ["self-signed", "another host", "expired"])
def test_a_bad_certificate_ends_before_anything_is_sent(case: str, tmp_path: Path) -> None:
    trusted = tmp_path / "ca.pem"
    tls = CERTIFICATES[case](tmp_path, trusted)
    with HttpServer(_echo, tls=tls) as server:
        api = ApiGateway(server.url, Bound(server.url), ca_bundle=str(trusted))
        with pytest.raises(NotSentError, match=r"(?i)certificate"):
            api.request("GET", "/users/u-1")
        assert server.requests == []


def test_a_good_certificate_of_a_trusted_authority_is_accepted(tmp_path: Path) -> None:
    trusted = tmp_path / "ca.pem"
    with HttpServer(_echo, tls=_certificate(tmp_path, trusted)) as server:
        api = ApiGateway(server.url, Bound(server.url), ca_bundle=str(trusted))
        assert api.request("GET", "/users/u-1").status == 200


def test_a_certificate_no_bundle_knows_is_refused_with_the_default_bundle(tmp_path: Path) -> None:
    tls = _certificate(tmp_path, tmp_path / "ca.pem")
    with HttpServer(_echo, tls=tls) as server, pytest.raises(NotSentError, match=r"(?i)certificate"):
        ApiGateway(server.url, Bound(server.url)).request("GET", "/users/u-1")


def _certificate(folder: Path, trusted: Path, *, host: str = "127.0.0.1", days: int = 2) -> ssl.SSLContext:
    """A server context whose certificate is its own authority, written to `trusted`."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "orderctl test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "server.pem").write_bytes(private + pem)
    trusted.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def _unknown(folder: Path, trusted: Path) -> ssl.SSLContext:
    """Another authority is trusted, of the same name."""
    _certificate(folder, trusted)
    return _certificate(folder, folder / "own.pem")


CERTIFICATES: dict[str, Callable[[Path, Path], ssl.SSLContext]] = {
    "self-signed": _unknown,
    "another host": lambda folder, trusted: _certificate(folder, trusted, host="127.0.0.2"),
    "expired": lambda folder, trusted: _certificate(folder, trusted, days=-1),
}


def test_tls_that_fails_behind_the_request_is_a_lost_reply(tmp_path: Path) -> None:
    """A request that was read whole, answered with bytes that are no TLS record."""
    trusted = tmp_path / "ca.pem"
    tls = _certificate(tmp_path, trusted)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        received: list[bytes] = []

        def serve() -> None:
            connection, _ = listening.accept()
            raw = os.dup(connection.fileno())
            with tls.wrap_socket(connection, server_side=True) as secure:
                received.append(secure.recv(65536))
                os.write(raw, b"\x17\x03\x03\x00\x20" + bytes(32))
                os.close(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ReplyLostError):
            ApiGateway(url, Bound(url), ca_bundle=str(trusted)).request("GET", "/users/u-1")
        thread.join(5)
    assert received[0].startswith(b"GET /users/u-1 ")


@pytest.mark.parametrize("kind", ["missing", "empty", "folder"])
def test_a_bundle_that_cannot_be_read_is_found_before_anything_is_sent(kind: str, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    if kind == "empty":
        bundle.touch()
    elif kind == "folder":
        bundle.mkdir()
    with HttpServer(_echo) as server, pytest.raises(UsageError, match="cannot read the certificates"):
        ApiGateway(server.url, Bound(server.url), ca_bundle=str(bundle)).request("POST", "/users", {})
    assert server.requests == []
