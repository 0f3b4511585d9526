"""Chunks as they lie in S3, and the results beside them.

A chunk is JSON Lines: a header, then a line an item. It holds about a hundred deliveries, which a function makes in
a few seconds, and not more bytes than it can well keep in memory. Nothing of a result is believed that is not exactly
what the function writes: from anything else it is not known what was delivered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from orderctl.bulk.models import Fate, Item, Status

ITEMS = 100
BYTES = 5 * 1024 * 1024
"""Of a chunk, at most; one item alone may have more."""
GARBLED = "the result of its chunk cannot be read"


def cut(items: Iterable[Item], most: int = ITEMS) -> Iterator[list[Item]]:
    """As few chunks as count and bytes allow, in order."""
    chunk: list[Item] = []
    size = 0
    for item in items:
        if chunk and (len(chunk) == most or size + len(item.line) > BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += len(item.line)
    if chunk:
        yield chunk


def start(name: str, text: str) -> dict[str, object]:
    """What a line says of the start of an execution, besides its id and whose it is. Both nouns make these."""
    return {"to": "state-machine", "name": name, "payload": {"text": text}}


def written(chunk: Sequence[Item], seconds: float) -> bytes:
    """The object; `seconds` after it was stored no delivery of it may be begun."""
    header = json.dumps({"v": 1, "items": len(chunk), "seconds": seconds}).encode()
    return b"\n".join([header, *(item.line for item in chunk), b""])


def fates(body: bytes, ids: Sequence[str], key: str) -> dict[str, Fate]:
    """What a result says of the chunk's items; Unknown for all that it does not say clearly."""
    try:
        document = json.loads(body)
        is_its = document["v"] == 1 and document["chunk"] == key
        said = document["fates"] if is_its else {}
    except (ValueError, KeyError, TypeError, RecursionError):
        said = {}
    said = said if isinstance(said, dict) else {}
    return {item_id: _fate(said.get(item_id)) for item_id in ids}


def _fate(said: object) -> Fate:
    if not isinstance(said, dict):
        return Fate(Status.UNKNOWN, reason=GARBLED)
    try:
        status = Status(str(said.get("status")))
    except ValueError:
        return Fate(Status.UNKNOWN, reason=GARBLED)
    new_id = said.get("new_id")
    if not isinstance(new_id, str | None):
        return Fate(Status.UNKNOWN, reason=GARBLED)
    return Fate(status, new_id, str(said.get("reason") or ""), str(said.get("code") or ""))
