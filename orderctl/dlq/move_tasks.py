"""SQS's own redrive: a message move task, started, followed to its real end, cancelled, and held against the queue.

A task runs inside AWS and goes on whatever happens to this process. Three things make it easy to misread, and
are why there is more here than three calls:

* A task is listed with its handle only while it is RUNNING, so it is known again by when it started.
* Cancelling is a request. The task moves some more and is over when it is listed as CANCELLED (or, quicker than
  the request, COMPLETED or FAILED), not when CancelMessageMoveTask answers.
* COMPLETED does not mean that the queue is empty. A task sees what was visible when it was picked up: not what
  somebody has just looked at, not what arrived later. It can complete having moved nothing.

What it did with each message AWS does not tell, so there is no record per message and no list of duplicates.
No destination is ever given: each message goes to the queue it came from, and one that came from elsewhere
ends the task instead of reaching somebody else's consumer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from orderctl.clock import Clock
from orderctl.dlq.models import Queue
from orderctl.dlq.ports import Queues
from orderctl.errors import (
    ConflictError,
    FailedError,
    NoConnectionError,
    NotFoundError,
    OrderctlError,
    PartlyDoneError,
    ThrottledError,
    TimeoutPassedError,
    UnreachableError,
)

MOST_A_SECOND = 500
"""MaxNumberOfMessagesPerSecond (SQS API Reference, StartMessageMoveTask)."""
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 15.0
"""Seconds between two looks at a task; it may run for 36 hours."""
UNLISTED_FOR = 60.0
"""Seconds within which a task that was started has to be listed, at first and ever after."""
FAILURES_LIMIT = 5
"""Looks in a row that got no answer."""
IN_FLIGHT_FOR = 75.0
"""Seconds. A look that was killed hides messages for 60; then the count has to follow."""
COUNTS_SETTLE_IN = 60.0
"""Seconds until the queue's counts follow what was moved ("at least 1 minute", GetQueueAttributes)."""
LOOK_EVERY = 5.0
NOT_OFFERED = "this endpoint offers no message move tasks"


@dataclass(frozen=True, slots=True)
class MoveTask:
    """One task as SQS lists it; the field names are the JSON's. Counts are approximate (SQS's word)."""

    queue: str
    status: str
    """RUNNING, COMPLETED, CANCELLING, CANCELLED or FAILED."""
    moved: int = 0
    to_move: int | None = None
    """Counted once, when the task is picked up: None before that."""
    started_at: datetime | None = None
    destination_arn: str | None = None
    """None: each message to its own source queue."""
    failure_reason: str | None = None
    rate: int | None = None
    """Messages a second at the most; None: SQS decides."""
    task_handle: str | None = field(default=None, repr=False)
    """Only while RUNNING."""

    @property
    def is_active(self) -> bool:
        """Can it still move messages? A queue has at most one such task."""
        return self.status in ("RUNNING", "CANCELLING")

    @property
    def has_ended(self) -> bool:
        """Is this its last word? A status that is not known here is not."""
        return self.status in ("COMPLETED", "CANCELLED", "FAILED")

    @property
    def progress(self) -> str:
        """`RUNNING, moved 2 of 10`."""
        return f"{self.status}, moved {self.moved}" + ("" if self.to_move is None else f" of {self.to_move}")


class MoveTasks(Protocol):
    """SQS, for what concerns move tasks."""

    def of(self, queue_arn: str) -> list[MoveTask] | None:
        """The latest (at most 10) tasks of a queue, newest first; None where the service offers none."""

    def start(self, queue_arn: str, rate: int | None) -> str:
        """Start one and answer its handle; tried once. Raises ConflictError while one is active."""

    def cancel(self, queue_arn: str, task_handle: str) -> int:
        """Ask it to stop and answer how many it had moved; NotFoundError when it is not RUNNING any more."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one task is known by: its handle, then its start; before that by what had been there already."""

    task_handle: str | None = None
    started_at: datetime | None = None
    earlier: frozenset[datetime | None] = frozenset()

    def find(self, found: Sequence[MoveTask]) -> MoveTask | None:
        """The task among those listed."""
        for task in found:
            if self.task_handle is not None and task.task_handle == self.task_handle:
                return task
        if self.started_at is not None:
            return next((task for task in found if task.started_at == self.started_at), None)
        new = [task for task in found if task.started_at not in self.earlier]
        ours = [task for task in new if self.task_handle is None or task.task_handle is None]
        return ours[-1] if ours else None

    def seen(self, task: MoveTask) -> Mark:
        """The mark, now that the task was seen."""
        return replace(self, started_at=task.started_at or self.started_at)


