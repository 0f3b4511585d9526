"""A function's dead letters, and a redrive whose deliveries AWS makes, on fakes that remember."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from orderctl.aws.bulk import S3BulkStore, StepFunctionsBulk
from orderctl.dlq.distributed.waves import Bulk
from orderctl.dlq.journal import Journal
from orderctl.dlq.models import Kind
from orderctl.dlq.plan import Order
from orderctl.dlq.redrive import Run, begin, resume, runs_folder
from orderctl.dlq.tally import Tally
from orderctl.pacing import TokenBuckets
from tests.dlq.world import FunctionWorld
from tests.fakes.bulk import FakeBulk

NAME = "20261122T030000Z-000000"


class BulkWorld(FunctionWorld):
    """Waves of at most `hand` letters in chunks of `chunk`."""

    def __init__(self, folder: Path, kind: Kind = Kind.LAMBDA_DLQ, *, chunk: int = 3, hand: int = 12) -> None:
        super().__init__(folder, kind)
        self.far = FakeBulk(self.aws)
        self.chunk, self.hand = chunk, hand

    @cached_property
    def bulk(self) -> Bulk:
        client = self.far.client
        store = S3BulkStore(client, lambda: self.aws.account)  # type: ignore[arg-type]
        machine = StepFunctionsBulk(self.aws.client("stepfunctions"), TokenBuckets(self.clock))
        return Bulk(store, machine, self.far.bucket, self.far.machine)

    def begin(self, order: Order | None = None, name: str = NAME) -> Run:
        order = order or Order(concurrency=1)
        folder = runs_folder(self.folder)
        return self._sized(begin(self.services, self.prepared(), order, folder, name, {}, None, self.bulk))

    def resume(self, name: str = NAME, order: Order | None = None, *, by_waves: bool = True) -> Run:
        opened, standing = Journal.resume(runs_folder(self.folder), name)
        at = datetime.fromtimestamp(standing.header["cutoff"], UTC)
        order = order or Order(concurrency=1)
        try:
            run = resume(self.services, self.prepared(), order, opened, standing, at, self.bulk, by_waves=by_waves)
        except BaseException:
            opened.close()
            raise
        return self._sized(run)

    def _sized(self, run: Run) -> Run:
        if run.waves is not None:
            run.waves.chunk_items = self.chunk
            run.engine.hand = self.hand
        return run

    def redrive(self, order: Order | None = None) -> Tally:
        run = self.begin(order)
        run.go()
        return run.tally

    def left_behind(self) -> list[str]:
        """What lies in the bucket."""
        return self.far.s3.keys(self.far.bucket)
