"""The screen of `orderctl top`: from a snapshot to lines, and nothing else.

    orderctl top  prod  2026-11-22T03:00:00Z  last 1h
    executions  RUNNING 1  SUCCEEDED 40  FAILED 5
    started ▁▁▂▂▃▅▇█▅▃▂▁▁▁▁▁▁▁▁▁   failed ▁▁▁▁▁▁▁▁▂█▅▂▁▁▁▁▁▁▁▁
    dead letters 2
    > orders-order-failures    12 ↑ ▁▁▂▃▅█  2h 5m
      …

Every list has a line that says how long it is; how many of its items are shown is decided by the rows there are,
the most urgent lists first. What is chosen is always among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orderctl.render.cells import ago, span
from orderctl.render.style import Style
from orderctl.render.watch_text import Line, Piece, fit, pad, safe, width
from orderctl.top.choices import Choice, Section
from orderctl.top.models import DeadLetterQueue, Snapshot

KEYS = "q quit   j k move   enter look closer   r refresh"
BARS = "▁▂▃▄▅▆▇█"
_PARTS = {
    Section.DEAD_LETTERS: "dead_letter_queues",
    Section.FAILURES: "executions",
    Section.ALARMS: "alarms",
    Section.RUNNING: "executions",
    Section.LOW_STOCK: "low_stock",
}
"""What a list is made of: where that was never read, nothing in it does not mean none."""
_FIRST = ("FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE", "RUNNING", "SUCCEEDED")
"""Of a line that is cut, the end is lost."""
_BROAD = 64
"""Columns from which on there is room for a sparkline beside a queue."""


@dataclass(frozen=True, slots=True)
class _List:
    """A list of the screen: its items, and what is said where there are none."""

    section: Section
    items: Sequence[Sequence[Piece]]
    nothing: str = "none"


def screen(
    snapshot: Snapshot, columns: int, rows: int | None, style: Style, chosen: Choice | None = None, keys: str = KEYS
) -> list[Line]:
    """At most `rows` lines of at most `columns`; all there is where `rows` is None."""
    head = _head(snapshot, columns)
    foot: list[list[Piece]] = [[Piece(keys, "dim")]] if keys else []
    lists = _lists(snapshot, columns)
    left = None if rows is None else rows - len(head) - len(foot)
    shown = _share_out({each.section: len(each.items) for each in lists}, left)
    body = [line for each in lists if each.section in shown for line in _drawn(each, shown[each.section], chosen)]
    lines = [Line(pieces, style).cut(columns) for pieces in (*head, *body, *foot)]
    return lines if rows is None else lines[:rows]


def sparkline(values: Sequence[int]) -> str:
    """A bar a value; only zero is the lowest one."""
    most = max(values, default=0)
    steps = len(BARS) - 1
    return "".join(BARS[0 if value <= 0 else max(1, round(value * steps / most))] for value in values)


def _head(snapshot: Snapshot, columns: int) -> list[list[Piece]]:
    at = snapshot.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    counts = snapshot.executions
    by_status = [
        piece
        for status, count in sorted(counts.by_status.items(), key=lambda each: _FIRST.index(each[0]))
        for piece in (Piece("  "), Piece(f"{status} {count:,}", _status_color(status)))
    ]
    nothing = [Piece("  not looked at" if "executions" in snapshot.missing else "  none")]
    whole = [] if counts.is_whole else [Piece("  (the newest)", "yellow")]
    lines = [
        [Piece("orderctl top  "), Piece(safe(snapshot.environment), "bold"), Piece(f"  {at}", "dim"),
         Piece(f"  last {span(snapshot.window_seconds)}")],
        [Piece("executions", "bold"), *(by_status or nothing), *whole],
    ]  # fmt: skip
    if counts.started:
        failed = [Piece("failed "), Piece(sparkline(counts.failed), "red")]
        started = [Piece("started "), Piece(sparkline(counts.started), "green"), Piece("   ")]
        lines.append([*started, *failed] if columns >= _BROAD else failed)
    return lines


def _lists(snapshot: Snapshot, columns: int) -> list[_List]:
    found: Mapping[Section, Sequence[Sequence[Piece]]] = {
        Section.DEAD_LETTERS: _queues(snapshot.dead_letter_queues, columns),
        Section.FAILURES: _failures(snapshot, columns),
        Section.ALARMS: _alarms(snapshot, columns),
        Section.RUNNING: [
            _row(order.order_id, "" if order.started_at is None else ago(order.started_at, snapshot.taken_at), columns)
            for order in snapshot.running
        ],
        Section.LOW_STOCK: [_row(each.product_id, f"{each.quantity:,}", columns) for each in snapshot.low_stock],
        Section.NOTES: [[Piece(safe(note), "yellow")] for note in snapshot.notes],
    }
    return [
        _List(section, items, "not looked at" if _PARTS.get(section) in snapshot.missing else "none")
        for section, items in found.items()
        if items or section is not Section.NOTES
    ]


def _share_out(wanted: Mapping[Section, int], rows: int | None) -> dict[Section, int]:
    """How many items of each list are shown; lists that have nothing come after those that have something."""
    if rows is None:
        return dict(wanted)
    order = sorted(wanted, key=lambda section: wanted[section] == 0)
    shown: dict[Section, int] = {}
    for section in order:
        needed = 2 if wanted[section] else 1
        if rows >= needed:
            shown[section] = min(1, wanted[section])
            rows -= needed
    while rows > 0 and (hungry := [section for section in shown if shown[section] < wanted[section]]):
        for section in hungry[:rows]:
            shown[section] += 1
            rows -= 1
    return shown


def _drawn(each: _List, count: int, chosen: Choice | None) -> list[list[Piece]]:
    """The list's title and the items around the chosen one."""
    here = chosen.number if chosen is not None and chosen.section is each.section else None
    begin = 0 if here is None else max(0, min(here - count + 1, len(each.items) - count))
    total = len(each.items)
    said = each.nothing if not total else f"{total:,}" if count == total else f"{count:,} of {total:,}"
    title = [Piece(each.section.value, "bold"), Piece(f"  {said}", "dim")]
    items = [
        [Piece("> " if number == here else "  ", "cyan"), *item]
        for number, item in enumerate(each.items[begin : begin + count], begin)
    ]
    return [title, *items]


