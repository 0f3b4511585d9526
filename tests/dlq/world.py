"""An order system on the fake AWS, with dead letters in it, and a redrive that walks through the real adapters."""

from __future__ import annotations

import json
import threading
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from orderctl.aws.lambda_ import LambdaFunctions
from orderctl.aws.sns import SnsSubscriptions
from orderctl.aws.sqs import SqsQueues
from orderctl.aws.starter import StepFunctionsStarter
from orderctl.dlq.journal import Journal
from orderctl.dlq.models import Kind, Wire, Wiring
from orderctl.dlq.plan import Order
from orderctl.dlq.prepare import Prepared, Services, prepare
from orderctl.dlq.redrive import Run, begin, resume, runs_folder
from orderctl.dlq.tally import Tally
from orderctl.pacing import TokenBuckets
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.ledger import marker

identity = marker(r"order-\d+")
HIDDEN_LONGEST = 901
"""Seconds after which no message of a dead run is hidden any more."""


class SharedClock(FakeClock):
    """A clock on which several workers sleep: whoever does lets the others run first, as real sleeping would."""

    def sleep(self, seconds: float) -> None:
        if threading.active_count() > 2:
            time.sleep(0.0005)
        super().sleep(seconds)


class World:
    """A source queue, its dead-letter queue, and everything needed to redrive between them."""

    def __init__(self, folder: Path, *, fifo: bool = False) -> None:
        self.clock = SharedClock()
        self.aws = FakeAws(clock=self.clock)
        self.direct: Any = self.aws.direct()
        self.folder = folder
        self.fifo = fifo
        suffix = ".fifo" if fifo else ""
        self.dlq_name, self.source_name = f"orders-dlq{suffix}", f"orders{suffix}"
        self.dlq = self.aws.sqs.create(self.dlq_name)
        self.source = self.aws.sqs.create(
            self.source_name, RedrivePolicy=f'{{"deadLetterTargetArn":"{self.dlq.arn}","maxReceiveCount":"3"}}'
        )
        self.wiring = Wiring((Wire(Kind.SQS, self.dlq.arn, self.source.arn, self.source.arn),))

    def seed(self, count: int, *, groups: int = 1) -> None:
        """Dead letters `order-0` and on; on a FIFO queue spread over groups."""
        for number in range(count):
            extra = (
                {"MessageGroupId": f"g{number % groups}", "MessageDeduplicationId": f"d{number}"} if self.fifo else {}
            )
            self.aws.sqs.seed(self.dlq, f'{{"order_id": "order-{number}"}}', source=self.source, **extra)
        self.aws.ledger.begin()

    @cached_property
    def services(self) -> Services:
        """Made once: a boto3 client costs more than a whole run does."""
        clients = {name: self.aws.client(name) for name in ("lambda", "sns", "stepfunctions")}
        queues = SqsQueues(self.direct, self.direct, self.clock)
        functions = LambdaFunctions(clients["lambda"], clients["lambda"], self.clock)
        topics = SnsSubscriptions(clients["sns"], clients["sns"], self.clock)
        starter = StepFunctionsStarter(clients["stepfunctions"], TokenBuckets(self.clock))
        return Services(queues, functions, topics, starter, self.clock)

    def prepared(self) -> Prepared:
        services = self.services
        return prepare(services, services.queues.describe(self.dlq_name), self.wiring)

    def begin(self, order: Order | None = None, name: str = "20261122T030000Z-000000") -> Run:
        return begin(self.services, self.prepared(), order or Order(concurrency=1), runs_folder(self.folder), name, {})

    def resume(self, name: str = "20261122T030000Z-000000", order: Order | None = None) -> Run:
        from datetime import UTC, datetime

        opened, standing = Journal.resume(runs_folder(self.folder), name)
        at = datetime.fromtimestamp(standing.header["cutoff"], UTC)
        return resume(self.services, self.prepared(), order or Order(concurrency=1), opened, standing, at)

    def redrive(self, order: Order | None = None) -> Tally:
        run = self.begin(order)
        run.go()
        return run.tally

    def lost(self) -> set[str]:
        return self.aws.ledger.lost(identity)

    def duplicates(self) -> set[str]:
        """Orders that were delivered more than once."""
        return set(self.aws.ledger.duplicates(identity))

    def left(self) -> list[str]:
        return self.aws.sqs.bodies(self.dlq_name)

    def reported(self, tally: Tally) -> set[str]:
        """The possible duplicates of a report, as orders."""
        bodies: dict[str, str] = {record.message_id: record.body for record in self.aws.ledger.records}
        return {identity(bodies[message_id]) for message_id in tally.possible_duplicates}

    def settle_down(self) -> None:
        """No faults any more, and everything that was hidden is visible again."""
        self.aws.faults.clear()
        self.clock.advance(HIDDEN_LONGEST)

    def faults_of(self, tally: Tally) -> list[str]:
        """Everything that is wrong with a run: what it did to the orders, and what it says it did."""
        ids_left = {message.message_id for message in self.dlq.messages.values()}
        wrong = [f"lost: {sorted(self.lost())}"] if self.lost() else []
        unreported = self.duplicates() - self.reported(tally)
        wrong += [f"delivered twice, unreported: {sorted(unreported)}"] if unreported else []
        lies = tally.deleted & ids_left
        wrong += [f"said to be deleted, still there: {sorted(lies)}"] if lies else []
        gone = (tally.kept.keys() | tally.refused.keys()) - ids_left
        wrong += [f"said to be kept, gone: {sorted(gone)}"] if gone else []
        return wrong


class FunctionWorld(World):
    """A function whose failed invocations lie in a queue: its dead-letter queue, or its on-failure destination."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        super().__init__(folder)
        self.kind = kind
        self.function = self.aws.lambda_.create("process")
        arn = self.function.arn if kind is Kind.LAMBDA_DLQ else f"{self.function.arn}:$LATEST"
        self.wiring = Wiring((Wire(kind, self.dlq.arn, arn, arn),))

    def seed(self, count: int, *, groups: int = 1) -> None:
        for number in range(count):
            self.fail(number, f"request-{number}")
        self.aws.ledger.begin()

    def fail(self, number: int, request: str) -> str:
        """One report of a failed invocation; answers its message id."""
        event = {"order_id": f"order-{number}"}
        if self.kind is Kind.LAMBDA_DLQ:
            attributes = {
                "RequestID": {"DataType": "String", "StringValue": request},
                "ErrorCode": {"DataType": "Number", "StringValue": "200"},
                "ErrorMessage": {"DataType": "String", "StringValue": "it broke"},
            }
            return self.aws.sqs.seed(self.dlq, json.dumps(event), MessageAttributes=attributes).message_id
        context = {"requestId": request, "functionArn": f"{self.function.arn}:$LATEST", "condition": "RetriesExhausted"}
        record = {"version": "1.0", "requestContext": context, "requestPayload": event}
        return self.aws.sqs.seed(self.dlq, json.dumps(record)).message_id
