"""An import over real connections that break: every row accounted for, none created twice.

The faults come by a seeded draw, one request in ten: refused for now, failed before and after the write, cut before
and after the write, and an answer announced and never sent.
"""

from __future__ import annotations

import io
import json
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from orderctl.auth.authorizer import NoAuthorizer
from orderctl.aws.api_gateway import ApiGateway
from orderctl.clock import SystemClock
from orderctl.documents import opened
from orderctl.users.import_file import ImportFile, read_import
from orderctl.users.importing import Importer
from orderctl.users.journal import JournalFile
from orderctl.users.models import SETTLED
from orderctl.users.service import Users
from tests.fakes.http import Cut, HttpServer, Reply, Request

ROWS = 400
FAULTS = ("429", "429 politely", "500 before", "500 after", "cut before", "cut after", "half an answer")


class Quick(SystemClock):
    """Real time, a hundred times faster."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 100)


class Faulty:
    """A users API that breaks; until it `knows_conflicts` it takes any write, so that a second one is seen."""

    def __init__(self, seed: int) -> None:
        self.users: dict[str, dict[str, object]] = {}
        self.writes: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.knows_conflicts = False
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply | Cut:
        with self._lock:
            fault = self._chance.choice(FAULTS) if self._chance.random() < 0.1 else ""
            self.struck[fault] += 1
            match fault:
                case "429":
                    return Reply(429)
                case "429 politely":
                    return Reply(429, "", {"Retry-After": "1"})
                case "500 before":
                    return Reply(500, "<html>")
                case "cut before":
                    return Cut()
            answer = self._create(json.loads(request.body)) if request.method == "POST" else self._get(request.path)
            after: dict[str, Reply | Cut] = {
                "500 after": Reply(502, ""),
                "cut after": Cut(),
                "half an answer": Cut(promised=99),
            }
            return after.get(fault, answer)

    def _create(self, body: dict[str, object]) -> Reply:
        user_id = str(body["user_id"])
        if user_id in self.users and self.knows_conflicts:
            return Reply(409, '{"message": "exists"}')
        self.users[user_id] = body
        self.writes[user_id] += 1
        return Reply(201, json.dumps(body))

    def _get(self, path: str) -> Reply:
        found = self.users.get(path.rsplit("/", 1)[1])
        return Reply(404, "{}") if found is None else Reply(200, json.dumps(found))


def _file() -> ImportFile:
    rows = "".join(f"u-{n},user{n}@example.com,Name {n}\n" for n in range(ROWS))
    with opened("-", io.StringIO(f"user_id,email,name\n{rows}")) as source:
        return read_import(source)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_is_accounted_for_and_none_is_created_twice(tmp_path: Path, seed: int) -> None:
    file, clock, api = _file(), Quick(), Faulty(seed)
    with HttpServer(api) as server:
        for _ in range(5):
            gateway = ApiGateway(server.url, NoAuthorizer(), connections=8)
            journal = JournalFile(tmp_path, file.digest, server.url)
            reports = list(Importer(Users(gateway, clock), journal, clock).run(file))
            assert sorted(report.line for report in reports) == [row.line for row in file.rows]
            assert {report.user_id for report in reports if report.outcome in SETTLED} <= set(api.users)
            assert max(api.writes.values()) == 1
            if all(report.outcome in SETTLED for report in reports):
                break
            api.knows_conflicts = True  # a row that was given up as not known may be there, and is sent again
    assert all(report.outcome in SETTLED for report in reports)
    assert sum(api.writes.values()) == len(api.users) == ROWS
    assert all(api.struck[fault] for fault in FAULTS)
