"""Resources found in the environment's CloudFormation stack, remembered for an hour.

Outputs first: they are the stack's own statement of what it offers. What no output names is looked up among
the stack's resources when exactly one of its type exists there; two of a type are a guess, and are not made.
The cache is keyed by everything that decides which stack is meant, so another account, Region or endpoint
never answers for this one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from orderctl.atomic import write_private
from orderctl.clock import Clock
from orderctl.config.resolve import Environment
from orderctl.config.schema import KEYS

LIFETIME = timedelta(hours=1)

_TYPES: dict[str, str] = {
    "resources.event_bus": "AWS::Events::EventBus",
    "resources.event_archive": "AWS::Events::Archive",
    "resources.notification_topic": "AWS::SNS::Topic",
    "resources.user_pool_id": "AWS::Cognito::UserPool",
    "auth.client_id": "AWS::Cognito::UserPoolClient",
}
"""Types a stack usually has one of. State machines and tables are not here: the kind must be known, not guessed."""


class Stacks(Protocol):
    """What discovery asks of CloudFormation."""

    def outputs(self, stack: str) -> Mapping[str, str]:
        """Output key to value; raises NotFoundError."""

    def resources(self, stack: str) -> Mapping[str, tuple[str, ...]]:
        """Resource type to the physical ids of that type, all pages."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a stack offers: dotted key to value, and the output or type that said so."""

    values: Mapping[str, str]
    origins: Mapping[str, str]


def discover(
    environment: Environment, stacks: Stacks, cache: Path, clock: Clock, *, refresh: bool = False
) -> Discovered:
    """Ask the stack, or the cache when it is younger than `LIFETIME` and `refresh` is not set."""
    stack = environment.required("stack")
    file = cache / "discovery" / f"{_fingerprint(environment)}.json"
    if not refresh:
        remembered = _remembered(file, clock)
        if remembered is not None:
            return remembered
    found = _ask(stack, stacks)
    record = {"at": clock.now().timestamp(), "values": dict(found.values), "origins": dict(found.origins)}
    write_private(file, json.dumps(record).encode())
    return found


def _ask(stack: str, stacks: Stacks) -> Discovered:
    outputs = stacks.outputs(stack)
    named = [(key.path, key.output) for key in KEYS if key.output is not None and key.output in outputs]
    values = {path: outputs[output] for path, output in named}
    origins = {path: f"stack {stack} output {output}" for path, output in named}
    missing = [path for path in _TYPES if path not in values]
    resources = stacks.resources(stack) if missing else {}
    for path in missing:
        ids = resources.get(_TYPES[path], ())
        if len(ids) == 1:
            values[path] = ids[0]
            origins[path] = f"stack {stack}, its only {_TYPES[path]}"
    return Discovered(values, origins)


def _remembered(file: Path, clock: Clock) -> Discovered | None:
    """The cached answer, or None when it is old, missing or unreadable: a cache is never an error."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        age = clock.now().timestamp() - float(record["at"])
        if not 0 <= age < LIFETIME.total_seconds():
            return None
        return Discovered(dict(record["values"]), dict(record["origins"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fingerprint(environment: Environment) -> str:
    parts = [environment.text(key) or "" for key in ("stack", "account_id", "region", "profile", "endpoint_url")]
    return hashlib.sha256("\0".join([environment.name, *parts]).encode()).hexdigest()[:24]
