"""Files of many records that somebody hands us: CSV, JSON and JSON Lines, each record with its line.

Whoever reads one wants to check all of it before acting on any of it, so an `Input` can be read again and
again: a pipe is first copied to a temporary file. Nothing is held but the record at hand. A line of a
gigabyte or a hundred thousand open brackets end in an error after `MAX_RECORD` bytes or a few levels.

JSON is cut into its records here, because the standard library reads only whole documents; each record is
then read strictly by `jsontext`. In CSV every cell is text, except in a column named `NAME:json`, whose
cells are JSON; an empty cell is a field that is not there.
"""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, TextIO

from orderctl import jsontext
from orderctl.assignments import Json
from orderctl.errors import FailedError, UsageError
from orderctl.jsoncut import JsonCutter, not_an_object, too_long

MAX_RECORD = 4 * 1024 * 1024
"""Bytes of one record: a DynamoDB item has at most 400 KB, a PutEvents call 1 MB, escapes can double them."""
JSON_COLUMN = ":json"
_CHUNK = 64 * 1024
_BOM = b"\xef\xbb\xbf"


class Format(StrEnum):
    """How the records are written down."""

    CSV = "csv"
    JSON = "json"
    """One array of objects, or objects one after another over any number of lines."""
    JSONL = "jsonl"
    """One object a line."""


_SUFFIXES = {".csv": Format.CSV, ".json": Format.JSON, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL}


@dataclass(frozen=True, slots=True)
class Record:
    """One object and the line it starts at."""

    line: int
    values: dict[str, Json]


class Input:
    """An open file of records; `records` may be called as often as wanted, one reader at a time."""

    def __init__(self, name: str, file: IO[bytes], fmt: Format) -> None:
        self.name = name
        """What errors call it: the path, or `<stdin>`."""
        self.format = fmt
        self._file = file
        self._stamp = _stamp(file)

    def records(self) -> Iterator[Record]:
        """Every record in order; raises UsageError with `name:line` at the first that cannot be read."""
        self._check_unchanged()
        self._file.seek(0)
        if self._file.read(len(_BOM)) != _BOM:
            self._file.seek(0)
        if self.format is Format.CSV:
            yield from _csv_records(self._file, self.name)
        elif self.format is Format.JSONL:
            yield from _jsonl_records(self._file, self.name)
        else:
            yield from _json_records(self._file, self.name)
        self._check_unchanged()

    def where(self, line: int) -> str:
        """`name:line`, as errors give a place."""
        return f"{self.name}:{line}"

    def _check_unchanged(self) -> None:
        if _stamp(self._file) != self._stamp:
            raise FailedError(f"{self.name} was changed while it was being read", hint="run it again")


@contextlib.contextmanager
def opened(path: str, stdin: TextIO, *, fmt: Format | None = None) -> Iterator[Input]:
    """Open a file, or stdin for `-`. The format is `fmt`, else told by the suffix, else by the first character.

    Raises UsageError for a file that is not there, is empty, or is a directory.
    """
    with contextlib.ExitStack() as stack:
        name = "<stdin>" if path == "-" else path
        file = stack.enter_context(_spooled(stdin) if path == "-" else _open(path))
        if not file.seekable():
            file = stack.enter_context(_copied(file))
        yield Input(name, file, fmt or _SUFFIXES.get(Path(path).suffix.lower()) or _sniff(file, name))


def _open(path: str) -> IO[bytes]:
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a directory") from error


@contextlib.contextmanager
def _spooled(stdin: TextIO) -> Iterator[IO[bytes]]:
    """stdin in a temporary file that has no name."""
    binary = getattr(stdin, "buffer", None)
    with tempfile.TemporaryFile() as file:
        if binary is not None:
            shutil.copyfileobj(binary, file, _CHUNK)
        else:
            while text := stdin.read(_CHUNK):
                file.write(text.encode("utf-8", "surrogatepass"))
        file.flush()
        yield file


@contextlib.contextmanager
def _copied(source: IO[bytes]) -> Iterator[IO[bytes]]:
    """What cannot be read twice, in a temporary file that has no name."""
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(source, file, _CHUNK)
        file.flush()
        yield file


def _stamp(file: IO[bytes]) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _sniff(file: IO[bytes], name: str) -> Format:
    file.seek(0)
    start = file.read(_CHUNK).removeprefix(_BOM).lstrip()
    if not start:
        raise UsageError(f"{name} is empty")
    return Format.JSON if start[:1] in (b"{", b"[") else Format.CSV


def _lines(file: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(MAX_RECORD + 1):
        number += 1
        if len(line) > MAX_RECORD:
            raise too_long(name, number, MAX_RECORD)
        yield number, line


def _jsonl_records(file: IO[bytes], name: str) -> Iterator[Record]:
    for number, line in _lines(file, name):
        if line.strip():
            yield Record(number, _object(line.strip(), name, number))


def _json_records(file: IO[bytes], name: str) -> Iterator[Record]:
    for line, text in JsonCutter(file, name, MAX_RECORD).objects():
        yield Record(line, _object(text, name, line))


def _object(text: bytes, name: str, line: int) -> dict[str, Json]:
    value = jsontext.loads(text, source=name, line=line)
    if not isinstance(value, dict):
        raise not_an_object(name, line)
    return value


# --- CSV --------------------------------------------------------------------------------------------------


def _csv_records(file: IO[bytes], name: str) -> Iterator[Record]:
    csv.field_size_limit(MAX_RECORD)
    budget = _Budget(name)
    reader = csv.reader(budget.text_lines(file), strict=True)
    header: list[str] | None = None
    while True:
        line, budget.left = reader.line_num + 1, MAX_RECORD
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise UsageError(f"{name}:{line}: not valid CSV: {error}") from error
        if not cells:
            continue
        if header is None:
            header = _header(cells, name, line)
        else:
            yield Record(line, _row(header, cells, name, line))
    if header is None:
        raise UsageError(f"{name} is empty", hint="a CSV file starts with a line of column names")


class _Budget:
    """Hands lines to the CSV reader, and says no when one record (an unclosed quote) swallows too many."""

    def __init__(self, name: str) -> None:
        self.left = MAX_RECORD
        self._name = name

    def text_lines(self, file: IO[bytes]) -> Iterator[str]:
        for number, line in _lines(file, self._name):
            self.left -= len(line)
            if self.left < 0:
                raise too_long(self._name, number, MAX_RECORD)
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise UsageError(f"{self._name}:{number}: not UTF-8 text") from error


def _header(cells: list[str], name: str, line: int) -> list[str]:
    header = [cell if cell.endswith(JSON_COLUMN) else cell.strip() for cell in cells]
    plain = [cell.removesuffix(JSON_COLUMN) for cell in header]
    for number, column in enumerate(plain):
        if not column:
            raise UsageError(f"{name}:{line}: column {number + 1} has no name")
        if column in plain[:number]:
            raise UsageError(f"{name}:{line}: two columns are named {column!r}")
    return header


def _row(header: list[str], cells: list[str], name: str, line: int) -> dict[str, Json]:
    if len(cells) != len(header):
        raise UsageError(f"{name}:{line}: {len(cells)} cells under {len(header)} column names")
    return {
        column.removesuffix(JSON_COLUMN): (
            jsontext.loads(cell, source=name, line=line) if column.endswith(JSON_COLUMN) else cell
        )
        for column, cell in zip(header, cells, strict=True)
        if cell
    }
