"""The plan of `dlq redrive`: look at the queue, say what the run would do, refuse what can be known to be wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orderctl.errors import UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.dlq.foresee import Foreseen
    from orderctl.dlq.models import DeadLetter
    from orderctl.dlq.plan import Line, Order, Plan
    from orderctl.dlq.prepare import Prepared, Services

LOOKS_AT = 100
"""Letters a plan is made from; every look costs a receive, so it is a sample of a long queue."""


def services(cli: App) -> Services:
    """The ports a redrive works through."""
    from orderctl.dlq.prepare import Services
    from orderctl.pool import Load

    health, notice = cli.consumer_health, cli.renderer.say
    return Services(cli.queues, cli.functions, cli.subscriptions, cli.starter, cli.clock, health, notice, load=Load())


def prepared(cli: App, queue: str) -> Prepared:
    """The queue with its wiring, every consumer looked at."""
    from orderctl.dlq.prepare import prepare

    found = cli.queues.describe(queue)
    wiring = cli.wiring([found])
    for note in wiring.notes:
        cli.renderer.warn(note)
    return prepare(services(cli), found, wiring)


def as_of_now(cli: App, ready: Prepared) -> Prepared:
    """The same with the queue as it is now. A run handles what lay there when its plan was made, and finding the
    wiring takes so long that letters arrive meanwhile, which the plan has counted."""
    return replace(ready, queue=cli.queues.describe(ready.queue.url))


def make(
    cli: App, ready: Prepared, order: Order, *, most: int = LOOKS_AT, is_native: bool = False
) -> tuple[Plan, list[Foreseen]]:
    """The plan from at most `most` letters; with edits from as many as a plan can name, so that they fit them all."""
    from orderctl.dlq import duration
    from orderctl.dlq.foresee import Action
    from orderctl.dlq.models import Redrivable
    from orderctl.dlq.outlook import outlook
    from orderctl.dlq.plan import make_plan
    from orderctl.dlq.plan_file import MOST

    sight = _Look(cli, ready, order, MOST if order.changes else most)
    foreseen = sight.letters()
    plan = make_plan(ready, foreseen, seen=sight.seen, is_whole=sight.is_whole, is_full=sight.is_full)
    going = [each.item for each in foreseen if each.action is Action.DELIVER]
    letters = [item for item in going if isinstance(item, Redrivable)]
    workflow = cli.optional_resource("state_machine")
    more = [f"{sight.damage}; every letter may have been delivered before"] if sight.damage else []
    more += outlook(services(cli), ready, letters, [workflow] if workflow else [])
    seconds = duration.expected_seconds(
        _expected(plan, order),
        [item.delivery for item in letters],
        rate=order.rate,
        concurrency=order.concurrency,
        call_seconds=None if is_native else sight.call_seconds,
    )
    return replace(plan, warnings=(*plan.warnings, *more), expected_seconds=seconds), foreseen


class _Look:
    """One look at the queue, and what it tells beside the letters."""

    def __init__(self, cli: App, ready: Prepared, order: Order, most: int) -> None:
        self._cli, self._ready, self._order, self._most = cli, ready, order, most
        self.seen, self.is_whole, self.is_full = 0, False, False
        self.call_seconds: float | None = None
        self.damage: str | None = None
        """What of an earlier run's journal cannot be read."""

    def letters(self) -> list[Foreseen]:
        """Until there are as many to deliver as `--max` allows; everything is given back."""
        from orderctl.dlq.foresee import Action, Foresight
        from orderctl.dlq.history import History
        from orderctl.dlq.plan import plan_letter
        from orderctl.dlq.redrive import runs_folder
        from orderctl.dlq.twins import twin_queues

        order, ready = self._order, self._ready
        past = History(runs_folder(self._cli.state_dir), self._cli.clock.now())
        self.damage = past.damage(ready.queue.arn, *twin_queues(ready.wiring, ready.queue.arn))
        foresight = Foresight(past, order.max_redrives, ready.queue.is_fifo)
        found: list[Foreseen] = []
        going = 0
        with contextlib.closing(self._looked()) as looked:
            for letter in looked:
                found.append(foresight.of(plan_letter(letter, ready, order)))
                going += found[-1].action is Action.DELIVER
                if going == order.limit:
                    self.is_full = True
                    break
        return found

    def _looked(self) -> Generator[DeadLetter]:
        from orderctl.dlq import look

        glance, began = look.Glance(), self._cli.clock.monotonic()
        letters = look.look(
            self._cli.queues,
            self._ready.queue,
            self._ready.wiring,
            self._cli.clock,
            selection=self._order.selection,
            limit=self._most,
            glance=glance,
            function=self._order.function,
        )
        try:
            for letter in letters:
                self.call_seconds = self.call_seconds or self._cli.clock.monotonic() - began
                yield letter
        finally:
            letters.close()  # type: ignore[attr-defined]
            self.seen, self.is_whole = glance.seen, glance.is_whole


def _expected(plan: Plan, order: Order) -> int:
    """How many letters the run will deliver, a sample taken for the whole."""
    if plan.is_whole or plan.is_full or not plan.looked_at:
        return plan.redrivable
    total = round(plan.redrivable / plan.looked_at * max(plan.depth, plan.looked_at))
    return total if order.limit is None else min(total, order.limit)


def show(cli: App, plan: Plan, *, dry_run: bool) -> None:
    """The plan on stderr, the same words with and without --dry-run."""
    from orderctl.dlq import duration

    say = cli.renderer.say
    sample = f", planned from the {plan.looked_at} that SQS handed out first"
    whole = plan.is_whole or plan.is_full
    title = "Plan (dry run)" if dry_run else "Plan"
    say(f"{title} for {plan.queue}: about {plan.depth} messages{'' if whole else sample}")
    for line in plan.lines:
        say(f"  {line.count:6} {line.kind.value:19} {_fate(line)}  (such as {line.sample})")
    if plan.is_full:
        say(f"  no more than --max {plan.redrivable}; the other letters stay")
    if plan.expected_seconds is not None:
        say(f"  expected: {duration.words(plan.expected_seconds)}")
    for warning in plan.warnings:
        cli.renderer.warn(warning)


def _fate(line: Line) -> str:
    from orderctl.dlq.foresee import Action

    match line.action:
        case Action.DELIVER:
            return f"-> {line.to}"
        case Action.DELETE:
            return f"only deleted: {line.reason}"
        case Action.SETTLE:
            return f"settled: {line.reason}"
        case Action.STAY:
            return f"stays: {line.reason}"


def show_edits(cli: App, foreseen: Sequence[Foreseen], order: Order) -> None:
    """The difference for the first three; raises UsageError when the edits do not fit every selected letter."""
    from orderctl.dlq.edits import difference, edited_payload
    from orderctl.dlq.models import Redrivable, Refused

    if not order.changes:
        return
    changed = [each.item for each in foreseen if isinstance(each.item, Redrivable)]
    for item in changed[:3]:
        cli.renderer.say(difference(item.letter, edited_payload(item.letter, order.changes) or ""))
    unfit = [each.item for each in foreseen if isinstance(each.item, Refused) and each.item.is_unfit]
    if unfit:
        more = f" (and {len(unfit) - 1} more)" if len(unfit) > 1 else ""
        raise UsageError(
            f"message {unfit[0].letter.message.message_id}: {unfit[0].reason}{more}; nothing was delivered",
            hint="select the letters the edits are for (--error, --order-id, --id, --where), or correct the path",
        )
