"""Up to 25 new rows in one request: PartiQL INSERTs in a BatchExecuteStatement.

BatchWriteItem would be one request as well, but it overwrites. An INSERT is conditional by nature: where a row
has the key already, it is refused (DuplicateItem) and stays, each row for itself. So a batch keeps what PutItem
with `attribute_not_exists` keeps, for a tenth of the CPU.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html

Batching is a gain and never a need: a row about which a batch gave no clear answer is written by the conditional
PutItem, whose answer counts. Where that takes what the INSERT was refused for (no `dynamodb:PartiQLInsert`, an
endpoint without the operation), all later rows are written so. And that an INSERT refuses what exists is believed
of AWS alone: there are emulators that overwrite, so any other endpoint has to show it first, on a row that was
created a moment ago.

A batch whose answer is lost is sent again by the SDK. What it then finds may be its own work, and nothing in the
row tells: such a row is `is_repeated`, over all tries of this run, until its answer is clear.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol

from orderctl.aws.errors import THROTTLED, aws_call
from orderctl.aws.partiql import insert, is_insertable, is_table_name
from orderctl.errors import AwsFault, NoConnectionError, OrderctlError, ThrottledError, UnreachableError
from orderctl.inventory.models import Row, Stock, Written
from orderctl.pool import FATAL

MOST = 25
"""Statements in a batch (DynamoDB API reference, BatchExecuteStatement)."""
_EXISTS = {"DuplicateItem", "DuplicateItemException", "ConditionalCheckFailed"}
_SLOW_DOWN = {"ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded", *THROTTLED}
_PASSING = {"InternalServerError", "TransactionConflict"}
"""They speak of one row and one moment, and say nothing of INSERTs."""

Answer = Written | OrderctlError


class Puts(Protocol):
    """The table row by row: what a batch falls back on."""

    name: str

    def create(self, stock: Stock) -> Written:
        """PutItem unless the product is there."""

    def get_many(self, product_ids: Sequence[str]) -> Mapping[str, Row]:
        """Those rows that exist, read consistently."""


class _Trust(Enum):
    """Are INSERTs into this table known to be conditional?"""

    UNPROVEN = "unproven"
    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class _Unclear:
    """An INSERT that neither took effect nor found a row, as far as its answer says."""

    code: str
    message: str
    may_be_written: bool = False


class Inserts:
    """Batches for one table and one run. For several threads at once."""

    def __init__(self, client: Any, table: Puts, *, is_aws: Callable[[], bool]) -> None:
        self.slow_because: str | None = None
        self._client, self._table, self._is_aws = client, table, is_aws
        self._trust: _Trust | None = None
        self._lock = threading.Lock()
        self._unsure: set[str] = set()
        """Products an attempt may have written without saying so, until their answer comes."""

    @property
    def at_once(self) -> int:
        """Rows a call of `create_many` should bring at the moment: 25, or 1 where they are put."""
        return MOST if self._trusted() is _Trust.YES else 1

    def create_many(self, rows: Sequence[Stock]) -> list[Answer]:
        """Each row created, kept, or an error; in the order of the rows. Raises nothing of ours."""
        fit = [row for row in rows if is_insertable(row)] if self._trusted() is _Trust.YES else []
        told = self._inserted(fit) if len(fit) > 1 else {}  # a lone row costs a put the same, and that says more
        answers: list[Answer] = []
        fatal: OrderctlError | None = None
        for row in rows:
            answer = told.get(row.product_id)
            if answer is None or isinstance(answer, _Unclear):
                answer = fatal or self._put(row, answer)
            if isinstance(answer, FATAL):
                fatal = answer  # it would end every other row the same way
            answers.append(self._remembered(row, answer))
        return answers

    def _remembered(self, row: Stock, answer: Answer) -> Answer:
        """A row found existing, after an earlier attempt of ours whose end is not known, may be our own."""
        if isinstance(answer, ThrottledError) or row.product_id not in self._unsure:
            return answer
        self._unsure.discard(row.product_id)
        if isinstance(answer, Written) and not answer.is_applied:
            return replace(answer, is_repeated=True)
        return answer

    def _trusted(self) -> _Trust:
        if self._trust is None:
            believed = _Trust.YES if self._is_aws() else _Trust.UNPROVEN
            self._trust = believed if is_table_name(self._table.name) else _Trust.NO
        return self._trust

    # --- in a batch -------------------------------------------------------------------------------------------

    def _inserted(self, rows: Sequence[Stock]) -> dict[str, Answer | _Unclear]:
        """What one batch came to, by product id; of rows that are there already, with what they are now."""
        try:
            codes, is_repeated = self._send(rows)
        except (ThrottledError, NoConnectionError, UnreachableError) as error:
            self._unsure.update(row.product_id for row in rows)  # of the SDK's attempts this is only the last one's end
            return {row.product_id: error for row in rows}
        except OrderctlError as error:
            code = error.aws.code if error.aws else ""
            return {row.product_id: _Unclear(code, error.message, may_be_written=True) for row in rows}
        told = {row.product_id: self._verdict(row, said) for row, said in zip(rows, codes, strict=True)}
        if is_repeated:
            self._unsure.update(key for key, verdict in told.items() if not isinstance(verdict, Written))
        there = [key for key, verdict in told.items() if isinstance(verdict, _Unclear) and verdict.code in _EXISTS]
        for key, row in self._rows(there).items():
            told[key] = Written(False, row)
        return told

    def _send(self, rows: Sequence[Stock]) -> tuple[list[Mapping[str, str] | None], bool]:
        """The error of each statement, None where it took effect; and whether the request was sent again."""
        asked = [insert(self._table.name, row) for row in rows]
        with aws_call("dynamodb", "BatchExecuteStatement", subject=f"table {self._table.name}"):
            answer = self._client.batch_execute_statement(Statements=asked)
        responses = answer.get("Responses") or []
        if len(responses) != len(rows):
            nothing = {"Code": "", "Message": f"{len(responses)} answers to {len(rows)} statements"}
            return [nothing] * len(rows), True
        return [one.get("Error") for one in responses], was_repeated(answer)

    def _verdict(self, row: Stock, error: Mapping[str, str] | None) -> Answer | _Unclear:
        if error is None:
            return Written(True, None)
        code, message = error.get("Code", ""), error.get("Message", "")
        if code in _SLOW_DOWN:
            fault = AwsFault("dynamodb", "BatchExecuteStatement", code, None)
            return ThrottledError(f"table {self._table.name}, product {row.product_id}: {message}", aws=fault)
        return _Unclear(code, message, may_be_written=code in ("", "InternalServerError"))

    def _rows(self, product_ids: Sequence[str]) -> Mapping[str, Row]:
        """What is there now. A row that went meanwhile, or that cannot be read, is left to the put."""
        try:
            return self._table.get_many(product_ids) if product_ids else {}
        except OrderctlError:
            return {}

    # --- row by row -------------------------------------------------------------------------------------------

    def _put(self, row: Stock, why: _Unclear | None) -> Answer:
        """The conditional put, and what it says about the batch that left the row unclear."""
        if why is not None and why.may_be_written:
            self._unsure.add(row.product_id)
        try:
            written = self._table.create(row)
        except OrderctlError as error:
            return error
        if why is not None and why.code not in _EXISTS | _PASSING:
            self._trust, self.slow_because = _Trust.NO, why.message
        elif written.is_applied and self._trusted() is _Trust.UNPROVEN and is_insertable(row):
            self._prove(row)
        return written

    def _prove(self, row: Stock) -> None:
        """Insert a row that was created a moment ago: whoever takes that overwrites, and is not asked again."""
        with self._lock:
            if self._trust is not _Trust.UNPROVEN:
                return
            try:
                (said,), _ = self._send([row])
            except (ThrottledError, NoConnectionError, UnreachableError):
                return
            except OrderctlError:
                said = {}
            exists = said is not None and said.get("Code") in _EXISTS
            self._trust = _Trust.YES if exists else _Trust.NO


def was_repeated(answer: Mapping[str, Any]) -> bool:
    """Did the SDK send the request again, so that an earlier one of ours may have taken effect?"""
    return bool(answer.get("ResponseMetadata", {}).get("RetryAttempts"))
