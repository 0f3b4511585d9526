"""Who names which queue as the place for its failures: everything is asked, at the same time.

Nothing here looks at a message. What a service does not let us see makes us *blind* for its kind, with a note
that says what is missing; the other kinds are still found. What could not be looked at may be there: whoever
reads a wiring must not take "no wire of this kind" for "of no such kind" where it is blind.

Only three things end the search: credentials that are no good at all, something named that does not exist (the
bus), and no service answering.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orderctl.dlq.models import Kind, Queue, Wire, Wiring
from orderctl.dlq.ports import Functions, Queues, Rules, Schedules, Subscriptions
from orderctl.dlq.unlisted import unlisted_sources
from orderctl.errors import AuthError, FailedError, OrderctlError

_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "OptInRequired", "UnauthorizedOperation"}
"""Answers about one permission or service; any other AuthError is about the credentials themselves."""


@dataclass(frozen=True, slots=True)
class _Question:
    """One kind of wire, where it is read, and what that is called in a note."""

    kind: Kind
    what: str
    ask: Callable[[], Iterator[Wire]]


@dataclass(frozen=True, slots=True)
class _Answer:
    question: _Question
    wires: tuple[Wire, ...]
    error: OrderctlError | None = None


def find_wiring(
    queues: Queues,
    functions: Functions,
    rules: Rules,
    subscriptions: Subscriptions,
    schedules: Schedules,
    *,
    bus: str | None = None,
    known: Iterable[Queue] | None = None,
    named: Sequence[Queue] = (),
) -> Wiring:
    """Every wire that leads to an SQS queue, in a stable order.

    `bus` limits the rules to one event bus. `known` are queues that were described already: then SQS is not
    asked again. `named` are the dead-letter queues this is all about: only they are asked who feeds them, without
    any all that some wire leads to. Raises AuthError for unusable credentials, NotFoundError for a bus that is not
    there, and the first error when nothing at all could be read.
    """
    seen: dict[str, Queue] = {}
    listed = queues.all if known is None else lambda: iter(known)
    questions = [
        _Question(Kind.SQS, "the queues' redrive policies", lambda: _redrive_policies(_noted(listed(), seen))),
        _Question(Kind.LAMBDA_DLQ, "the functions' dead-letter queues", lambda: _function_queues(functions)),
        _Question(Kind.ON_FAILURE, "the functions' destinations", lambda: _destinations(functions)),
        _Question(Kind.EVENTBRIDGE_TARGET, "the targets of event rules", lambda: _targets(rules, bus)),
        _Question(Kind.SNS, "SNS subscriptions", lambda: _subscriptions(subscriptions)),
        _Question(Kind.SCHEDULER, "EventBridge schedules", lambda: _schedules(schedules)),
        _Question(Kind.STREAM, "the functions' stream mappings", lambda: _streams(functions)),
        _Question(Kind.UNKNOWN, "the event buses' own dead-letter queues", lambda: _buses(rules, bus)),
    ]
    with ThreadPoolExecutor(len(questions), thread_name_prefix="wiring") as threads:
        answers = list(threads.map(_answer, questions))
    errors = [answer.error for answer in answers if answer.error]
    if len(errors) == len(questions):
        raise errors[0]
    order = list(Kind)
    wires = [wire for answer in answers for wire in answer.wires if _is_queue(wire.queue_arn)]
    feeders = _feeders(queues, wires, seen, named)
    wires += [wire for wire in feeders.wires if wire not in wires]
    asked = [*answers, feeders]
    return Wiring(
        wires=tuple(sorted(wires, key=lambda wire: (order.index(wire.kind), *_place(wire)))),
        notes=tuple(_note(answer.question.what, answer.error) for answer in asked if answer.error),
        blind=frozenset(answer.question.kind for answer in answers if answer.error),
    )


def _feeders(queues: Queues, wires: Sequence[Wire], seen: Mapping[str, Queue], named: Sequence[Queue]) -> _Answer:
    """Sources that no list of queues shows. To miss one blinds for nothing: its letters have a mark, and stay."""
    wired = {wire.queue_arn for wire in wires}
    dead = list(named) or sorted((queue for queue in seen.values() if queue.arn in wired), key=lambda queue: queue.arn)
    by_url = {queue.url: queue for queue in seen.values()}
    what = "the sources of dead-letter queues"
    return _answer(_Question(Kind.SQS, what, lambda: unlisted_sources(queues, dead, by_url)))


def _noted(queues: Iterable[Queue], seen: dict[str, Queue]) -> Iterator[Queue]:
    for queue in queues:
        seen[queue.arn] = queue
        yield queue


def _answer(question: _Question) -> _Answer:
    """What was found before an error counts: adapters raise a denial after everything they could read."""
    found: list[Wire] = []
    try:
        found.extend(question.ask())
    except (FailedError, AuthError) as error:
        if isinstance(error, AuthError) and (error.aws is None or error.aws.code not in _DENIED):
            raise
        return _Answer(question, tuple(found), error)
    return _Answer(question, tuple(found))


def _note(what: str, error: OrderctlError) -> str:
    return f"cannot read {what}: {error.message}" + (f"; {error.hint}" if error.hint else "")


def _is_queue(arn: str) -> bool:
    return arn.split(":")[2:3] == ["sqs"]


def _place(wire: Wire) -> tuple[str, str, str, str]:
    return (wire.queue_arn, wire.source, wire.consumer, wire.target.target_id if wire.target else "")


def _redrive_policies(queues: Iterable[Queue]) -> Iterator[Wire]:
    for queue in queues:
        if queue.dead_letter_arn:
            yield Wire(Kind.SQS, queue.dead_letter_arn, source=queue.arn, consumer=queue.arn)


def _function_queues(functions: Functions) -> Iterator[Wire]:
    for function, queue in functions.dead_letter_wires():
        yield Wire(Kind.LAMBDA_DLQ, queue, source=function, consumer=function)


def _destinations(functions: Functions) -> Iterator[Wire]:
    """Failures only: what an OnSuccess destination holds was done, and is nobody's dead letter."""
    for function, when, queue in functions.destinations():
        if when == "OnFailure":
            yield Wire(Kind.ON_FAILURE, queue, source=function, consumer=function)


