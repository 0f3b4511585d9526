"""`--via-import`: a big file into a table that DynamoDB makes of it, with ImportTable from S3.

No write capacity is used and a million rows are one call; in exchange the table must be new, and what DynamoDB
does is only known by asking. So the whole file is checked first (ImportTable would let the last of two rows with
one key win, in any order, and count no error), the numbers it ends with are held against the rows that went up,
and what is in S3 is deleted once the import has ended, whatever its end.

The object's key holds the digest of the rows and the table's name. So the same line run again finds its own
import, running or ended, and never starts a second one; a table made by anybody else is left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orderctl.clock import Clock
from orderctl.errors import (
    ConflictError,
    FailedError,
    OrderctlError,
    PartlyDoneError,
    TimeoutPassedError,
    UnreachableError,
    UsageError,
)
from orderctl.inventory.import_ports import CLOSED, Status, TableImport, TableImports
from orderctl.inventory.models import Stock

PREFIX = "orderctl-import/"
"""Everything orderctl puts into a bucket for an import lies below it."""
POLL = 5.0
"""Seconds between two looks: an import takes minutes, and DescribeImport is a control-plane call."""
_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}", re.ASCII)
"""A table's name (DynamoDB developer guide, "Naming rules")."""
_SERVER_FAILED = ("InternalServerError", "InternalFailure", "ServiceUnavailable")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be imported where; `found` is the import an earlier run of the same line started."""

    table: str
    bucket: str
    key: str
    token: str
    rows: int
    found: TableImport | None = None
    has_to_ask: bool = False
    """A table of that name is being made: whether by this very import, only its token tells."""


def plan(imports: TableImports, table: str, *, rows: int, content_id: str) -> Plan:
    """Look at what is there.

    Raises ConflictError for a table this file did not make, NotFoundError or RefusedError for the bucket.
    """
    if not _NAME.fullmatch(table):
        raise UsageError(f"{table!r} cannot be a table's name", hint="3 to 255 of a-z A-Z 0-9 _ . -")
    key = f"{PREFIX}{table}/{content_id}.json.gz"
    there, earlier = imports.find(table), imports.earlier(table, key)
    if there is None:
        imports.check_bucket()
        return Plan(table, imports.bucket, key, _token(imports.bucket, key, len(earlier)), rows)
    ours = next((one for one in earlier if one.table_id == there.id), None)
    if ours is None and not there.is_being_made:
        raise _taken(table)
    token = _token(imports.bucket, key, len(earlier))
    return Plan(table, imports.bucket, key, token, rows, found=ours, has_to_ask=ours is None)


def begin(imports: TableImports, plan: Plan, stock: Iterable[Stock]) -> TableImport:
    """Upload and start, or find what an earlier run of the same line started.

    What DynamoDB refused leaves nothing in S3. After a lost answer the import may be running and need its
    object: that stays, and the same line goes on from there.
    """
    if plan.found is not None:
        return plan.found
    if not plan.has_to_ask:
        imports.upload(plan.key, stock)
    try:
        return imports.start(plan.table, plan.key, plan.token)
    except OrderctlError as error:
        if not _may_run(error):
            with contextlib.suppress(OrderctlError):  # the first error is the one to tell
                imports.discard(plan.key)
        if isinstance(error, ConflictError):
            raise _taken(plan.table, error) from error
        raise


def follow(
    imports: TableImports,
    begun: TableImport,
    key: str,
    clock: Clock,
    *,
    pause: float = POLL,
    timeout: float | None = None,
) -> Iterator[TableImport]:
    """The import each time it moved; after the last its object is deleted.

    Raises TimeoutPassedError after `timeout` seconds: the import goes on and still needs the object.
    """
    give_up = None if timeout is None else clock.monotonic() + timeout
    shown: TableImport | None = None
    while True:
        now = imports.describe(begun.arn)
        if now != shown:
            yield now
            shown = now
        if now.status in CLOSED:
            break
        if give_up is not None and clock.monotonic() >= give_up:
            raise TimeoutPassedError(f"the import into table {begun.table} is still {now.status}")
        clock.sleep(pause)
    imports.discard(key)


def judge(ended: TableImport, rows: int) -> None:
    """Say whether every row is in the table: raises PartlyDoneError where some are, FailedError where none is."""
    if ended.status is Status.COMPLETED and not ended.errors and ended.imported == rows:
        return
    told = f"{ended.status}: {ended.imported:,} of {rows:,} rows imported, {ended.errors:,} errors"
    reason = f": {ended.reason}" if ended.reason else ""
    where = f"the errors stand in log group {ended.log_group}; " if ended.log_group else ""
    kind = PartlyDoneError if ended.imported else FailedError
    hint = f"{where}before another try delete table {ended.table}, or seed it without --via-import"
    raise kind(f"the import into table {ended.table} ended {told}{reason}", hint=hint)


def _may_run(error: OrderctlError) -> bool:
    """Is it unknown whether the import was started? A bare 5xx is that of something in between."""
    if isinstance(error, UnreachableError):
        return True
    code = error.aws.code if error.aws is not None else ""
    return code in _SERVER_FAILED or (code.isdigit() and code.startswith("5"))


def _taken(table: str, error: ConflictError | None = None) -> ConflictError:
    """The one thing ImportTable cannot do, and the two ways round it."""
    hint = "name a new one with --table, or leave --via-import out: existing rows are then kept"
    aws = None if error is None else error.aws
    return ConflictError(f"table {table} exists, but an import only makes a new one", hint=hint, aws=aws)


def _token(bucket: str, key: str, attempt: int) -> str:
    """The same for the same attempt: a failed import whose table was deleted since may be tried again."""
    return hashlib.sha256(f"{bucket}\0{key}\0{attempt}".encode()).hexdigest()[:36]
