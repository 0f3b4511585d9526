"""Cutting a stream of JSON into its objects by brackets alone, a buffer at a time.

The standard library reads only whole documents. This finds where each object of an array (or of a row of
objects) ends; reading it strictly is `jsontext`'s work. No object grows beyond the limit given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from orderctl import jsontext
from orderctl.errors import UsageError

_CHUNK = 64 * 1024
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?P<closed>"?)|[\[\]{}]', re.DOTALL)
_BLANK = re.compile(rb"[ \t\r\n]*")


class JsonCutter:
    """The objects of one file; `limit` is the most bytes one may have."""

    def __init__(self, file: IO[bytes], name: str, limit: int) -> None:
        self._file = file
        self._name = name
        self._limit = limit
        self._buffer = b""
        self._at = 0
        self._line = 1

    def objects(self) -> Iterator[tuple[int, bytes]]:
        """Line and text of each object of one array, or of those standing one after another."""
        opening = self._next_byte()
        if opening != b"[":
            while self._next_byte():
                yield self._record()
            return
        self._at += 1
        if self._next_byte() != b"]":
            yield from self._elements()
        self._at += 1
        if self._next_byte():
            raise UsageError(f"{self._name}:{self._line}: something follows the end of the array")

    def _elements(self) -> Iterator[tuple[int, bytes]]:
        while True:
            yield self._record()
            if self._next_byte() != b",":
                break
            self._at += 1
        if self._next_byte() != b"]":
            raise UsageError(f"{self._name}:{self._line}: ',' or ']' is wanted here")

    def _next_byte(self) -> bytes:
        """The next byte that is no blank, not consumed; empty at the end."""
        while True:
            end = _end_of(_BLANK, self._buffer, self._at)
            self._line += self._buffer.count(b"\n", self._at, end)
            self._at = end
            if end < len(self._buffer):
                return self._buffer[end : end + 1]
            if not self._fill():
                return b""

    def _record(self) -> tuple[int, bytes]:
        if self._next_byte() != b"{":
            raise not_an_object(self._name, self._line)
        line = self._line
        text = self._cut()
        self._line += text.count(b"\n")
        return line, text

    def _cut(self) -> bytes:
        """The object that starts at the current byte, consumed."""
        length, depth = 0, 0
        while True:
            match = _TOKEN.search(self._buffer, self._at + length)
            if match is None or (match.group()[:1] == b'"' and not match["closed"]):
                length = (len(self._buffer) if match is None else match.start()) - self._at
                self._fill_or_complain()
                continue
            length = match.end() - self._at
            depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(match.group(), 0)
            if depth > jsontext.MAX_DEPTH:
                raise UsageError(f"{self._name}:{self._line}: nested deeper than {jsontext.MAX_DEPTH} levels")
            if depth == 0:
                text = self._buffer[self._at : self._at + length]
                self._at += length
                return text

    def _fill_or_complain(self) -> None:
        if len(self._buffer) - self._at > self._limit:
            raise too_long(self._name, self._line, self._limit)
        if not self._fill():
            raise UsageError(f"{self._name}:{self._line}: the object that starts here does not end")

    def _fill(self) -> bool:
        """Read on, forgetting what was consumed; doubling, so that a long record costs a constant factor."""
        kept = self._buffer[self._at :]
        more = self._file.read(max(_CHUNK, len(kept)))
        self._buffer, self._at = kept + more, 0
        return bool(more)


def _end_of(pattern: re.Pattern[bytes], text: bytes, start: int) -> int:
    match = pattern.match(text, start)
    return start if match is None else match.end()


def not_an_object(name: str, line: int) -> UsageError:
    """What stands there is JSON, but no object."""
    return UsageError(f"{name}:{line}: a JSON object is wanted here")


def too_long(name: str, line: int, limit: int) -> UsageError:
    """A record that would not fit anything it could be meant for."""
    return UsageError(f"{name}:{line}: a record of more than {limit // 1024 // 1024} MiB")