def _targets(rules: Rules, bus: str | None) -> Iterator[Wire]:
    for target, queue in rules.dead_letter_targets(bus):
        yield Wire(Kind.EVENTBRIDGE_TARGET, queue, source=target.rule_arn, consumer=target.arn, target=target)


def _subscriptions(subscriptions: Subscriptions) -> Iterator[Wire]:
    for subscription, topic, protocol, endpoint, is_raw, queue in subscriptions.dead_letter_wires():
        yield Wire(
            Kind.SNS,
            queue,
            source=subscription,
            consumer=endpoint,
            topic_arn=topic,
            protocol=protocol,
            raw_delivery=is_raw,
        )


def _schedules(schedules: Schedules) -> Iterator[Wire]:
    for target, queue in schedules.dead_letter_targets():
        yield Wire(Kind.SCHEDULER, queue, source=target.rule_arn, consumer=target.arn, target=target)


def _buses(rules: Rules, bus: str | None) -> Iterator[Wire]:
    """What a bus could not take in for want of its key. There is no consumer to give it to, so it has no kind."""
    for arn, queue in rules.bus_queues(bus):
        yield Wire(Kind.UNKNOWN, queue, source=arn, consumer=arn)


def _streams(functions: Functions) -> Iterator[Wire]:
    """A record names its stream, so the stream is the source; the mapping's UUID finds the function."""
    for mapping, stream, queue in functions.stream_destinations():
        yield Wire(Kind.STREAM, queue, source=stream, consumer=mapping)
