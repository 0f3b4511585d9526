"""A world to examine: every answer is fine until a test says otherwise."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orderctl.doctor.models import CONCURRENCY, Caller, Quota

ROLE = "arn:aws:sts::123456789012:assumed-role/oncall/ann"


@dataclass
class FakeProbes:
    """`errors` by what is asked for: `caller`, a resource's name, an action, `allowed` or `quotas`."""

    account: str = "123456789012"
    skew: float | None = 0.4
    errors: dict[str, Exception] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    conditional: set[str] = field(default_factory=set)
    statuses: dict[str, int] = field(default_factory=dict)
    concurrency: float = 1000
    hanging: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def caller(self) -> Caller:
        self._ask("caller")
        return Caller(self.account, ROLE, self.skew)

    def resource(self, name: str, value: str) -> str | None:
        self._ask(name)
        return None if name == "import_bucket" else value

    def read(self, action: str, resource: str | None) -> None:
        self._ask(action)

    def allowed(self, caller: Caller, actions: Sequence[str], arn: str) -> Mapping[str, bool]:
        self._ask("allowed")
        return {action: action not in self.denied for action in actions if action not in self.conditional}

    def http_status(self, url: str) -> int:
        self._ask(url)
        return self.statuses.get(url, 401)

    def user_pool_status(self, pool_id: str) -> int:
        self._ask(pool_id)
        return self.statuses.get(pool_id, 200)

    def quotas(self) -> list[Quota]:
        self._ask("quotas")
        return [Quota(CONCURRENCY, self.concurrency)]

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.hanging:
            threading.Event().wait(30)
        if what in self.errors:
            raise self.errors[what]
