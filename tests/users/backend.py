"""The users API over HTTP: an authoriser that wants a live ID token, and a store behind it."""

from __future__ import annotations

import base64
import json
from urllib.parse import unquote

from orderctl.clock import Clock
from tests.fakes.http import Cut, Reply, Request


class UsersBackend:
    """Answers as API Gateway with a Cognito authoriser does; `faults` strike the next requests, in order."""

    def __init__(self, clock: Clock, *, wants: str = "id") -> None:
        self.users: dict[str, dict[str, object]] = {}
        self.faults: list[Reply | Cut] = []
        self.after_write: list[Reply | Cut] = []
        self._clock = clock
        self._wants = wants

    def __call__(self, request: Request) -> Reply | Cut:
        if self.faults:
            return self.faults.pop(0)
        refusal = self._authorise(request.headers.get("authorization", ""))
        if refusal is not None:
            return refusal
        if request.path == "/Prod/users" and request.method == "POST":
            return self._create(json.loads(request.body))
        if request.path.startswith("/Prod/users/") and request.method == "GET":
            user = self.users.get(unquote(request.path.rsplit("/", 1)[1]))
            return _answer(404, {"message": "no such user"}) if user is None else _answer(200, user)
        return _answer(403, {"message": "Missing Authentication Token"})

    def _authorise(self, sent: str) -> Reply | None:
        try:
            claims = json.loads(base64.urlsafe_b64decode(sent.split(".")[1] + "=="))
        except (IndexError, ValueError):
            return _answer(401, {"message": "Unauthorized"})
        if claims["token_use"] != self._wants or not sent.endswith(".c2lnbmF0dXJl"):
            return _answer(401, {"message": "Unauthorized"})
        if claims["exp"] <= self._clock.now().timestamp():
            return _answer(401, {"message": "The incoming token has expired"})
        return None

    def _create(self, body: dict[str, object]) -> Reply | Cut:
        user_id = str(body["user_id"])
        if "@" not in str(body["email"]):
            return _answer(400, {"message": "Invalid request body"})
        if user_id in self.users:
            return _answer(409, {"message": "exists already"})
        self.users[user_id] = body
        return self.after_write.pop(0) if self.after_write else _answer(201, body)


def _answer(status: int, body: dict[str, object]) -> Reply:
    return Reply(status, json.dumps(body), {"x-amzn-RequestId": "req-77"})
