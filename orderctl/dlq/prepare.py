"""What has to be known before the first message of a queue is touched: its wiring, and every consumer it leads to.

Everything that can make a run impossible is asked here. A consumer that is gone or denied is found when no
receive count has changed yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from orderctl.clock import Clock
from orderctl.dlq.classify import is_same_function
from orderctl.dlq.delivery import Consumers
from orderctl.dlq.models import Kind, Machine, Queue, Wire, Wiring
from orderctl.dlq.ports import Functions, Health, Queues, Starter, Subscriptions
from orderctl.dlq.routes_parts import MustStay, service_of
from orderctl.dlq.routes_scheduler import scheduled_resource
from orderctl.errors import AuthError, NotFoundError, OrderctlError, RefusedError
from orderctl.pool import Load


@dataclass(frozen=True, slots=True)
class Services:
    """The ports a redrive works through; without `health` nothing is said of how the consumers did lately."""

    queues: Queues
    functions: Functions
    subscriptions: Subscriptions
    starter: Starter
    clock: Clock
    health: Health | None = None
    notice: Callable[[str], None] = lambda _text: None
    """Told what is waited for, in words for the person."""
    load: Load | None = None
    """What of the processor is taken; without it the number of workers follows AWS alone."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A queue that can be redriven, and to whom."""

    queue: Queue
    wiring: Wiring
    consumers: Consumers
    dead: dict[str, OrderctlError]
    """Consumers that are gone or denied, by ARN."""
    warnings: tuple[str, ...] = ()
    machines: Mapping[str, Machine] = field(default_factory=dict)
    """State machines among the consumers, by ARN."""

    def problem_with(self, arn: str) -> OrderctlError | None:
        """Why a consumer cannot be delivered to; a function is known by its name with and without `$LATEST`."""
        if not self.dead:
            return None
        return next((error for dead, error in self.dead.items() if dead == arn or is_same_function(dead, arn)), None)


def prepare(services: Services, queue: Queue, wiring: Wiring) -> Prepared:
    """Look at every consumer the queue's wires lead to.

    Raises RefusedError when nothing is wired to the queue, and the error of a missing or denied consumer when
    no wire of the queue leads to a usable one.
    """
    wires = wiring.of(queue.arn)
    if not wires:
        hint = "; ".join(wiring.notes) or "see what is wired: orderctl dlq list --all"
        raise RefusedError(f"nothing in the environment is wired to {queue.name}: no consumer is known", hint=hint)
    found = _Found(services)
    resources = resources_of(wires)
    for arn in resources:
        found.look_at(arn)
    if found.dead and found.dead.keys() >= set(resources):
        raise next(iter(found.dead.values()))
    gone = [f"{arn} cannot be delivered to: {error.message}" for arn, error in found.dead.items()]
    consumers = Consumers(services.queues, services.functions, services.subscriptions, services.starter, found.targets)
    return Prepared(queue, wiring, consumers, found.dead, (*found.warnings, *gone), found.machines)


def resources_of(wires: Sequence[Wire]) -> list[str]:
    """ARNs of everything that letters of these wires may be delivered to, each once."""
    return list(dict.fromkeys(arn for wire in wires if (arn := resource_of(wire)) is not None))


def resource_of(wire: Wire) -> str | None:
    """The one resource behind a wire; None where there is none that can be delivered to."""
    if wire.kind in (Kind.STREAM, Kind.UNKNOWN):
        return None
    if wire.kind is not Kind.SCHEDULER:
        return wire.consumer
    try:
        return scheduled_resource(wire)
    except MustStay:
        return None


class _Found:
    """What looking at the consumers one by one brought to light."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looks: Mapping[str, Callable[[str], None]] = {
            "sqs": self._queue,
            "lambda": self._function,
            "states": self._machine,
            "sns": self._topic,
        }
        self.targets: dict[str, Queue] = {}
        self.machines: dict[str, Machine] = {}
        self.dead: dict[str, OrderctlError] = {}
        self.warnings: list[str] = []

    def look_at(self, arn: str) -> None:
        """What is none of these is refused letter by letter, with the reason."""
        look = self._looks.get(service_of(arn))
        try:
            if look is not None:
                look(arn)
        except (NotFoundError, AuthError) as error:
            self.dead[arn] = error

    def _queue(self, arn: str) -> None:
        self.targets[arn] = self._services.queues.describe(arn)

    def _function(self, arn: str) -> None:
        self._services.functions.check(arn)
        if self._services.functions.reserved_concurrency(arn) == 0:
            self.warnings.append(f"{arn} is throttled to 0 (reserved concurrency): what is sent there comes back")

    def _machine(self, arn: str) -> None:
        """Who may start executions need not be allowed to look at the state machine: a denial is only said."""
        try:
            machine = self._services.starter.machine(arn)
        except AuthError as error:
            self._unseen(arn, error)
            return
        if machine.status != "ACTIVE":
            raise NotFoundError(f"state machine {arn} is {machine.status}")
        self.machines[arn] = machine

    def _topic(self, arn: str) -> None:
        """The same of a topic: publishing is a permission of its own."""
        try:
            self._services.subscriptions.check_topic(arn)
        except AuthError as error:
            self._unseen(arn, error)

    def _unseen(self, arn: str, error: AuthError) -> None:
        if error.aws is None:
            raise error
        self.warnings.append(f"whether {arn} can be delivered to is not known: {error.message}")
