"""Names that were shown lately: what Tab offers for an order, a queue or a product.

Tab must never wait for AWS, so nothing is asked: whatever a command lists anyway is remembered, a file an
environment, the newest first. It is a cache: a file that cannot be read or written is no error. Names come
from other people's systems and are put on somebody's command line, so only those are kept in which no shell
sees anything but a name.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

KINDS = ("order", "queue", "product")
MOST = 300
"""Names of a kind; more than anybody reads through after a Tab."""

_PLAIN = re.compile(r"[A-Za-z0-9_.@%+,/][A-Za-z0-9_.@%+,:/=-]{0,255}")
_FIELDS = (("order_id", "order"), ("product_id", "product"), ("queue", "queue"))


class Memory:
    """What one command has shown."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, None]] = {kind: {} for kind in KINDS}

    def notice(self, item: object) -> None:
        """One thing is shown."""
        for field, kind in _FIELDS:
            self._keep(kind, _field(item, field))
        if _field(item, "kinds") is not None:  # a queue, as `dlq list` tells it
            self._keep("queue", _field(item, "name"))

    def keep(self, cache: Path, environment: str) -> None:
        """Put it in front of what was remembered before; raises nothing."""
        if not any(self._seen.values()):
            return
        path, before = _file(cache, environment), recall(cache, environment)
        now = {kind: list(dict.fromkeys([*self._seen[kind], *before.get(kind, ())]))[:MOST] for kind in KINDS}
        if now != before:
            with contextlib.suppress(OSError):
                write(path, json.dumps(now))

    def _keep(self, kind: str, name: object) -> None:
        seen = self._seen[kind]
        if isinstance(name, str) and len(seen) < MOST and _PLAIN.fullmatch(name):
            seen[name] = None


def recall(cache: Path, environment: str) -> dict[str, list[str]]:
    """Kind to names, the newest first; empty where nothing was remembered."""
    try:
        found = json.loads(_file(cache, environment).read_text(encoding="utf-8"))
        return {kind: [str(name) for name in found[kind] if _PLAIN.fullmatch(str(name))] for kind in KINDS}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _file(cache: Path, environment: str) -> Path:
    return cache / "completion" / (re.sub(r"[^\w-]", "_", environment) + ".json")


def write(path: Path, text: str) -> None:
    """Whole or not at all; without the fsync that what must survive a power cut gets."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _field(item: object, name: str) -> object:
    return item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)
