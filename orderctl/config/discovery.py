"""Resources found in the environment's CloudFormation stack, remembered for an hour.

Outputs first: they are the stack's own statement of what it offers. What no output names is looked up among
the stack's resources: the only one of its type; where a stack has several of a type by nature (tables, log
groups), the only one whose name says what it is for; an API's address from its only API and stage. Two that
fit are a guess, and are not made.
The cache is keyed by everything that decides which stack is meant, so another account, Region or endpoint
never answers for this one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
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
"""Types a stack usually has one of. State machines are not here: the kind must be known, not guessed."""
_TABLE, _LOGS = "AWS::DynamoDB::Table", "AWS::Logs::LogGroup"
_NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "resources.inventory_table": (_TABLE, ("inventory", "stock")),
    "resources.users_table": (_TABLE, ("user",)),
    "resources.orders_table": (_TABLE, ("order",)),
    "resources.express_log_group": (_LOGS, ("express",)),
}
"""Types a stack has several of, and words in the name of the one that is meant."""
_REST, _REST_STAGE = "AWS::ApiGateway::RestApi", "AWS::ApiGateway::Stage"
_HTTP, _HTTP_STAGE = "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"
_DEFAULT_STAGE = "$default"
"""The stage only HTTP APIs have: WebSocket APIs are of the same type."""


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
    found = _ask(stack, stacks, environment)
    record = {"at": clock.now().timestamp(), "values": dict(found.values), "origins": dict(found.origins)}
    write_private(file, json.dumps(record).encode())
    return found


def _ask(stack: str, stacks: Stacks, environment: Environment) -> Discovered:
    outputs = stacks.outputs(stack)
    named = [(key.path, key.output) for key in KEYS if key.output is not None and key.output in outputs]
    values = {path: outputs[output] for path, output in named}
    origins = {path: f"stack {stack} output {output}" for path, output in named}
    offered = {*_TYPES, *_NAMES, "resources.users_api_url", "resources.orders_api_url"}
    if offered <= values.keys():
        return Discovered(values, origins)
    found = _found(stack, stacks.resources(stack), environment)
    for path, (value, why) in found.items():
        if path not in values:
            values[path], origins[path] = value, f"stack {stack}, {why}"
    return Discovered(values, origins)


def _found(
    stack: str, resources: Mapping[str, tuple[str, ...]], environment: Environment
) -> dict[str, tuple[str, str]]:
    """What the stack's resources say without a guess: the value, and why it is that one."""
    found: dict[str, tuple[str, str]] = {}
    for path, kind in _TYPES.items():
        if (only := _only(resources.get(kind, ()))) is not None:
            found[path] = only, f"its only {kind}"
    for path, (kind, words) in _NAMES.items():
        fitting = [name for name in resources.get(kind, ()) if _says(name.removeprefix(f"{stack}-"), words)]
        if (only := _only(fitting)) is not None:
            found[path] = only, f"its only {kind} named after {words[0]}"
    if environment.text("endpoint_url") is None and (region := environment.text("region")) is not None:
        rest = _only(resources.get(_REST, ())), _only(resources.get(_REST_STAGE, ()))
        http = _only(resources.get(_HTTP, ())), _only(resources.get(_HTTP_STAGE, ()))
        if None not in rest:
            found["resources.users_api_url"] = f"{_host(str(rest[0]), region)}/{rest[1]}", f"its only {_REST}"
        if http[0] is not None and http[1] == _DEFAULT_STAGE:
            found["resources.orders_api_url"] = _host(http[0], region), f"its only {_HTTP}"
    return found


def _only(ids: Sequence[str]) -> str | None:
    return ids[0] if len(ids) == 1 else None


def _says(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def _host(api_id: str, region: str) -> str:
    """API Gateway's own address (developer guide, "Invoke URL")."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{api_id}.execute-api.{region}.{suffix}"


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
