"""What a seed has to tell: progress while it runs, and one report at its end, whatever ended it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from orderctl.cli.progress import telling
from orderctl.inventory.models import Mode, Result, Seeded

if TYPE_CHECKING:
    from orderctl.context import App

COLUMNS = ("result", "product_id", "quantity", "was.quantity", "reason", "line")
QUIET = (Result.CREATED, Result.UNCHANGED)
"""Results that are only counted: the table holds what the file says."""
STREAMED = ("tsv", "csv")
"""Formats in which rows are printed as they happen, so that a million of them need no memory."""
MOST_SHOWN = 1000


class Report:
    """Counts outcomes; tsv, csv and jsonl print each as it happens, table and json at the end."""

    def __init__(self, app: App, mode: Mode, rows: int, *, seed_id: str | None, dry_run: bool = False) -> None:
        self.counts: Counter[Result] = Counter()
        self._app = app
        self._head = {"mode": mode, "seed_id": seed_id, "dry_run": dry_run, "rows": rows}
        self._rows = rows
        self._told: list[Seeded] = []

    def fill(self, outcomes: Iterable[Seeded]) -> None:
        """Take every outcome; the report is printed even if they end with an error or Ctrl-C."""
        told = self._loud(outcomes)
        try:
            if self._app.renderer.format in STREAMED:
                self._app.renderer.rows(COLUMNS, told)
            elif self._app.renderer.format == "jsonl":
                for outcome in told:
                    self._app.renderer.event({"type": "row", **_fields(outcome)})
            else:
                self._keep(told)
        finally:
            self._print()

    def _keep(self, told: Iterable[Seeded]) -> None:
        """For json all of them; for the table, which shows no more, what failed and then what stands first."""
        is_table = self._app.renderer.format == "table"
        for outcome in told:
            self._told.append(outcome)
            if is_table and len(self._told) >= 2 * MOST_SHOWN:
                self._told = self._first()

    def _first(self) -> list[Seeded]:
        return sorted(self._told, key=lambda one: (one.result is not Result.FAILED, one.line))[:MOST_SHOWN]

    def _loud(self, outcomes: Iterable[Seeded]) -> Iterator[Seeded]:
        """Count all, pass on what there is something to say of."""
        for outcome in telling(self._app, outcomes, self._rows, "rows"):
            self.counts[outcome.result] += 1
            if outcome.result not in QUIET:
                yield outcome

    def _print(self) -> None:
        renderer = self._app.renderer
        counts = {result.value: self.counts[result] for result in Result}
        if renderer.format == "jsonl":
            renderer.event({"type": "result", **self._head, "counts": counts})
        elif renderer.format == "json":
            lists = {r.value: [_fields(o) for o in self._told if o.result is r] for r in Result if r not in QUIET}
            renderer.one({**self._head, "counts": counts, **lists})
        elif renderer.format == "table":
            shown = self._first()
            renderer.rows(COLUMNS, shown)
            told = sum(count for result, count in self.counts.items() if result not in QUIET)
            if told > len(shown):
                renderer.say(f"... and {told - len(shown):,} more; all with --output tsv")
        words = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
        renderer.say(("would be: " if self._head["dry_run"] else "") + (words or "no row was written"))


def differences(outcomes: Iterable[Seeded], *, most: int = 50) -> Iterator[str]:
    """What an exact seed or upsert would change, a line a row, for somebody to say yes to."""
    shown = hidden = 0
    for outcome in outcomes:
        if outcome.result is Result.UNCHANGED:
            continue
        if shown == most:
            hidden += 1
            continue
        shown += 1
        if outcome.result is Result.FAILED:
            yield f"! {outcome.product_id}: {outcome.reason}"
        elif outcome.was is None:
            yield f"+ {outcome.product_id}: {outcome.quantity}"
        else:
            old = outcome.was.get("quantity")
            note = " (other attributes)" if old == outcome.quantity else ""
            yield f"~ {outcome.product_id}: {old} -> {outcome.quantity}{note}"
    if hidden:
        yield f"... and {hidden:,} more"


def _fields(outcome: Seeded) -> dict[str, object]:
    return {
        "result": outcome.result,
        "product_id": outcome.product_id,
        "quantity": outcome.quantity,
        "was": outcome.was,
        "reason": outcome.reason,
        "line": outcome.line,
    }
