"""The one printer: decides between table, tsv, csv, json and jsonl, and keeps the streams apart.

stdout carries data and nothing else; whatever is said to a person (progress, plans, warnings, prompts,
errors) goes to stderr. Commands hand over models and column names; they never format.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from orderctl import jsontext
from orderctl.clock import Clock
from orderctl.errors import OrderctlError, TimeoutPassedError
from orderctl.render import cells
from orderctl.render.clean import clean, clean_lines
from orderctl.render.query import Query
from orderctl.render.style import Style, is_terminal

FORMATS = ("table", "tsv", "csv", "json", "jsonl")


class Renderer:
    """Writes models to `out` in the chosen format, and talk to `err`."""

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        clock: Clock,
        *,
        output: str | None = None,
        query: str | None = None,
        style: Style | None = None,
        err_style: Style | None = None,
        columns: int | None = None,
        notice: Callable[[object], None] | None = None,
        can_redraw: bool = True,
    ) -> None:
        self.out = out
        self.err = err
        self.format = output or ("table" if is_terminal(out) else "tsv")
        self.style = style or Style(color=False)
        self.err_style = err_style or Style(color=False)
        self._clock = clock
        self._query = Query(query) if query else None
        self._columns = columns
        self._notice = notice
        self._can_redraw = can_redraw

    @property
    def is_machine(self) -> bool:
        """Is a program reading JSON?"""
        return self.format in ("json", "jsonl")

    @property
    def is_live(self) -> bool:
        """May the screen be redrawn: a table, on a terminal that can move its cursor?"""
        return self.format == "table" and self._can_redraw and is_terminal(self.out)

    @property
    def width(self) -> int:
        """Columns of the terminal; unlimited where stdout is none."""
        if self._columns is not None:
            return self._columns
        return shutil.get_terminal_size().columns if is_terminal(self.out) else 10_000

    def rows(self, columns: Sequence[str], items: Iterable[object], *, table: Sequence[str] | None = None) -> None:
        """Many things: a line each in tsv, csv and jsonl as they come; one list in json; one table.

        `table` names the columns of the table where people need fewer than programs do. What is laid out whole
        shows what has come so far when `items` breaks off, as a stream does.
        """
        items = self._noticed(items)
        if self._query is None and self.format == "jsonl":
            for item in items:
                self._streamed(item)
        elif self._query is None and self.format in ("tsv", "csv"):
            self._delimited(columns, items)
        else:
            found, broken = _so_far(items)
            self._laid_out(table or columns, found)
            if broken is not None:
                raise broken

    def _laid_out(self, columns: Sequence[str], found: Sequence[object]) -> None:
        """What needs all of them first: a query's answer, one JSON document, a table."""
        if self._query is not None or self.format == "json":
            self._searched([jsontext.plain(item) for item in found])
        elif found:
            now = self._clock.now() if is_terminal(self.out) else None
            lines = [[cells.text(cells.lookup(item, column), now) for column in columns] for item in found]
            self._table(columns, lines)

    def one(self, item: object, columns: Sequence[str] | None = None) -> None:
        """One thing: an object in json and jsonl, one row in tsv and csv, a list of fields in a table."""
        (item,) = self._noticed([item])
        document = jsontext.plain(item)
        names = list(columns or document)
        if self._query is not None:
            self._searched(document)
        elif self.format == "json":
            self._line(jsontext.dumps(document, indent=2))
        elif self.format == "jsonl":
            self._line(jsontext.dumps(document))
        elif self.format == "table":
            now = self._clock.now() if is_terminal(self.out) else None
            pairs = [(name, cells.text(cells.lookup(item, name), now)) for name in names]
            broad = max(len(name) for name, _ in pairs)
            for name, value in pairs:
                if value:
                    self._line(f"{self.style.paint(name.replace('_', ' ').ljust(broad), 'dim')}  {value}")
        else:
            self._delimited(names, [item])

    def event(self, item: object) -> None:
        """One object of a stream, on its own line, written through at once."""
        for noticed in self._noticed([item]):
            self._streamed(noticed)

    def _noticed(self, items: Iterable[object]) -> Iterator[object]:
        """The items, each told to whoever wants to know what is shown (the audit trail, completion)."""
        for item in items:
            if self._notice is not None:
                self._notice(item)
            yield item

    def _streamed(self, item: object) -> None:
        document = jsontext.plain(item)
        found = document if self._query is None else self._query.search(document)
        if self._query is None or found is not None:
            self._line(jsontext.dumps(found))
            self.out.flush()

    def text(self, line: str) -> None:
        """A line of data a command lays out itself (a watch's transition, a path); made safe here."""
        self._line(clean(line))
        self.out.flush()

    def body(self, text: str) -> None:
        """Text over several lines, made safe, on stdout."""
        self._line(clean_lines(text))

    def say(self, text: str) -> None:
        """Progress or a plan, on stderr."""
        self._talk(clean_lines(text))

    def warn(self, text: str) -> None:
        """A warning, on stderr."""
        self._talk(f"{self.err_style.paint('warning:', 'yellow')} {clean_lines(text)}")

    def error(self, error: OrderctlError) -> None:
        """The error a command ended with: two lines, or one JSON object where a program reads."""
        if self.is_machine:
            self._talk(jsontext.dumps(error_document(error)))
            return
        self._talk(f"{self.err_style.paint('orderctl:', 'red', 'bold')} {clean_lines(error.message)}")
        if error.hint:
            self._talk(f"{self.err_style.paint('hint:', 'cyan')} {clean_lines(error.hint)}")

    def _searched(self, document: Any) -> None:
        found = document if self._query is None else self._query.search(document)
        if self.format == "json":
            self._line(jsontext.dumps(found, indent=2))
        elif self.format == "jsonl":
            for item in found if isinstance(found, list) else [found]:
                self._line(jsontext.dumps(item))
        else:
            self._loose(found)

    def _loose(self, found: Any) -> None:
        """The result of a query in a human or delimited format: its own keys are the columns."""
        items = found if isinstance(found, list) else [] if found is None else [found]
        if items and all(isinstance(item, Mapping) for item in items):
            names = list(dict.fromkeys(key for item in items for key in item))
            lines = [[cells.text(item.get(name)) for name in names] for item in items]
        else:
            names = []
            lines = [[cells.text(v) for v in (item if isinstance(item, list) else [item])] for item in items]
        if self.format == "table" and names:
            self._table(names, lines)
        else:
            self._write_delimited(names if self.format == "csv" else [], lines)

    def _table(self, titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
        from orderctl.render.table import write_table

        write_table(self.out, titles, lines, width=self.width, color=self.style.color)

    def _delimited(self, columns: Sequence[str], items: Iterable[object]) -> None:
        lines = ([cells.text(cells.lookup(item, column)) for column in columns] for item in items)
        self._write_delimited(columns if self.format == "csv" else [], lines)

    def _write_delimited(self, titles: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
        if self.format == "csv":
            writer = csv.writer(self.out, lineterminator="\n")
            if titles:
                writer.writerow(titles)
            writer.writerows(lines)
        else:
            for line in _flushed(lines, self.out):
                self._line("\t".join(line))

    def _line(self, text: str) -> None:
        self.out.write(text + "\n")

    def _talk(self, text: str) -> None:
        """A stderr that went away must not stop the work that stdout reports."""
        try:
            self.err.write(text + "\n")
            self.err.flush()
        except (OSError, ValueError):
            return


def error_document(error: OrderctlError) -> dict[str, object]:
    """An error as the documented JSON object."""
    document: dict[str, object] = {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
    }
    if error.aws is not None:
        document["aws"] = error.aws
    return document


def _so_far(items: Iterable[object]) -> tuple[list[object], BaseException | None]:
    """The items that came, and what broke them off.

    A failure before the first is raised at once: an empty list would say that there is none.
    """
    found: list[object] = []
    try:
        for item in items:
            found.append(item)
    except (OrderctlError, KeyboardInterrupt) as broken:
        if not found and not isinstance(broken, TimeoutPassedError | KeyboardInterrupt):
            raise
        return found, broken
    return found, None


def _flushed(lines: Iterable[Sequence[str]], out: TextIO) -> Iterator[Sequence[str]]:
    for number, line in enumerate(lines, 1):
        yield line
        if number % 64 == 0:
            out.flush()
