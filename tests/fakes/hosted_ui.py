"""A user pool's domain that really checks: codes are good once, for one redirect URI, and only with the verifier.

`Browser` is the person's: it opens the sign-in page, follows the redirect back to loopback and keeps what it saw. A
test changes the answer it brings (`bring`) to be somebody who should not be let in.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from orderctl.clock import Clock
from tests.fakes.cognito import CLIENT_ID, token
from tests.fakes.http import Reply, Request


@dataclass
class HostedUi:
    """`/oauth2/authorize`, `/oauth2/token` and `/oauth2/revoke` of one app client."""

    clock: Clock
    callbacks: tuple[str, ...] = ()
    denies: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    grants: list[dict[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Reply:
        path = urlsplit(request.path)
        if path.path == "/oauth2/authorize":
            return self._authorize(_flat(path.query))
        form = _flat(request.body.decode())
        if path.path == "/oauth2/revoke":
            self.revoked.append(form["token"])
            return Reply(200)
        self.grants.append(form)
        return self._token(form)

    def _authorize(self, query: dict[str, str]) -> Reply:
        self.asked.append(query)
        if query["client_id"] != CLIENT_ID or query["redirect_uri"] not in self.callbacks:
            return Reply(400, "redirect_mismatch")
        answer = {"state": query["state"]}
        if self.denies:
            answer |= {"error": "access_denied", "error_description": "canary <script>"}
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.codes[answer["code"]] = query
        return Reply(302, "", {"Location": f"{query['redirect_uri']}?{urlencode(answer)}"})

    def _token(self, form: dict[str, str]) -> Reply:
        if form["grant_type"] == "refresh_token":
            return self._tokens() if form["refresh_token"] in self.live else self._refuse("invalid_grant")
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return self._refuse("invalid_grant")
        digest = hashlib.sha256(form["code_verifier"].encode("ascii")).digest()
        if asked["code_challenge"] != base64.urlsafe_b64encode(digest).decode().replace("=", ""):
            return self._refuse("invalid_grant")
        return self._tokens()

    def _tokens(self) -> Reply:
        refresh = f"refresh-{secrets.token_hex(16)}"
        self.live.add(refresh)
        found = {
            "access_token": token(self.clock, "ada", "access", 3600),
            "id_token": token(self.clock, "ada", "id", 3600),
            "refresh_token": refresh,
            "expires_in": 3600,
        }
        return Reply(200, json.dumps(found))

    def _refuse(self, word: str) -> Reply:
        self.refused.append(word)
        return Reply(400, json.dumps({"error": word}))


def as_it_is(location: str) -> list[str]:
    return [location]


@dataclass
class Browser:
    """Opens a page in a thread, as a browser does; `bring` makes of the redirect the addresses it goes to."""

    bring: Callable[[str], list[str]] = as_it_is
    pages: list[tuple[int, str]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def __call__(self, url: str) -> bool:
        self.opened.append(url)
        self.threads.append(threading.Thread(target=self._go, args=(url,), daemon=True))
        self.threads[-1].start()
        return True

    def settled(self) -> list[tuple[int, str]]:
        """The pages it was shown, once it has them all."""
        for thread in self.threads:
            thread.join(10)
        return self.pages

    def _go(self, url: str) -> None:
        import urllib3

        pool = urllib3.PoolManager()
        found = pool.request("GET", url, redirect=False, retries=False)
        for address in self.bring(found.headers["Location"]):
            shown = pool.request("GET", address, redirect=False, retries=False)
            self.pages.append((shown.status, shown.data.decode()))


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
