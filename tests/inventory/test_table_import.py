"""An import that was started is found, followed and told truthfully; one is never started twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orderctl.errors import (
    AuthError,
    AwsFault,
    ConflictError,
    FailedError,
    NotFoundError,
    OrderctlError,
    PartlyDoneError,
    TimeoutPassedError,
    UnreachableError,
    UsageError,
)
from orderctl.inventory import table_import
from orderctl.inventory.import_ports import Status, Table, TableImport
from orderctl.inventory.models import Stock
from tests.fakes.clock import FakeClock
from tests.fakes.table_imports import FakeTableImports

ROWS = [Stock(f"p{n}", n) for n in range(10)]
KEY = "orderctl-import/new/abc.json.gz"


def run(imports: FakeTableImports, *, clock: FakeClock | None = None, timeout: float | None = None) -> TableImport:
    """One run of the line, as the command does it; gives how the import ended."""
    plan = table_import.plan(imports, "new", rows=len(ROWS), content_id="abc")
    begun = table_import.begin(imports, plan, iter(ROWS))
    return list(table_import.follow(imports, begun, plan.key, clock or FakeClock(), timeout=timeout))[-1]


def test_a_new_table_is_made_of_every_row_and_nothing_stays_in_the_bucket() -> None:
    imports = FakeTableImports()
    ended = run(imports)
    table_import.judge(ended, len(ROWS))
    assert (ended.status, ended.imported, ended.errors) == (Status.COMPLETED, 10, 0)
    assert imports.objects == {}


def test_progress_is_told_each_time_it_moved() -> None:
    imports, clock = FakeTableImports(), FakeClock()
    plan = table_import.plan(imports, "new", rows=10, content_id="abc")
    begun = table_import.begin(imports, plan, ROWS)
    told = list(table_import.follow(imports, begun, plan.key, clock))
    assert [one.processed for one in told] == [5, 7, 8, 9, 10]
    assert set(clock.slept) == {table_import.POLL}


def test_a_table_that_is_there_is_refused_before_anything_is_uploaded() -> None:
    imports = FakeTableImports("new")
    imports.on_start = lambda: pytest.fail("an import was asked for")
    with pytest.raises(ConflictError, match="only makes a new one") as caught:
        run(imports)
    assert "--table" in str(caught.value.hint)
    assert (imports.uploads, imports.imports) == (0, {})


def test_a_missing_bucket_and_an_impossible_name_are_told_before_anything_is_uploaded() -> None:
    imports = FakeTableImports(has_bucket=False)
    with pytest.raises(NotFoundError):
        run(imports)
    with pytest.raises(UsageError, match="cannot be a table's name"):
        table_import.plan(FakeTableImports(), "bad name", rows=1, content_id="abc")
    assert imports.uploads == 0


def test_the_same_line_again_finds_the_import_that_ended_and_starts_none() -> None:
    imports = FakeTableImports()
    first = run(imports)
    assert run(imports) == first
    assert (imports.uploads, len(imports.imports)) == (1, 1)


@pytest.mark.parametrize("hides_running", [False, True])
def test_the_same_line_again_follows_an_import_that_runs(hides_running: bool) -> None:
    imports = FakeTableImports()
    imports.hides_running = hides_running
    with pytest.raises(TimeoutPassedError, match="still IN_PROGRESS"):
        run(imports, timeout=0)
    assert imports.objects, "the import goes on and still reads it"
    assert run(imports).imported == 10
    assert (imports.uploads, len(imports.imports), imports.objects) == (1, 1, {})


@pytest.mark.parametrize("code", ["InternalServerError", "503"])
def test_a_server_that_failed_may_have_started_the_import_and_its_object_stays(code: str) -> None:
    imports = FakeTableImports()
    imports.on_start = lambda: FailedError("it broke", aws=AwsFault("dynamodb", "ImportTable", code))
    with pytest.raises(FailedError):
        run(imports)
    assert list(imports.objects) == [KEY]


def test_a_lost_answer_leaves_the_object_for_the_import_and_the_next_run_finds_it() -> None:
    imports = FakeTableImports()
    answers = iter([UnreachableError("read timeout")])
    imports.on_answer = lambda: next(answers, None)
    with pytest.raises(UnreachableError):
        run(imports)
    assert KEY in imports.objects
    assert run(imports).imported == 10
    assert (len(imports.imports), imports.objects) == (1, {})


@pytest.mark.parametrize(
    "error",
    [
        AuthError("no dynamodb:ImportTable"),
        FailedError("no", aws=AwsFault("dynamodb", "ImportTable", "ValidationException")),
    ],
)
def test_what_was_refused_leaves_nothing_in_the_bucket(error: OrderctlError) -> None:
    imports = FakeTableImports()
    imports.on_start = lambda: error
    with pytest.raises(type(error)):
        run(imports)
    assert (imports.uploads, imports.objects) == (1, {})


def test_a_table_made_by_somebody_else_meanwhile_is_a_conflict_and_theirs() -> None:
    imports = FakeTableImports()

    def somebody() -> None:
        imports.tables.setdefault("new", Table("theirs", False))

    imports.on_start = somebody
    with pytest.raises(ConflictError, match="only makes a new one"):
        run(imports)
    assert imports.objects == {}
    assert imports.tables["new"].id == "theirs"


def test_a_table_made_anew_under_the_name_is_not_taken_for_ours() -> None:
    imports = FakeTableImports()
    run(imports)
    imports.tables["new"] = Table("another", False)
    with pytest.raises(ConflictError):
        run(imports)


def test_a_failed_import_is_tried_again_once_its_table_is_deleted() -> None:
    imports = FakeTableImports()
    imports.ends_as = lambda one: replace(one, status=Status.FAILED, imported=8, errors=2)
    assert run(imports).status is Status.FAILED
    assert run(imports).status is Status.FAILED, "its table is there: the same answer again"
    assert len(imports.imports) == 1
    del imports.tables["new"]
    imports.ends_as = lambda one: one
    assert run(imports).status is Status.COMPLETED
    assert len(imports.imports) == 2


@pytest.mark.parametrize(
    ("status", "imported", "errors", "kind"),
    [
        (Status.FAILED, 8, 2, PartlyDoneError),
        (Status.COMPLETED, 9, 0, PartlyDoneError),
        (Status.COMPLETED, 10, 1, PartlyDoneError),
        (Status.CANCELLED, 3, 0, PartlyDoneError),
        (Status.FAILED, 0, 10, FailedError),
    ],
)
def test_an_end_with_anything_missing_is_no_success(
    status: Status, imported: int, errors: int, kind: type[OrderctlError]
) -> None:
    ended = TableImport(
        "arn", "new", status, None, 10, imported, errors, "/aws-dynamodb/imports", "ItemValidationError"
    )
    with pytest.raises(kind, match=f"{status}: {imported} of 10 rows imported, {errors} errors") as caught:
        table_import.judge(ended, 10)
    assert type(caught.value) is kind
    assert "/aws-dynamodb/imports" in str(caught.value.hint)
