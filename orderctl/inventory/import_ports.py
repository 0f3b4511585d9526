"""What importing a table needs of DynamoDB and S3, and an import as they tell it; the words are DynamoDB's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from orderctl.inventory.models import Stock


class Status(StrEnum):
    """DynamoDB's own words (API reference, ImportTableDescription)."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


CLOSED = (Status.COMPLETED, Status.CANCELLED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class TableImport:
    """An import as DynamoDB tells it. Counts are of items; `errors` are written to `log_group`."""

    arn: str
    table: str
    status: Status
    table_id: str | None = None
    processed: int = 0
    imported: int = 0
    errors: int = 0
    log_group: str | None = None
    reason: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is there; `id` is its own, so that one made anew under an old name is told apart."""

    id: str | None
    is_being_made: bool


class TableImports(Protocol):
    """DynamoDB's imports, and the bucket they read from."""

    @property
    def bucket(self) -> str:
        """Where the rows go up to."""

    def check_bucket(self) -> None:
        """Raises NotFoundError where there is none, RefusedError where it is not ours."""

    def find(self, table: str) -> Table | None:
        """The table of that name, if there is one."""

    def earlier(self, table: str, key: str) -> list[TableImport]:
        """Imports of that very object into tables of that name, newest first."""

    def upload(self, key: str, rows: Iterable[Stock]) -> None:
        """Put the rows into the bucket as one object, in the memory of a few megabytes."""

    def discard(self, key: str) -> None:
        """Delete the object; one that is gone is fine."""

    def start(self, table: str, key: str, token: str) -> TableImport:
        """ImportTable; with the same token again the same import. Raises ConflictError where the table exists."""

    def describe(self, arn: str) -> TableImport:
        """The import as it stands."""
