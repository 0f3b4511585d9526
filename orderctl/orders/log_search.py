"""Finding an order's lines in the logs of functions, which hold the lines of every order.

They are found in up to three steps, each only as far as the one before left something open: by the request ids the
history knows and by the order's id; by the request ids those lines named; and, for a call that left no id at all,
by its span of time. The last can be another order's, so every line says how it was matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orderctl.errors import NotFoundError, OrderctlError
from orderctl.orders.invocations import Invocation
from orderctl.orders.log_lines import OrderLine, mentions, order_line, request_id_in
from orderctl.orders.log_models import FunctionGroups, LogLine, Logs

CLOSELY = timedelta(milliseconds=100)
"""How far a request may lie outside of a call's span where time is all there is to go by."""
MOST_BY_TIME = 3
"""Requests taken for one call by its time alone: a busy function has many at any moment."""
MOST_REQUESTS = 30
"""Request ids looked for in one group: each is a call."""


@dataclass(slots=True)
class LogSearch:
    """Where an order's lines may be, and what came of looking: `notes` say what could not be read."""

    order_id: str
    since: datetime
    until: datetime | None
    groups: Mapping[str, Sequence[Invocation]]
    """Log groups of functions, with the calls that may have written to each."""
    notes: list[str] = field(default_factory=list)


def groups_of(
    calls: Iterable[Invocation], functions: Iterable[str], places: FunctionGroups, notes: list[str]
) -> dict[str, list[Invocation]]:
    """The log groups of all functions, called or only named by the definition."""
    found: dict[str, list[Invocation]] = {}
    by_function: dict[str, list[Invocation]] = {function: [] for function in functions}
    for call in calls:
        if call.function is not None:
            by_function.setdefault(call.function, []).append(call)
    for function, made in by_function.items():
        try:
            found.setdefault(places.log_group(function), []).extend(made)
        except OrderctlError as error:
            notes.append(f"function {function}: where it logs cannot be read: {error.message}")
    return found


def function_lines(logs: Logs, search: LogSearch) -> list[OrderLine]:
    """Every line of the order in the groups of its functions, in time order."""
    found: list[OrderLine] = []
    for group, calls in search.groups.items():
        try:
            found += _in_group(logs, search, group, calls)
        except NotFoundError:
            search.notes.append(f"log group {group} does not exist (yet)")
        except OrderctlError as error:
            if error.code == "auth" and "sign in" in (error.hint or ""):
                raise
            search.notes.append(f"log group {group} cannot be read: {error.message}")
    return sorted(found, key=lambda line: line.timestamp)


def _in_group(logs: Logs, search: LogSearch, group: str, calls: Sequence[Invocation]) -> list[OrderLine]:
    kept: dict[object, tuple[LogLine, str]] = {}
    functions: dict[str, str] = {call.request_id: call.function for call in calls if call.request_id and call.function}
    known = list(dict.fromkeys(call.request_id for call in calls if call.request_id))
    asked: set[str] = set()

    def look(word: str, match: str) -> None:
        for line in logs.lines(group, since=search.since, until=search.until, containing=word):
            if mentions(line.message, word):
                kept.setdefault((line.id, line.timestamp, line.stream, line.message), (line, match))

    look(search.order_id, "order_id")
    known += _requests(line for line, _ in kept.values())
    for request_id in list(dict.fromkeys(known))[:MOST_REQUESTS]:
        asked.add(request_id)
        look(request_id, "request_id")
    for call in calls:
        if call.request_id is None and not _is_covered(call, kept):
            for request_id in _requests_during(logs, group, call):
                if request_id not in asked:
                    asked.add(request_id)
                    functions.setdefault(request_id, call.function or "")
                    look(request_id, "time")
    if len(known) > MOST_REQUESTS:
        search.notes.append(f"log group {group}: only the first {MOST_REQUESTS} of {len(known)} requests are shown")
    shared = _short(group)

    def source(line: LogLine) -> str:
        called = functions.get(request_id_in(line.message) or "")
        return (_plain(called) if called else None) or _function_in(line.stream) or shared

    in_order = sorted(kept.values(), key=lambda found: (found[0].timestamp, found[0].id))
    return [order_line(line, source(line), match) for line, match in in_order]


def _requests(lines: Iterable[LogLine]) -> list[str]:
    found = (request_id_in(line.message) for line in lines)
    return list(dict.fromkeys(each for each in found if each is not None))


def _is_covered(call: Invocation, kept: Mapping[object, tuple[LogLine, str]]) -> bool:
    """Was a line of the call found already, by the order's id?"""
    end = call.until or call.since
    return any(
        call.since - CLOSELY <= line.timestamp <= end + CLOSELY for line, match in kept.values() if match != "time"
    )


def _requests_during(logs: Logs, group: str, call: Invocation) -> list[str]:
    """Requests that began while the call was on; the first few, since a busy function has many."""
    until = (call.until or call.since) + CLOSELY
    return _requests(logs.lines(group, since=call.since - CLOSELY, until=until))[:MOST_BY_TIME]


def _plain(function: str) -> str:
    """The function's own name, without the rest of its ARN."""
    return function.rpartition(":function:")[2].partition(":")[0]


def _short(group: str) -> str:
    return group.removeprefix("/aws/lambda/").strip("/").rpartition("/")[2] or group


def _function_in(stream: str) -> str | None:
    """`2026/11/22/NAME[$LATEST]…`: the stream of a function in a group that several share."""
    last = stream.rpartition("/")[2]
    name, bracket, _ = last.partition("[")
    return name if bracket and name else None
