"""What has to be known before the first message of a queue is touched: its wiring, and every consumer it leads to.

Everything that can make a run impossible is asked here. A consumer that is gone or denied is found when no
receive count has changed yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from orderctl.clock import Clock
from orderctl.dlq.delivery import Consumers
from orderctl.dlq.models import Kind, Queue, Wiring
from orderctl.dlq.ports import Functions, Queues, Starter, Subscriptions
from orderctl.errors import AuthError, NotFoundError, OrderctlError, RefusedError


@dataclass(frozen=True, slots=True)
class Services:
    """The ports a redrive works through."""

    queues: Queues
    functions: Functions
    subscriptions: Subscriptions
    starter: Starter
    clock: Clock


@dataclass(frozen=True, slots=True)
class Prepared:
    """A queue that can be redriven, and to whom."""

    queue: Queue
    wiring: Wiring
    consumers: Consumers
    dead: dict[str, OrderctlError]
    """Consumers that are gone or denied, by ARN."""
    warnings: tuple[str, ...] = ()


def prepare(services: Services, queue: Queue, wiring: Wiring) -> Prepared:
    """Look at every consumer the queue's wires lead to.

    Raises RefusedError when nothing is wired to the queue, and the error of a missing or denied consumer when
    no wire of the queue leads to a usable one.
    """
    targets: dict[str, Queue] = {}
    dead: dict[str, OrderctlError] = {}
    warnings: list[str] = []
    wires = wiring.of(queue.arn)
    if not wires:
        hint = "; ".join(wiring.notes) or "see what is wired: orderctl dlq list --all"
        raise RefusedError(f"nothing in the environment is wired to {queue.name}: no consumer is known", hint=hint)
    for arn in dict.fromkeys(wire.consumer for wire in wires if wire.kind is not Kind.STREAM):
        try:
            if arn.split(":")[2] == "sqs":
                targets[arn] = services.queues.describe(arn)
            elif arn.split(":")[2] == "lambda":
                services.functions.check(arn)
                if services.functions.reserved_concurrency(arn) == 0:
                    warnings.append(f"{arn} is throttled to 0 (reserved concurrency): what is sent there comes back")
        except (NotFoundError, AuthError) as error:
            dead[arn] = error
    if dead and not any(wire.consumer not in dead for wire in wires):
        raise next(iter(dead.values()))
    warnings += [f"{arn} cannot be delivered to: {error.message}" for arn, error in dead.items()]
    consumers = Consumers(services.queues, services.functions, services.subscriptions, services.starter, targets)
    return Prepared(queue, wiring, consumers, dead, tuple(warnings))
