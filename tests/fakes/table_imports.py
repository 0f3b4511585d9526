"""DynamoDB's imports as they behave: a table made by one, tokens that find it again, counts that climb."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from orderctl.errors import ConflictError, NotFoundError, OrderctlError
from orderctl.inventory.import_ports import Status, Table, TableImport
from orderctl.inventory.models import Stock

START = datetime(2026, 11, 22, 3, tzinfo=UTC)


class FakeTableImports:
    """`ends_as` makes the end of an import from what it read; `on_start` and `on_answer` may raise."""

    def __init__(self, *tables: str, has_bucket: bool = True) -> None:
        self.bucket = "artifacts"
        self.tables = {name: Table(f"id-{name}", False) for name in tables}
        self.objects: dict[str, list[Stock]] = {}
        self.imports: dict[str, TableImport] = {}
        self.keys: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.uploads = 0
        self.hides_running = False
        """ListImports says it lists completed imports: this one means it."""
        self.on_start: Callable[[], OrderctlError | None] = lambda: None
        self.on_answer: Callable[[], OrderctlError | None] = lambda: None
        self.ends_as: Callable[[TableImport], TableImport] = lambda one: one
        self._has_bucket = has_bucket

    def check_bucket(self) -> None:
        if not self._has_bucket:
            raise NotFoundError(f"there is no bucket {self.bucket}")

    def find(self, table: str) -> Table | None:
        return self.tables.get(table)

    def earlier(self, table: str, key: str) -> list[TableImport]:
        found = [self.imports[arn] for arn, used in self.keys.items() if used == key]
        return [one for one in reversed(found) if not (self.hides_running and one.status is Status.IN_PROGRESS)]

    def upload(self, key: str, rows: Iterable[Stock]) -> None:
        self.uploads += 1
        self.objects[key] = list(rows)

    def discard(self, key: str) -> None:
        self.objects.pop(key, None)

    def start(self, table: str, key: str, token: str) -> TableImport:
        _maybe(self.on_start())
        if token not in self.tokens:
            if table in self.tables:
                raise ConflictError(f"table {table}: Table already exists")
            arn = f"arn:import/{len(self.imports) + 1}"
            self.tables[table] = Table(f"id-{arn}", True)
            self.tokens[token], self.keys[arn] = arn, key
            self.imports[arn] = TableImport(
                arn,
                table,
                Status.IN_PROGRESS,
                self.tables[table].id,
                log_group="/aws-dynamodb/imports",
                started_at=START,
            )
        _maybe(self.on_answer())
        return self.imports[self.tokens[token]]

    def describe(self, arn: str) -> TableImport:
        """Each look goes half of what is left further; the object has to be there until the end."""
        now = self.imports[arn]
        if now.status is Status.IN_PROGRESS:
            rows = len(self.objects[self.keys[arn]])
            done = min(rows, now.processed + max(1, (rows - now.processed) // 2))
            now = replace(now, processed=done, imported=done)
            if done == rows:
                now = self.ends_as(replace(now, status=Status.COMPLETED, ended_at=START))
                self.tables[now.table] = replace(self.tables[now.table], is_being_made=False)
            self.imports[arn] = now
        return now


def _maybe(error: OrderctlError | None) -> None:
    if error is not None:
        raise error
