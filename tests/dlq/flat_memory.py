"""How much memory a redrive takes for how many letters: `python -m tests.dlq.flat_memory COUNT` prints bytes.

The queue is made up as it goes and remembers nothing, so that what grows is the run's own. `ratio` compares two runs,
each in a process of its own.
"""

from __future__ import annotations

import importlib
import itertools
import resource
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orderctl.clock import SystemClock
from orderctl.dlq.models import Attribute, Kind, Message, Outcome, Queue, Sent, ToQueue, Wire, Wiring
from orderctl.dlq.plan import Order
from orderctl.dlq.prepare import Services, prepare
from orderctl.dlq.redrive import Run, begin

REGION = "arn:aws:sqs:ap-northeast-1:123456789012"
DLQ, SOURCE = f"{REGION}:orders-dlq", f"{REGION}:orders"
TEXT = "x" * 1000


class EndlessQueues:
    """A dead-letter queue of so many letters, made when they are received; everything works at once."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._numbers = itertools.count()
        self._left = count

    def describe(self, queue: str) -> Queue:
        return Queue(queue, DLQ if queue.endswith("orders-dlq") else SOURCE, depth=self._left)

    def all(self) -> Iterator[Queue]:
        yield self.describe(DLQ)

    def sources_of(self, queue: Queue) -> tuple[str, ...] | None:
        return (SOURCE,)

    def receive(self, queue: Queue, *, up_to: int, hide_for: int, wait: int) -> list[Message]:
        numbers = (next(self._numbers) for _ in range(min(up_to, self._left)))
        found = [self._message(number, hide_for) for number in numbers]
        self._left -= len(found)
        return found

    def hide(self, queue: Queue, messages: Sequence[Message], seconds: int) -> Mapping[str, str]:
        return {}

    def delete(self, queue: Queue, messages: Sequence[Message]) -> Mapping[str, str]:
        return {}

    def send(self, queue: Queue, entries: Mapping[str, ToQueue]) -> Mapping[str, Outcome]:
        return {key: Sent(str(uuid.uuid4())) for key in entries}

    def _message(self, number: int, hide_for: int) -> Message:
        system = {"DeadLetterQueueSourceArn": SOURCE, "SentTimestamp": "1795316400000"}
        attributes = {"trace": Attribute("String", f"{number:064}")}
        until = SystemClock().monotonic() + hide_for
        return Message(
            str(uuid.uuid4()),
            f'{{"order_id": "order-{number}", "text": "{TEXT}"}}',
            attributes,
            system,
            "h" * 400,
            until,
        )


def new_run(count: int, folder: Path) -> Run:
    """A redrive of so many letters, one worker."""
    queues = EndlessQueues(count)
    services = Services(queues, None, None, None, SystemClock())  # type: ignore[arg-type]
    prepared = prepare(services, queues.describe(DLQ), Wiring((Wire(Kind.SQS, DLQ, SOURCE, SOURCE),)))
    return begin(services, prepared, Order(concurrency=1), folder, "20261122T030000Z-000000", {})


def peak_of(count: int) -> int:
    """The largest resident size, in bytes, of a process that redrives so many letters through boto3's own weight."""
    command = [sys.executable, "-m", "tests.dlq.flat_memory", str(count)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ratio(more: int = 100_000, less: int = 10_000) -> float:
    """Peak of the larger run over that of the smaller one: 1.0 would be wholly flat."""
    return peak_of(more) / peak_of(less)


def main(count: int) -> None:
    """What the child process does."""
    import boto3

    for each in ("rich.table", "typer.core", "orderctl.cli.main"):  # what the command has loaded anyhow
        importlib.import_module(each)
    boto3.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b").client("sqs")
    with tempfile.TemporaryDirectory() as folder:
        run = new_run(count, Path(folder))
        run.go()
    assert len(run.tally.delivered) == len(run.tally.deleted) == count
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main(int(sys.argv[1]))
