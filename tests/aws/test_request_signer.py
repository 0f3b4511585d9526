"""Signed requests against a server that checks the signature by AWS's description of it, not by botocore."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from botocore.credentials import ReadOnlyCredentials

from orderctl.aws.request_signer import RequestSigner
from orderctl.errors import AuthError, RefusedError
from tests.cli.signed_in import World, world
from tests.fakes.http import HttpServer, Reply, Request

API = "https://abc123.execute-api.eu-west-1.amazonaws.com/Prod"
KEY, SECRET, SESSION = "AKIDEXAMPLE", "canary-secret-key", "canary-session"


class Gateway:
    """An API with AWS_IAM on its methods: 403 unless the request was signed with `secret`."""

    def __init__(self, *, secret: str = "local", service: str = "execute-api") -> None:
        self.secret, self.service = secret, service
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        self.seen.append(request)
        said = request.headers.get("authorization", "")
        if not said.startswith("AWS4-HMAC-SHA256 "):
            return Reply(403, '{"message":"Missing Authentication Token"}')
        if not hmac.compare_digest(self._signature(request, said), said.rpartition("Signature=")[2]):
            return Reply(403, '{"message":"The request signature we calculated does not match"}')
        if request.method == "POST":
            return Reply(201, '{"message": "created"}')
        return Reply(200, '{"user_id": "u-1", "email": "ada@example.com", "name": "Ada"}')

    def _signature(self, request: Request, said: str) -> str:
        fields = dict(part.strip().split("=", 1) for part in said.split(" ", 1)[1].split(","))
        _, day, region, service, _ = fields["Credential"].split("/")
        assert service == self.service
        names = fields["SignedHeaders"].split(";")
        assert "host" in names
        path = quote(urlsplit(request.path).path, safe="/~-_.")
        headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
        payload = hashlib.sha256(request.body).hexdigest()
        canonical = "\n".join([request.method, path, "", headers, ";".join(names), payload])
        scope = f"{day}/{region}/{service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, digest])
        key = b"AWS4" + self.secret.encode()
        for step in (day, region, service, "aws4_request"):
            key = hmac.new(key, step.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def signer(token: str | None = None, *, region: str | None = "us-east-1", url: str = API) -> RequestSigner:
    return RequestSigner(lambda: ReadOnlyCredentials(KEY, SECRET, token), lambda: region, (url,), is_local=False)


def test_the_signature_is_for_the_region_of_the_host_and_carries_the_session() -> None:
    headers = signer(SESSION).headers("GET", f"{API}/users/u-1", None)
    assert f"Credential={KEY}/" in headers["Authorization"]
    assert "/eu-west-1/execute-api/aws4_request" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == SESSION
    assert SECRET not in repr(headers)


def test_a_domain_of_ones_own_is_signed_for_the_region_in_force() -> None:
    url = "https://api.example.com/users"
    assert "/us-east-1/execute-api/" in signer(url=url).headers("GET", url, None)["Authorization"]
    with pytest.raises(AuthError, match="Region"):
        signer(region=None, url=url).headers("GET", url, None)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/users",
        API.replace("https", "http"),
        API.replace("https://", "https://evil.example@"),
        API.replace("https://", "https://user:pass@"),
        API.replace("amazonaws.com", "amazonaws.com:8443"),
        API.replace("amazonaws.com", "amazonaws.com.evil.example"),
        API.replace("amazonaws.com", "amazonaws.com\\@evil.example"),
    ],
)
def test_no_other_place_is_signed_for(url: str) -> None:
    with pytest.raises(RefusedError):
        signer(SESSION).headers("GET", f"{url}/users/u-1", None)


def at(api: HttpServer, flow: str) -> dict[str, str]:
    return {"ORDERCTL_AUTH_FLOW": flow, "ORDERCTL_USERS_API_URL": f"{api.url}/Prod"}


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_a_user_is_read_and_created_with_a_signature_and_no_token(w: World) -> None:
    assert w.log_in().code == 0
    gateway = Gateway()
    with HttpServer(gateway) as api:
        environ = at(api, "iam")
        done = w.run("users", "get", "u-1", "-o", "json", environ=environ)
        assert (done.code, json.loads(done.out)["name"]) == (0, "Ada"), done.err
        create = ("users", "create", "--user-id", "ü 1/2", "--email", "a@example.com", "--name", "Ä")
        assert w.run(*create, environ=environ).code == 0
        odd = w.run("users", "get", "ü 1/2", environ=environ)
        assert "is not user" in odd.err, "the path was signed as it was sent"
    saved = json.loads(w.token_file.read_text())
    sent = repr([(request.headers, request.path) for request in gateway.seen])
    assert not [name for name in ("id_token", "access_token", "refresh_token") if saved[name] in sent]


def test_a_wrong_secret_is_exit_4_and_says_what_was_sent(w: World) -> None:
    with HttpServer(Gateway(secret="another")) as api:
        environ = at(api, "iam")
        done = w.run("users", "get", "u-1", environ=environ)
    assert done.code == 4
    assert "the signature of the AWS credentials" in done.err


def test_flow_none_sends_neither_signature_nor_token(w: World) -> None:
    assert w.log_in().code == 0
    with HttpServer(lambda request: Reply(404, "{}")) as api:
        environ = at(api, "none")
        assert w.run("users", "get", "u-1", environ=environ).code == 3
        assert "authorization" not in api.requests[0].headers
