"""Which executions `orders stop` and `orders redrive` mean: those named, or all that fit `--since` and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.cli.orders_common import arn_of, moment_of, status_of
from orderctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderctl.context import App
    from orderctl.orders.models import ExecutionStatus


class Filter:
    """Which executions `--since` and its companions mean, instead of names."""

    def __init__(
        self, since: str | None, until: str | None, prefix: str, status: str | None, error: str | None, most: int
    ) -> None:
        self.since, self.until, self.prefix = since, until, prefix
        self.status, self.error, self.most = status, error, most

    @property
    def is_narrowed(self) -> bool:
        """Was anything given that names no order?"""
        return any((self.since, self.until, self.prefix, self.status, self.error))


def selected(
    cli: App, orders: list[str] | None, asked: Filter, statuses: Sequence[str], state_machine: str | None
) -> list[str]:
    """ARNs of the executions; raises UsageError where both or neither were given."""
    if orders and asked.is_narrowed:
        raise UsageError("orders are named: --since and its companions choose others")
    if orders:
        return list(dict.fromkeys(arn_of(cli, order, state_machine) for order in orders))
    if not asked.since:
        raise UsageError("name orders, or --since for all that fit")
    return _found(cli, asked, _statuses(asked.status, statuses), state_machine)


def _statuses(wanted: str | None, statuses: Sequence[str]) -> list[ExecutionStatus]:
    one = status_of(wanted)
    if one is not None and one not in statuses:
        raise UsageError(f"--status cannot be {one}", hint="one of: " + ", ".join(statuses))
    return [found for name in statuses if (found := status_of(name)) is not None and one in (None, found)]


def _found(cli: App, asked: Filter, statuses: Sequence[ExecutionStatus], state_machine: str | None) -> list[str]:
    """At most `asked.most` of all statuses together, the newest."""
    from itertools import islice

    from orderctl.orders.find import find, merged, with_error

    machine = cli.resource("state_machine", state_machine)
    begin, end = moment_of(cli, asked.since, "--since"), moment_of(cli, asked.until, "--until")
    most = None if asked.error else asked.most + 1
    each = [
        find(cli.executions, machine, status=status, since=begin, until=end, prefix=asked.prefix, limit=most)
        for status in statuses
    ]
    found = merged(each)
    if asked.error:
        found = with_error(cli.executions, found, asked.error, cli.token_buckets.of("GetExecutionHistory"))
    fitting = [execution.execution_arn for execution in islice(found, asked.most + 1)]
    if len(fitting) > asked.most:
        cli.renderer.warn(
            f"more than {asked.most} orders fit; these are the newest: raise --max, or run it again after"
        )
    return fitting[: asked.most]
