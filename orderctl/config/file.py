"""config.toml, read strictly and written without losing a comment.

tomllib reads (standard library, fast, on every command's path); tomlkit writes, because a person keeps notes
in this file. An unknown key or a wrong type is an error with its line: a misspelt `protcted = true` that
is silently ignored would leave production unprotected.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from orderctl.atomic import write_private
from orderctl.config.schema import BY_PATH, KIND_WORDS, TABLES, TOP_LEVEL
from orderctl.errors import FailedError, UsageError

_HEADER = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+")
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What the file says: `values[environment][dotted key]`. A file that is not there says nothing."""

    path: Path
    exists: bool
    default_env: str | None
    values: Mapping[str, Mapping[str, object]]
    default_line: int = 0
    """Where `default_env` stands."""


def read(path: Path) -> ConfigFile:
    """Read and check the file; raises UsageError naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ConfigFile(path, False, None, {})
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, text, str(error)) from error
    return _checked(path, text, document)


def write_environment(path: Path, name: str, values: Mapping[str, object], *, select_if_none: bool = True) -> None:
    """Set dotted keys of one environment, creating file and tables as needed; other text stays as it is.

    A value of None removes its key. With `select_if_none`, the environment becomes the default when the file
    names none. Raises UsageError for a bad name or key before anything is written.
    """
    check_name(name)
    for key, value in values.items():
        if value is not None:
            check_value(key, value, where=key)
    with _alone(path):
        edits: list[Callable[[str], str]] = [lambda text: _with_environment(text, name, values)]
        if select_if_none and read(path).default_env is None:
            edits.append(lambda text: _with_default(text, name))
        _rewrite(path, *edits)


def select(path: Path, name: str) -> None:
    """Make `name` the default environment; raises UsageError when the file does not have it."""
    with _alone(path):
        known = read(path).values
        if name not in known:
            raise unknown_environment(name, known)
        _rewrite(path, lambda text: _with_default(text, name))


def unknown_environment(name: str, known: Mapping[str, object]) -> UsageError:
    """The error for a name that is not configured, with the nearest one suggested."""
    near = get_close_matches(name, known, n=1)
    if near:
        return UsageError(f"no environment named {name!r}", hint=f"did you mean {near[0]!r}?")
    listed = ", ".join(sorted(known)) or "none yet: run 'orderctl config init' or 'orderctl local up'"
    return UsageError(f"no environment named {name!r}", hint=f"configured: {listed}")


def check_name(name: str) -> None:
    """Raise UsageError unless `name` can be an environment's name."""
    if not _NAME.match(name):
        raise UsageError(f"{name!r} cannot name an environment", hint="use letters, digits, '-' and '_', at most 64")


def check_value(key: str, value: object, *, where: str) -> None:
    """Raise UsageError, starting with `where`, unless `key` exists and takes `value`."""
    known = BY_PATH.get(key)
    if known is None:
        near = get_close_matches(key, BY_PATH, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "keys: " + ", ".join(BY_PATH)
        raise UsageError(f"{where}: unknown key {key!r}", hint=hint)
    if not isinstance(value, known.kind):
        raise UsageError(f"{where}: {key} takes {KIND_WORDS[known.kind]}, not {value!r}")
    if known.choices and value not in known.choices:
        raise UsageError(f"{where}: {key} cannot be {value!r}", hint="one of: " + ", ".join(known.choices))
    if key == "account_id" and not re.fullmatch(r"\d{12}", str(value)):
        raise UsageError(f"{where}: account_id takes 12 digits in quotes, not {value!r}")


def _syntax_error(path: Path, text: str, said: str) -> UsageError:
    """tomllib's complaint, with the line where an editor and a person look for it."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", said, re.DOTALL)
    if found is None:
        return UsageError(f"{path}:{max(len(text.splitlines()), 1)}: {said.removesuffix(' (at end of document)')}")
    return UsageError(f"{path}:{found[2]}: {found[1]}, column {found[3]}")


def _checked(path: Path, text: str, document: dict[str, Any]) -> ConfigFile:
    for key in document:
        if key not in TOP_LEVEL:
            near = get_close_matches(key, TOP_LEVEL, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "top-level keys: default_env and [env.NAME] tables"
            raise UsageError(f"{path}:{_line(text, (), key)}: unknown key {key!r}", hint=hint)
    default = document.get("default_env")
    if default is not None and not isinstance(default, str):
        raise UsageError(f"{path}:{_line(text, (), 'default_env')}: default_env takes a string, not {default!r}")
    tables = document.get("env", {})
    values: dict[str, dict[str, object]] = {}
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if not isinstance(table, dict):
            raise UsageError(f"{path}:{_line(text, ('env',), name)}: env.{name} takes a table [env.{name}]")
        values[name] = dict(_flattened(path, text, name, table))
    return ConfigFile(path, True, default, values, _line(text, (), "default_env"))


def _flattened(path: Path, text: str, name: str, table: dict[str, Any]) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        nested = value.items() if key in TABLES and isinstance(value, dict) else None
        for below, item in nested if nested is not None else ((None, value),):
            header = ("env", name) if below is None else ("env", name, key)
            dotted = key if below is None else f"{key}.{below}"
            check_value(dotted, item, where=f"{path}:{_line(text, header, below or key)}")
            yield dotted, item


def _line(text: str, header: tuple[str, ...], key: str) -> int:
    """The line `key` stands on below `[header]`; tomllib keeps no positions, so the text is looked at again."""
    wanted, inside, fallback = ".".join(header), not header, 1
    pattern = re.compile(rf"""^\s*["']?{re.escape(key)}["']?\s*[=.]""")
    for number, line in enumerate(text.splitlines(), 1):
        found = _HEADER.match(line)
        if found:
            name = found.group(1).replace('"', "").replace("'", "").replace(" ", "")
            inside = name == wanted
            if inside or name == f"{wanted}.{key}".lstrip("."):
                fallback = number
        elif inside and pattern.match(line):
            return number
    return fallback


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One command at a time reads, changes and replaces the file: two at once would lose one's change.

    The lock is on the folder, because the file itself is replaced, and no second file has to lie beside it.
    """
    import fcntl

    folder = path.resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise FailedError(f"cannot write {path}: {error.strerror}", hint="check the folder's owner") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _rewrite(path: Path, *edits: Callable[[str], str]) -> None:
    """Apply the edits to the file's text and replace it atomically; a file that is not understood stays."""
    text = path.read_text(encoding="utf-8") if read(path).exists else ""
    for edit in edits:
        text = edit(text)
    write_private(path.resolve(), (text.rstrip("\n") + "\n").encode())


def _with_environment(text: str, name: str, values: Mapping[str, object]) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    table = _table(document, "env", name)
    for key, value in values.items():
        _assign(table, key, value)
    return document.as_string()


def _with_default(text: str, name: str) -> str:
    """A top-level key has to stand before the first table, or TOML reads it as a part of that table."""
    import tomlkit

    document = tomlkit.parse(text)
    if "default_env" in document:
        document["default_env"] = name
        return document.as_string()
    return f'default_env = "{name}"\n\n' + text


def _table(document: Any, *names: str) -> Any:
    import tomlkit

    current = document
    for depth, name in enumerate(names):
        if name not in current:
            current[name] = tomlkit.table(is_super_table=depth == 0)
        current = current[name]
    return current


def _assign(table: Any, dotted: str, value: object) -> None:
    *parents, key = dotted.split(".")
    for parent in parents:
        if parent not in table and value is None:
            return
        table = _table(table, parent)
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
