"""The users API in memory: conflicts, and faults that strike before or after the write as scripted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from enum import Enum
from urllib.parse import unquote

from orderctl import jsontext
from orderctl.users.ports import ApiAnswer, NotSentError, ReplyLostError


class Fault(Enum):
    """What happens to one POST."""

    NOT_SENT = "the connection was refused"
    LOST_BEFORE = "cut before the write"
    LOST_AFTER = "cut after the write"
    ERROR_BEFORE = "500 before the write"
    ERROR_AFTER = "502 after the write"
    THROTTLED = "429"
    THROTTLED_POLITELY = "429 with Retry-After"


class FakeUsersApi:
    """Implements the UsersApi port; `fault(n)` says what strikes the n-th POST (from 0)."""

    def __init__(self, fault: Callable[[int], Fault | None] = lambda n: None) -> None:
        self.users: dict[str, dict[str, object]] = {}
        self.writes: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.read_faults: list[ApiAnswer | Exception] = []
        self.at_once = 0
        self.most_at_once = 0
        self._fault = fault
        self._posts = 0
        self._lock = threading.Lock()

    def request(self, method: str, path: str, json_body: Mapping[str, object] | None = None) -> ApiAnswer:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            with self._lock:
                self.requests.append((method, path))
                return self._post(json_body or {}) if method == "POST" else self._get(unquote(path.split("/")[-1]))
        finally:
            with self._lock:
                self.at_once -= 1

    def _post(self, body: Mapping[str, object]) -> ApiAnswer:
        fault = self._fault(self._posts)
        self._posts += 1
        match fault:
            case Fault.NOT_SENT:
                raise NotSentError("connection refused")
            case Fault.LOST_BEFORE:
                raise ReplyLostError("connection reset")
            case Fault.ERROR_BEFORE:
                return answer(500, '{"message": "Internal server error"}')
            case Fault.THROTTLED:
                return answer(429, '{"message": "Too Many Requests"}')
            case Fault.THROTTLED_POLITELY:
                return answer(429, "", {"retry-after": "3"})
        stored = self._store(body)
        if fault is Fault.LOST_AFTER:
            raise ReplyLostError("connection reset")
        return answer(502, "<html>Bad Gateway</html>") if fault is Fault.ERROR_AFTER else stored

    def _store(self, body: Mapping[str, object]) -> ApiAnswer:
        user_id = str(body["user_id"])
        if user_id in self.users:
            return answer(409, '{"message": "exists"}')
        self.users[user_id] = jsontext.loads(jsontext.dumps(body))
        self.writes.append(user_id)
        return answer(201, jsontext.dumps(body))

    def _get(self, user_id: str) -> ApiAnswer:
        if self.read_faults:
            fault = self.read_faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        if user_id not in self.users:
            return answer(404, '{"message": "no such user"}')
        return answer(200, jsontext.dumps(self.users[user_id]))


def answer(status: int, text: str = "", headers: Mapping[str, str] | None = None, **more: str) -> ApiAnswer:
    return ApiAnswer(status, headers or {}, text, more.pop("request_id", "r-1"), **more)


def message(status: int, text: str, headers: Mapping[str, str] | None = None, **more: str) -> ApiAnswer:
    return answer(status, json.dumps({"message": text}), headers, **more)
