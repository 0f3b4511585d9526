"""One value as the text of one table cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum

from orderctl import jsontext
from orderctl.render.clean import clean


def lookup(item: object, path: str) -> object:
    """The value at a dotted path of attributes or keys; what is not there is None."""
    for name in path.split("."):
        item = item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)
    return item


def text(value: object, now: datetime | None = None) -> str:
    """`value` for a cell, whole and safe; with `now`, a time is told relative to it, as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return ago(value, now) if now else jsontext.iso(value)
    if isinstance(value, Enum):
        return clean(str(value.value))
    if isinstance(value, Mapping) or is_dataclass(value):
        return clean(jsontext.dumps(value))
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return ", ".join(text(item, now) for item in value)
    return clean(str(value))


def ago(moment: datetime, now: datetime) -> str:
    """`3m ago`; a moment to come is `in 3m`."""
    seconds = (now - moment).total_seconds()
    size = span(abs(seconds))
    return f"{size} ago" if seconds >= 0 else f"in {size}"


def span(seconds: float) -> str:
    """A duration in its two largest units at most: `850ms`, `4.2s`, `3m 20s`, `2h 5m`, `9d 3h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    whole = round(seconds)
    for size, unit, below, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size}{unit} {rest}{smaller}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"