def active_of(found: Sequence[MoveTask]) -> MoveTask | None:
    """The one task that is at work."""
    return next((task for task in found if task.is_active), None)


def refuse_second(found: Sequence[MoveTask]) -> None:
    """Raise ConflictError while a task is active: SQS allows one for a queue."""
    task = active_of(found)
    if task is not None:
        raise ConflictError(f"{task.queue}: a message move task is at work already: {task.progress}")


def known(tasks: MoveTasks, queue_arn: str) -> list[MoveTask]:
    """The queue's tasks; raises FailedError where there is no such API."""
    found = tasks.of(queue_arn)
    if found is None:
        raise FailedError(NOT_OFFERED)
    return found


def start(tasks: MoveTasks, queue: Queue, rate: int | None, clock: Clock, earlier: Sequence[MoveTask]) -> Mark:
    """Start a task. Where no clear answer comes, the listing says whether it began after all.

    `earlier` are the tasks listed before, none of them active. Raises ConflictError, AuthError, FailedError.
    """
    before = frozenset(task.started_at for task in earlier)
    try:
        return Mark(tasks.start(queue.arn, rate), earlier=before)
    except (ThrottledError, NoConnectionError):
        raise
    except FailedError as error:
        for _ in range(3):
            clock.sleep(FIRST_PAUSE)
            new = [task for task in tasks.of(queue.arn) or () if task.started_at not in before]
            if new:
                return Mark(new[-1].task_handle, new[-1].started_at, before)
        raise error


def follow(
    tasks: MoveTasks, queue_arn: str, mark: Mark, clock: Clock, *, timeout: float | None = None
) -> Iterator[MoveTask]:
    """Look at a task again and again; the last one yielded has ended.

    Raises TimeoutPassedError after `timeout` seconds, FailedError when the task is not listed, or not any more
    (only the latest 10 of a queue are), and what keeps the looks from being answered. Except for the task that
    ended unseen, it goes on in all these cases.
    """
    began, pause, failures = clock.monotonic(), FIRST_PAUSE, 0
    listed_at = began
    last: MoveTask | None = None
    while last is None or not last.has_ended:
        try:
            task, failures = mark.find(known(tasks, queue_arn)), 0
        except (ThrottledError, UnreachableError, NoConnectionError):
            task, failures = None, failures + 1
            if failures == FAILURES_LIMIT:
                raise
        passed = clock.monotonic() - began
        if task is not None:
            last, mark, listed_at = task, mark.seen(task), clock.monotonic()
            yield task
            if task.has_ended:
                return
        elif clock.monotonic() - listed_at >= UNLISTED_FOR and not failures:
            raise FailedError(_unlisted(last))
        if timeout is not None and passed >= timeout:
            raise TimeoutPassedError(f"the message move task has not ended within {timeout:g} s; it goes on")
        clock.sleep(pause if timeout is None else min(pause, timeout - passed))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _unlisted(last: MoveTask | None) -> str:
    if last is None:
        return "SQS does not list the message move task, so what became of it is not known"
    return f"SQS does not list the message move task any more; it was last seen {last.progress}: look at the queue"


def mark_of(task: MoveTask, found: Sequence[MoveTask]) -> Mark:
    """What a task that is listed is known by from now on."""
    return Mark(task.task_handle, task.started_at, frozenset(each.started_at for each in found if each is not task))


def cancel(
    tasks: MoveTasks, queue_arn: str, found: Sequence[MoveTask], clock: Clock, *, timeout: float | None = None
) -> Iterator[MoveTask]:
    """Ask the active one of the tasks to stop and follow it until it has; one that is CANCELLING is only followed.

    Yields nothing where none is active; else the last task yielded has ended, one way or another.
    """
    task = active_of(found)
    if task is None:
        return
    if task.task_handle is not None:
        with suppress(NotFoundError):  # it ended, or somebody else's request came first: the listing tells which
            tasks.cancel(queue_arn, task.task_handle)
    yield from follow(tasks, queue_arn, mark_of(task, found), clock, timeout=timeout)


