"""An order system on the fake AWS, with dead letters in it, and a redrive that walks through the real adapters."""

from __future__ import annotations

from pathlib import Path

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
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.ledger import marker

identity = marker(r"order-\d+")


class World:
    """A source queue, its dead-letter queue, and everything needed to redrive between them."""

    def __init__(self, folder: Path, *, fifo: bool = False) -> None:
        self.clock = FakeClock()
        self.aws = FakeAws(clock=self.clock)
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

    @property
    def services(self) -> Services:
        client = self.aws.client
        queues = SqsQueues(client("sqs"), client("sqs"), self.clock)
        functions = LambdaFunctions(client("lambda"), client("lambda"), self.clock)
        topics = SnsSubscriptions(client("sns"), client("sns"), self.clock)
        return Services(queues, functions, topics, StepFunctionsStarter(client("stepfunctions")), self.clock)

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
