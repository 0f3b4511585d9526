"""Answers the shells' completion scripts, as fast as Tab has to be.

Importing typer and every noun takes longer than a person waits for a Tab. The tree of commands follows from
the code alone, so it is written to the cache once and read from there as long as no file of `cli` has changed.
Nothing here speaks to AWS, raises, or says anything but what fits.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from orderctl import __version__, paths
from orderctl.completion import memory
from orderctl.completion.engine import candidates
from orderctl.completion.line import for_bash, words_of

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Environments that may stand on a command line as they are; a quoted TOML key can hold what a shell would run."""


def answer(arguments: Sequence[str], environ: Mapping[str, str], out: TextIO) -> int:
    """Print what fits, a line each; for zsh and fish with a tab and what it is. The exit code says nothing."""
    try:
        lines = _lines(arguments, environ)
        out.write("".join(line + "\n" for line in lines))
        out.flush()
    except Exception:
        return 1
    return 0


def _lines(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    shell, *words = arguments
    if shell == "bash":
        line, cursor = words
        words = words_of(line, len(line.encode()[: int(cursor)].decode(errors="ignore")))
    known = _Known(environ)
    found = candidates(_tree(environ), words, known.values)
    if shell == "bash":
        breaks = environ.get("ORDERCTL_WORDBREAKS", "=:")
        return for_bash([each.word for each in found], words[-1] if words else "", breaks)
    return [f"{each.word}\t{each.help}" if each.help else each.word for each in found]


class _Known:
    """Values from this machine alone: the configuration file and what commands have shown."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def values(self, kind: str, environment: str | None) -> Sequence[str]:
        if kind == "key":
            from orderctl.config.schema import BY_PATH

            return list(BY_PATH)
        if kind == "environment":
            return self._environments()[1]
        name = environment or self._environ.get("ORDERCTL_ENV") or self._environments()[0]
        found = memory.recall(paths.cache_dir(self._environ), name).get(kind, [])
        return ["@latest", *found] if kind == "order" else found

    def _environments(self) -> tuple[str, list[str]]:
        """The selected one, and all: read without the checks that a command makes."""
        import tomllib

        try:
            document = tomllib.loads(paths.config_file(self._environ).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "default", []
        table = document.get("env")
        names = [name for name in table if _NAME.fullmatch(name)] if isinstance(table, dict) else []
        return str(document.get("default_env", "default")), names


def _tree(environ: Mapping[str, str]) -> Mapping[str, Any]:
    file = paths.cache_dir(environ) / "completion-tree.json"
    stamp = _stamp()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["stamp"] == stamp:
            return found["tree"]  # type: ignore[no-any-return]
    from orderctl.cli.tree import tree

    made = tree()
    with contextlib.suppress(OSError):
        memory.write(file, json.dumps({"stamp": stamp, "tree": made}))
    return made


def _stamp() -> str:
    """Changes with the code: the version, and the newest file of `cli`."""
    folder = Path(__file__).parent
    return f"{__version__} {max(file.stat().st_mtime_ns for file in folder.glob('*.py'))}"