def _queues(queues: Sequence[DeadLetterQueue], columns: int) -> list[list[Piece]]:
    room = columns - 2 - (28 if columns >= _BROAD else 17)
    broad = min(max((width(safe(queue.name)) for queue in queues), default=0), max(8, room))
    return [_queue(queue, broad, columns) for queue in queues]


def _queue(queue: DeadLetterQueue, broad: int, columns: int) -> list[Piece]:
    arrow = "↑" if queue.trend > 0 else "↓" if queue.trend < 0 else " "
    age = "" if queue.oldest_age_seconds is None else span(queue.oldest_age_seconds)
    trend = [Piece(f" {pad(sparkline(queue.depths), 12)}", "dim")] if columns >= _BROAD else []
    color = "red" if queue.depth else "dim"
    return [
        Piece(pad(_short(safe(queue.name), broad), broad), "" if queue.depth else "dim"),
        Piece(f" {queue.depth:>6,} ", color),
        Piece(arrow, "red" if queue.trend > 0 else "green"),
        *trend,
        Piece(f" {age:>7}" if age else ""),
        Piece(f"  {queue.in_flight:,} in flight" if queue.in_flight and columns >= 100 else "", "dim"),
    ]


def _failures(snapshot: Snapshot, columns: int) -> list[list[Piece]]:
    broad = min(max((width(safe(each.error)) for each in snapshot.failures), default=0), max(8, columns // 2 - 8))
    return [
        [
            Piece(pad(_short(safe(each.error), broad), broad)),
            Piece(f" {each.count:>6,}", "red"),
            Piece(f"  such as {safe(each.order_id)}"),
            Piece("" if each.newest_at is None else f", {ago(each.newest_at, snapshot.taken_at)}", "dim"),
        ]
        for each in snapshot.failures
    ]


def _alarms(snapshot: Snapshot, columns: int) -> list[list[Piece]]:
    return [
        [
            Piece(_short(safe(alarm.name), max(8, columns - 14)), "red"),
            Piece("" if alarm.since is None else f"  {ago(alarm.since, snapshot.taken_at)}", "dim"),
            Piece(f"  {safe(alarm.reason)}" if columns >= 100 else "", "dim"),
        ]
        for alarm in snapshot.alarms
    ]


def _row(name: str, value: str, columns: int) -> list[Piece]:
    return [Piece(_short(safe(name), max(8, columns - 14))), Piece(f"  {value}", "dim")]


def _short(text: str, columns: int) -> str:
    return text if width(text) <= columns else fit(text, columns - 1) + "…"


def _status_color(status: str) -> str:
    return {"SUCCEEDED": "green", "RUNNING": "yellow"}.get(status, "red")
