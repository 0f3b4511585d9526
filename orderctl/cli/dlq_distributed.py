"""`dlq redrive --engine distributed`: what it needs, what is said of it, and how a run goes on with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orderctl.errors import NotFoundError, OrderctlError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.dlq.distributed.waves import Bulk
    from orderctl.dlq.engine_choice import Choice
    from orderctl.dlq.plan import Order, Plan
    from orderctl.dlq.prepare import Prepared

FLAG = "--engine distributed"
HOW = (
    "orderctl stack deploy makes both; or name your own: orderctl config set resources.bulk_bucket NAME, "
    "and resources.bulk_state_machine ARN"
)


def choose(cli: App, prepared: Prepared, order: Order) -> Choice:
    """Raises UsageError, RefusedError and NotFoundError for what keeps AWS from making the deliveries."""
    from orderctl.dlq.engine_choice import Choice, check_distributed

    check_distributed(prepared, order.rate)
    checked(cli)
    return Choice(is_distributed=True)


def checked(cli: App, bucket: str | None = None, machine: str | None = None) -> Bulk:
    """The bucket and the state machine, looked at; nothing is written. Raises saying how to get them."""
    bulk = _bulk(cli, bucket, machine)
    try:
        bulk.store.check(bulk.bucket)
        bulk.machine.check(bulk.machine_arn)
    except NotFoundError as error:
        error.hint = HOW
        raise
    return bulk


def proved(cli: App) -> Bulk:
    """The same, once the person has agreed: the bucket has shown that a chunk can be claimed once."""
    bulk = _bulk(cli)
    bulk.store.prove(bulk.bucket)
    return bulk


def _bulk(cli: App, bucket: str | None = None, machine: str | None = None) -> Bulk:
    from orderctl.dlq.distributed.waves import Bulk

    bucket = bucket or cli.optional_resource("bulk_bucket")
    machine = machine or cli.optional_resource("bulk_state_machine")
    if bucket is None or machine is None:
        missing = "bulk_bucket" if bucket is None else "bulk_state_machine"
        raise UsageError(f"{FLAG}: environment {cli.environment.name!r} names no {missing}", hint=HOW)
    return Bulk(cli.bulk_store, cli.bulk_machine, bucket, machine)


def say_engine(cli: App, choice: Choice, prepared: Prepared, plan: Plan) -> None:
    """That AWS makes the deliveries, and where the letters lie meanwhile; or that it could, where the queue is long."""
    from orderctl.dlq.engine_choice import WORTH_A_BULK, check_distributed

    if choice.is_distributed:
        bucket = cli.optional_resource("bulk_bucket")
        cli.renderer.say(f"engine: distributed, AWS makes the deliveries; the letters go through s3://{bucket}")
        return
    if choice.is_native or plan.depth <= WORTH_A_BULK or not cli.optional_resource("bulk_state_machine"):
        return
    try:
        check_distributed(prepared, None)
    except OrderctlError:
        return
    cli.renderer.say(f"  AWS can make these deliveries itself: {FLAG}")


@dataclass(frozen=True, slots=True)
class GoesOn:
    """How an interrupted run goes on: with the waves it had begun looked at, whoever delivers the rest."""

    bulk: Bulk | None = None
    by_waves: bool = False

    @classmethod
    def of(cls, cli: App, engine: str, header: dict[str, Any], order: Order) -> GoesOn:
        """As it began, or from here by `--engine own`. Raises UsageError for another wish and for a rate with waves."""
        from orderctl.cli.dlq_native import engine_name
        from orderctl.dlq.engine_choice import EngineName

        name = engine_name(engine)
        began = header.get("engine") == EngineName.DISTRIBUTED
        if name is EngineName.DISTRIBUTED and not began:
            raise UsageError("the run began without --engine distributed, and goes on so", hint="leave out --engine")
        by_waves = began and name in (EngineName.DISTRIBUTED, EngineName.AUTO)
        if by_waves and order.rate is not None:
            raise UsageError("--rate cannot be kept by functions side by side in AWS", hint="--engine own keeps a rate")
        return cls(_bulk(cli, str(header["bucket"]), str(header["machine"])), by_waves) if began else cls()

    def check(self, prepared: Prepared, order: Order) -> None:
        """Raise RefusedError where the queue's order would not be kept."""
        from orderctl.dlq.engine_choice import check_distributed

        if self.by_waves:
            check_distributed(prepared, order.rate)
