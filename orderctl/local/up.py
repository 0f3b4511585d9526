"""`orderctl local up`, as a short list of named steps.

Each step can be repeated, so an `up` that was interrupted is finished by the next one, and one that finds
everything in place does nothing. What makes it "in place" is a digest: of the package that was deployed last,
of the overlay's code and of the steps here. A newer orderctl that brings a newer stack, or one more step for
the same stack, therefore goes through them all again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from orderctl.atomic import write_private
from orderctl.clock import Clock
from orderctl.config.schema import KEYS
from orderctl.errors import ConflictError
from orderctl.inventory.models import Stock
from orderctl.inventory.ports import StockTable
from orderctl.local import ministack
from orderctl.local.files import LocalFiles
from orderctl.local.models import DemoUser, Health, LocalState, LocalStatus, StepEvent, StepState
from orderctl.local.ports import ReferenceStack, UserPool
from orderctl.local.server import Server, StartOptions

ENVIRONMENT = "local"
"""The environment `up` writes."""
USERNAME = "demo"
DEMO_STOCK = (Stock("widget-1", 100), Stock("sold-out", 0))
"""What a first order can be for, and what it cannot: put there once, never over what is there."""
ATTRIBUTES: Mapping[str, str] = {"email": "demo@example.com", "email_verified": "true", "name": "Demo User"}


@dataclass(frozen=True, slots=True)
class Parts:
    """The collaborators; those that speak to the server are made once it runs, from its state."""

    files: LocalFiles
    server: Server
    clock: Clock
    reference: Callable[[LocalState], ReferenceStack]
    pool: Callable[[LocalState], UserPool]
    stock: Callable[[LocalState, str], StockTable]
    """The table of that name."""
    write_environment: Callable[[str, Mapping[str, object]], None]
    configured_endpoint: Callable[[], str | None]
    """The endpoint the environment `local` has now; raises UsageError when the file is not understood."""


@dataclass(slots=True)
class _Run:
    """What the steps of one `up` hand on."""

    parts: Parts
    state: LocalState
    reference: ReferenceStack
    outputs: Mapping[str, str] = field(default_factory=dict)


def up(parts: Parts, options: StartOptions) -> Iterator[StepEvent]:
    """Bring everything up, telling each step as it goes. A second one at the same time waits for the first.

    Raises FailedError, ConflictError when it runs already in another way than asked for, and where the environment
    it would write is somebody's own.
    """
    with parts.files.locked(parts.clock):
        _check_ours(parts.configured_endpoint())  # a file that cannot be read is found before anything is started
        yield from _told(parts.clock, "server", _start_server(parts, options))
        state = parts.files.read_state()
        assert state is not None, "the server step remembers its server"
        run = _Run(parts, state, parts.reference(state))
        digest = _digest(run.reference)
        if _is_complete(parts, state, digest):
            return
        for name, step in STEPS:
            yield from _told(parts.clock, name, step(run))
        parts.files.write_state(replace(state, deployed=digest))


def down(parts: Parts) -> bool:
    """Stop the server; was there one running? Data stays only if it was started to persist."""
    with parts.files.locked(parts.clock):
        state = parts.files.read_state()
        return parts.server.stop(state) if state is not None else False


def reset(parts: Parts) -> StartOptions:
    """Stop the server and delete everything it ever stored, persisted or not; how to bring up one like it."""
    with parts.files.locked(parts.clock):
        state = parts.files.read_state()
        if state is not None:
            parts.server.stop(state)
        parts.files.wipe(persisted=True)
        return StartOptions(state.region, state.persist) if state else StartOptions()


def status(parts: Parts) -> LocalStatus:
    """What runs, looked at and not only remembered."""
    state = parts.files.read_state()
    return LocalStatus(
        status=parts.server.health(state),
        endpoint_url=state.endpoint_url if state else None,
        pid=state.pid if state else None,
        started_at=state.started_at if state else None,
        persist=state.persist if state else None,
        deployed=bool(state and state.deployed),
        log_file=str(parts.files.log),
        state_dir=str(parts.files.root),
    )


def demo_user(files: LocalFiles) -> DemoUser:
    """Who can sign in on the local stack, and where the password lies."""
    return DemoUser(USERNAME, str(files.password))


def _start_server(parts: Parts, options: StartOptions) -> Iterator[str]:
    """Use the server that runs, clear away the one that does not answer, start one where there is none."""
    state = parts.files.read_state()
    health = parts.server.health(state)
    if state is not None and health is Health.RUNNING:
        _check_as_asked(state, options)
        yield f"already running on {state.endpoint_url}"
        return
    if state is not None:
        yield f"the last one is {health.value}, starting another"
        parts.server.stop(state)
    yield from parts.server.start(options)


def _deploy(run: _Run) -> Iterator[str]:
    yield from run.reference.deploy()
    run.outputs = run.reference.outputs()
    yield f"stack {run.reference.name}, {len(run.outputs)} outputs"


def _overlay(run: _Run) -> Iterator[str]:
    yield from run.reference.overlay()


def _create_demo_user(run: _Run) -> Iterator[str]:
    """The password is made once, until `reset`, and only ever written to its file: no argument, no log."""
    file = run.parts.files.password
    if not file.exists():
        write_private(file, f"Demo-{secrets.token_urlsafe(18)}1!\n".encode())
    password = file.read_text(encoding="utf-8").strip()
    pool = run.parts.pool(run.state)
    pool.ensure_user(run.outputs["UserPoolId"], USERNAME, password, ATTRIBUTES)
    yield f"{USERNAME}, password in {file}"


def _stock_shelf(run: _Run) -> Iterator[str]:
    table = run.parts.stock(run.state, run.outputs["InventoryTableName"])
    for stock in DEMO_STOCK:
        table.create(stock)
    yield ", ".join(f"{stock.quantity} of {stock.product_id}" for stock in DEMO_STOCK) + ", where there was none"


def _write_environment(run: _Run) -> Iterator[str]:
    """Everything the outputs offer goes into the file: what was discovered from the last data set is then moot."""
    found = {key.path: run.outputs.get(key.output) for key in KEYS if key.output is not None}
    settings: dict[str, object] = {
        "local": True,
        "region": run.state.region,
        "endpoint_url": run.state.endpoint_url,
        "account_id": ministack.ACCOUNT_ID,
        "stack": run.reference.name,
        "auth.username": USERNAME,
    }
    run.parts.write_environment(ENVIRONMENT, settings | found)
    yield f"environment {ENVIRONMENT} written"


STEPS: tuple[tuple[str, Callable[[_Run], Iterator[str]]], ...] = (
    ("reference stack", _deploy),
    ("overlay", _overlay),
    ("demo user", _create_demo_user),
    ("demo stock", _stock_shelf),
    ("environment", _write_environment),
)
"""What follows once the server runs, in this order."""


def _digest(reference: ReferenceStack) -> str:
    """Of what is deployed, and of what this module does around it."""
    return hashlib.sha256(reference.digest().encode() + Path(__file__).read_bytes()).hexdigest()


def _is_complete(parts: Parts, state: LocalState, digest: str) -> bool:
    """Did an `up` of this very version go through, and is what it left outside the server still there?"""
    is_configured = parts.configured_endpoint() == state.endpoint_url
    return state.deployed == digest and is_configured and parts.files.password.exists()


def _check_ours(endpoint: str | None) -> None:
    """The embedded stack only ever is on 127.0.0.1: an environment of another endpoint was not written by `up`."""
    if endpoint is not None and not endpoint.startswith(f"http://{ministack.HOST}:"):
        hint = f"give that environment another name in the configuration; 'local up' writes its own [env.{ENVIRONMENT}]"
        raise ConflictError(f"environment {ENVIRONMENT} is of {endpoint} and not of the embedded stack", hint=hint)


def _check_as_asked(state: LocalState, options: StartOptions) -> None:
    if options.persist and not state.persist:
        raise ConflictError("the local stack runs already, without --persist", hint="first: orderctl local down")
    if options.port not in (None, state.port):
        raise ConflictError(f"the local stack runs already, on port {state.port}", hint="first: orderctl local down")
    if options.region not in (None, state.region):
        raise ConflictError(f"the local stack runs already, as {state.region}", hint="first: orderctl local down")


def _told(clock: Clock, name: str, lines: Iterator[str]) -> Iterator[StepEvent]:
    """A step as events: started, each line, and done with the last line."""
    began, line = clock.monotonic(), ""
    yield StepEvent(name, StepState.STARTED, "", 0.0)
    for line in lines:
        yield StepEvent(name, StepState.PROGRESS, line, clock.monotonic() - began)
    yield StepEvent(name, StepState.DONE, line, clock.monotonic() - began)
