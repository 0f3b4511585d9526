"""`orderctl inventory seed --via-import`: the plan, the progress and the true end of a DynamoDB import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.cli import guard
from orderctl.errors import TimeoutPassedError, UnreachableError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.documents import Input
    from orderctl.inventory.import_ports import TableImport, TableImports
    from orderctl.inventory.seed_file import Checked
    from orderctl.inventory.table_import import Plan

COLUMNS = ("table", "status", "rows", "imported", "errors", "log_group", "reason")


class Importing:
    """One import on its way. `again` is the line that finds it, should this run end before it does."""

    def __init__(
        self,
        cli: App,
        source: Input,
        checked: Checked,
        table: str | None,
        bucket: str | None,
        timeout: str | None,
        again: tuple[str, ...],
    ) -> None:
        from orderctl import times

        self._cli, self._source, self._checked = cli, source, checked
        self._table = table or cli.resource("inventory_table")
        self._timeout = None if timeout is None else times.span(timeout, "--timeout")
        self._imports: TableImports = cli.table_imports(bucket)
        self._again = cli.command(*again, *(() if bucket is None else ("--bucket", bucket)))

    def run(self, *, confirm: str | None, dry_run: bool) -> None:
        """Plan, start or find it, follow it, and say whether every row is in the table."""
        from orderctl.inventory import seed_file, table_import

        checked = self._checked
        plan = table_import.plan(self._imports, self._table, rows=checked.rows, content_id=checked.content_id)
        self._show(plan)
        if dry_run:
            return
        guard.adding(self._cli, confirm=confirm)
        self._cli.resume = f"an import that was started goes on; to follow it: {self._again}"
        stock = (line.stock for line in seed_file.lines(self._source))
        try:
            self._follow(table_import.begin(self._imports, plan, stock), plan)
        except (UnreachableError, TimeoutPassedError) as error:
            raise type(error)(error.message, hint=self._cli.resume, aws=error.aws) from error

    def _show(self, plan: Plan) -> None:
        say = self._cli.renderer.say
        if plan.found is not None:
            say(f"this file was imported into table {plan.table} before: {plan.found.status}")
            return
        say(f"{plan.rows:,} rows go up to s3://{plan.bucket}/{plan.key}, from there into the new table {plan.table};")
        say("it is paid by request, and has no point-in-time recovery or deletion protection until you turn them on")

    def _follow(self, begun: TableImport, plan: Plan) -> None:
        """Progress on stderr or as events; the import as it ended on stdout, then what that means."""
        from orderctl.inventory import table_import

        renderer, last = self._cli.renderer, begun
        pause = 0.2 if self._cli.environment.is_local else table_import.POLL
        found = table_import.follow(self._imports, begun, plan.key, self._cli.clock, pause=pause, timeout=self._timeout)
        try:
            for last in found:
                if renderer.format == "jsonl":
                    renderer.event({"type": "import", **_fields(last, plan)})
                renderer.say(f"{last.status}: {last.processed:,} of {plan.rows:,} rows processed")
        finally:
            if renderer.format == "jsonl":
                renderer.event({"type": "result", **_fields(last, plan)})
            else:
                renderer.one(_fields(last, plan), COLUMNS)
        table_import.judge(last, plan.rows)


def _fields(one: TableImport, plan: Plan) -> dict[str, object]:
    return {
        "table": one.table,
        "import_arn": one.arn,
        "status": one.status,
        "rows": plan.rows,
        "processed": one.processed,
        "imported": one.imported,
        "errors": one.errors,
        "log_group": one.log_group,
        "reason": one.reason,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
    }