def wait_for_in_flight(queues: Queues, queue: Queue, clock: Clock) -> Queue:
    """Wait until nothing is in flight, 75 seconds at most; the queue with its counts then."""
    return _wait(queues, queue, clock, IN_FLIGHT_FOR, lambda now: not now.in_flight)


def settled_counts(queues: Queues, queue: Queue, clock: Clock) -> Queue:
    """The queue after a task, when it counts nothing any more or its counts had a minute to settle."""
    return _wait(queues, queue, clock, COUNTS_SETTLE_IN, lambda now: not _left(now))


@dataclass(frozen=True, slots=True)
class Moved:
    """A task that ended, held against the queue."""

    task: MoveTask
    before: int
    """Visible messages when it was started."""
    queue: Queue
    """With its counts after the end."""

    @property
    def left(self) -> int:
        """Messages that lie in the queue, whoever has them in hand."""
        return _left(self.queue)

    @property
    def is_short(self) -> bool:
        """Did it move less than it counted itself?"""
        return self.task.to_move is not None and self.task.moved < self.task.to_move

    def verdict(self) -> OrderctlError | None:
        """None when everything was moved and nothing is left; FailedError (1), else PartlyDoneError (6)."""
        task = self.task
        if task.status == "FAILED":
            return FailedError(f"the message move task failed after {task.moved} messages: {explain(task)}")
        if not task.moved and (self.before or self.left):
            return PartlyDoneError(f"the task ended {task.status}, but moved nothing: {self._why_nothing()}")
        if task.status == "CANCELLED" and (self.left or self.is_short):
            return PartlyDoneError(f"the task was cancelled: {task.progress}; {self.left} messages are left")
        if self.left:
            return PartlyDoneError(
                f"{task.moved} messages were moved and about {self.left} lie in the queue: they were in flight when the"
                " task was picked up, or arrived later, or failed again (SQS does not tell which)"
            )
        return None

    def _why_nothing(self) -> str:
        if not self.left:
            return "the queue counts no message any more; they expired, or somebody else took them"
        if self.queue.in_flight:
            return f"{self.queue.in_flight} messages are in flight, and a task cannot see those"
        return "messages that were just looked at, or that arrive after its start, a task does not see"


def explain(task: MoveTask) -> str:
    """A FAILED task's reason and what it means."""
    reason = task.failure_reason or "SQS gives no reason"
    return next((f"{reason}: {text}" for word, (text, _) in _REASONS.items() if word in reason), reason)


def remedy(task: MoveTask) -> str | None:
    """What to do about a FAILED task."""
    return next((hint for word, (_, hint) in _REASONS.items() if word in (task.failure_reason or "")), None)


_REASONS = {
    "CouldNotDetermineMessageSource": (
        "it came to a message that no source queue's redrive policy put there (sent by hand, by Lambda, SNS, …)",
        "the own engine tells each message's consumer, or leaves that one message",
    ),
    "NonExistentQueue": (
        "a source queue that messages came from does not exist any more",
        "the own engine moves the others and leaves these",
    ),
    "AccessDenied": (
        "SQS may not receive, delete or send in your name",
        "the credentials need sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes on the queue, "
        "sqs:SendMessage on its sources and the keys of both; a policy that limits access to a VPC needs an exception "
        "for aws:CalledViaLast = sqs.amazonaws.com",
    ),
}


def _left(queue: Queue) -> int:
    return queue.depth + queue.in_flight + queue.delayed


def _wait(queues: Queues, queue: Queue, clock: Clock, seconds: float, is_enough: Callable[[Queue], bool]) -> Queue:
    until = clock.monotonic() + seconds
    now = queues.describe(queue.url)
    while not is_enough(now) and clock.monotonic() < until:
        clock.sleep(LOOK_EVERY)
        now = queues.describe(queue.url)
    return now
