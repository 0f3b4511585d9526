"""Settings, a prompter that answers, and a pool with one user, as most tests here need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from orderctl.auth.models import Flow, SignInSettings
from orderctl.clock import Clock
from tests.fakes.cognito import CLIENT_ID, POOL_ID, FakeCognito

API = "https://abc123.execute-api.eu-west-1.amazonaws.com/Prod"
PASSWORD = "Canary-pass-9f2c!"


def settings(**changes: Any) -> SignInSettings:
    values: dict[str, Any] = {
        "environment": "prod",
        "flow": Flow.SRP,
        "client_id": CLIENT_ID,
        "api_urls": (API,),
        "user_pool_id": POOL_ID,
        **changes,
    }
    return SignInSettings(**values)


def pool_with_ada(clock: Clock, **options: Any) -> FakeCognito:
    pool = FakeCognito(clock, **options)
    pool.add_user("ada", PASSWORD, alias="ada@example.com")
    return pool


@dataclass
class Answers:
    """A person who gives these answers, in this order; what was asked is kept."""

    answers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def ask_secret(self, label: str, *, flag: str | None = None) -> str:
        return self.ask(label)

    def ask_code(self, label: str) -> str:
        return self.ask(label)

    def ask(self, label: str, *, flag: str | None = None) -> str:
        self.asked.append(label)
        return self.answers.pop(0)

    def choose(self, label: str, options: Sequence[str], *, flag: str | None = None) -> str:
        return self.ask(f"{label}: {', '.join(options)}")
