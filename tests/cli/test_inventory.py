from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orderctl.context import App
from orderctl.errors import AuthError, FailedError, OrderctlError
from orderctl.inventory.import_ports import Status
from orderctl.inventory.models import Odd, Stock
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.stock import FakeStockTable
from tests.fakes.table_imports import FakeTableImports

CSV = "product_id,quantity,color\nw-1,5,red\nw-2,7,\n"


@pytest.fixture
def table() -> FakeStockTable:
    return FakeStockTable(Stock("w-1", 3))


def app_with(home: Path, table: FakeStockTable, **how: object) -> App:
    app = new_app(home, **how)  # type: ignore[arg-type]
    app.stock = table
    return app


def seed(home: Path, table: FakeStockTable, *options: str, stdin: str = CSV) -> Outcome:
    return run(app_with(home, table, stdin=stdin), "inventory", "seed", "-", *options)


def test_seed_keeps_what_is_there_and_says_so(tmp_path: Path, table: FakeStockTable) -> None:
    done = seed(tmp_path, table)
    assert done == Outcome(0, "kept\tw-1\t3\t3\texists already\t2\n", "1 created, 1 kept\n")
    assert table.rows == {"w-1": Stock("w-1", 3), "w-2": Stock("w-2", 7)}


@pytest.mark.parametrize(("rows", "is_said"), [(999, False), (1000, True)])
def test_a_seed_says_why_it_was_slow_where_that_matters(tmp_path: Path, rows: int, is_said: bool) -> None:
    table = FakeStockTable(at_once=1)
    table.slow_because = "not authorized to perform: dynamodb:PartiQLInsert"
    done = seed(tmp_path, table, stdin="product_id,quantity\n" + "".join(f"p{n},5\n" for n in range(rows)))
    why = "rows were written one by one, not 25 at a time: not authorized to perform: dynamodb:PartiQLInsert\n"
    assert done == Outcome(0, "", f"{rows:,} created\n" + why * is_said)


def test_a_table_of_a_huge_seed_shows_what_failed_and_the_first_rows_and_counts_the_rest(tmp_path: Path) -> None:
    table = FakeStockTable(*(Stock(f"p{n}", 1) for n in range(2500)))
    table.faults = lambda product_id: FailedError("no") if product_id == "p2400" else None
    rows = "product_id,quantity\n" + "".join(f"p{n},5\n" for n in range(2500))
    done = seed(tmp_path, table, "-o", "table", stdin=rows)
    shown = [line.split()[1] for line in done.out.splitlines()[1:]]
    assert shown == ["p2400", *(f"p{n}" for n in range(999))]
    assert "... and 1,500 more; all with --output tsv" in done.err


def test_seed_again_changes_nothing_and_ends_well(tmp_path: Path, table: FakeStockTable) -> None:
    seed(tmp_path, table)
    writes = dict(table.writes)
    assert seed(tmp_path, table).code == 0
    assert table.writes == writes


def test_seed_reports_one_document_in_json(tmp_path: Path, table: FakeStockTable) -> None:
    done = seed(tmp_path, table, "-o", "json")
    kept = {"result": "kept", "product_id": "w-1", "quantity": 3, "was": {"product_id": "w-1", "quantity": 3}}
    assert json.loads(done.out) == {
        "mode": "create",
        "seed_id": None,
        "dry_run": False,
        "rows": 2,
        "counts": {"created": 1, "kept": 1, "changed": 0, "unchanged": 0, "failed": 0},
        "kept": [{**kept, "reason": "exists already", "line": 2}],
        "changed": [],
        "failed": [],
    }


def test_seed_in_jsonl_ends_with_one_result(tmp_path: Path, table: FakeStockTable) -> None:
    told = [json.loads(line) for line in seed(tmp_path, table, "-o", "jsonl").out.splitlines()]
    assert [one["type"] for one in told] == ["row", "result"]
    assert told[-1]["counts"]["created"] == 1


def test_a_bad_file_is_refused_whole(tmp_path: Path, table: FakeStockTable) -> None:
    done = seed(tmp_path, table, stdin="product_id,quantity\nw-5,1\nw-1,-5\nw-1,NaN\nw-5,2\n")
    assert done == Outcome(
        2,
        "",
        "orderctl: <stdin>:3: quantity is -5, but stock is never below 0\n"
        "<stdin>:4: quantity is 'NaN', not a whole number\n"
        "<stdin>:5: product_id 'w-5' stands on line 2 already\n"
        "hint: nothing was written; correct the file and run it again\n",
    )
    assert not table.writes


@pytest.mark.parametrize("mode", ["create", "upsert", "add", "exact"])
def test_a_dry_run_writes_nothing(tmp_path: Path, table: FakeStockTable, mode: str) -> None:
    done = seed(tmp_path, table, "--mode", mode, "--dry-run")
    assert done.code == 0
    assert done.err.startswith("would be: 1 created")
    assert not table.writes


def test_upsert_shows_its_plan_and_wants_a_yes(tmp_path: Path, table: FakeStockTable) -> None:
    done = seed(tmp_path, table, "--mode", "upsert")
    assert done == Outcome(
        7,
        "",
        "~ w-1: 3 -> 5\n+ w-2: 7\norderctl: nobody to ask: this is no terminal\n"
        "hint: look at --dry-run, then pass --yes\n",
    )
    assert not table.writes
    assert seed(tmp_path, table, "--mode", "upsert", "--yes").out == "changed\tw-1\t5\t3\t\t2\n"


def test_exact_shows_the_difference_first(tmp_path: Path, table: FakeStockTable) -> None:
    done = seed(tmp_path, table, "--mode", "exact", "--yes")
    assert done == Outcome(0, "changed\tw-1\t5\t3\t\t2\n", "~ w-1: 3 -> 5\n+ w-2: 7\n1 created, 1 changed\n")
    assert seed(tmp_path, table, "--mode", "exact", "--yes").err == "2 unchanged\n"


def test_add_counts_a_file_once_unless_given_another_seed_id(tmp_path: Path, table: FakeStockTable) -> None:
    assert seed(tmp_path, table, "--mode", "add").out == "changed\tw-1\t8\t3\t\t2\n"
    assert "this seed was added to it already" in seed(tmp_path, table, "--mode", "add").out
    seed(tmp_path, table, "--mode", "add", "--seed-id", "again")
    assert table.rows["w-1"] == Stock("w-1", 13, {"color": "red"})


def test_failed_rows_end_with_exit_6_and_the_list(tmp_path: Path, table: FakeStockTable) -> None:
    table.faults = lambda product_id: FailedError("item refused") if product_id == "w-2" else None
    done = seed(tmp_path, table, "--mode", "add", "--seed-id", "d-1", "--workers", "1")
    assert done == Outcome(
        6,
        "changed\tw-1\t8\t3\t\t2\nfailed\tw-2\t\t\titem refused\t3\n",
        "1 changed, 1 failed\norderctl: 1 of 2 rows failed\n"
        "hint: rows that were written are found done: orderctl inventory seed - --mode add --seed-id d-1\n",
    )


def test_what_was_written_before_an_end_is_still_reported(tmp_path: Path, table: FakeStockTable) -> None:
    def refuse(product_id: str) -> OrderctlError | None:
        return AuthError("no dynamodb:PutItem") if product_id == "w-2" else None

    table.faults = refuse
    done = seed(tmp_path, table, "-o", "json")
    assert done.code == 4
    assert json.loads(done.out)["counts"]["kept"] == 1


def test_an_interrupt_reports_and_says_how_to_go_on(tmp_path: Path, table: FakeStockTable) -> None:
    def interrupt(product_id: str) -> OrderctlError | None:
        raise KeyboardInterrupt

    table.faults = interrupt
    done = seed(tmp_path, table, "--mode", "add", "--seed-id", "d-1")
    assert done.code == 130
    assert "rows that were written are found done: orderctl inventory seed - --mode add --seed-id d-1" in done.err


def test_a_terminal_gets_a_table_in_the_order_of_the_file(tmp_path: Path) -> None:
    table = FakeStockTable(*(Stock(f"w-{n}", n) for n in range(3)))
    content = "product_id,quantity\nw-2,5\nw-0,5\nw-1,5\n"
    done = run(app_with(tmp_path, table, stdin=content, terminal=True), "inventory", "seed", "-", "--color", "never")
    assert [line.split()[:3] for line in done.out.splitlines()] == [
        ["RESULT", "PRODUCT", "ID"],
        ["kept", "w-2", "2"],
        ["kept", "w-0", "0"],
        ["kept", "w-1", "1"],
    ]


def test_a_missing_table_is_not_found_before_anything_is_written(tmp_path: Path) -> None:
    done = seed(tmp_path, FakeStockTable(exists=False))
    assert done.code == 3


def test_a_missing_file_is_bad_input(tmp_path: Path, table: FakeStockTable) -> None:
    assert run(app_with(tmp_path, table), "inventory", "seed", str(tmp_path / "no.csv")).code == 2


def test_a_seed_id_without_add_is_a_usage_error(tmp_path: Path, table: FakeStockTable) -> None:
    assert seed(tmp_path, table, "--seed-id", "x").code == 2


def test_a_protected_environment_wants_its_name(tmp_path: Path, table: FakeStockTable) -> None:
    write_config(tmp_path, 'default_env = "prod"\n[env.prod]\nprotected = true\nlocal = true\n')
    assert seed(tmp_path, table).code == 7
    assert not table.writes
    assert seed(tmp_path, table, "--confirm", "prod").code == 0


def importing(home: Path, imports: FakeTableImports, *options: str) -> Outcome:
    app = app_with(home, FakeStockTable(), stdin=CSV)
    app.table_imports = lambda bucket: imports
    return run(app, "inventory", "seed", "-", "--via-import", "--table", "new", *options)


GOES_UP = (
    "2 rows go up to s3://artifacts/orderctl-import/new/6c29ca946959d1036d721e5a8fee6ec1.json.gz, "
    "from there into the new table new;\n"
    "it is paid by request, and has no point-in-time recovery or deletion protection until you turn them on\n"
)


def test_via_import_makes_a_new_table_and_tells_its_end(tmp_path: Path) -> None:
    imports = FakeTableImports()
    assert importing(tmp_path, imports) == Outcome(
        0,
        "new\tCOMPLETED\t2\t2\t0\t/aws-dynamodb/imports\t\n",
        GOES_UP + "IN_PROGRESS: 1 of 2 rows processed\nCOMPLETED: 2 of 2 rows processed\n",
    )
    again = importing(tmp_path, imports, "-o", "json")
    assert again.code == 0
    assert json.loads(again.out)["imported"] == 2
    assert again.err.startswith("this file was imported into table new before: COMPLETED\n")
    assert imports.uploads == 1


def test_an_import_with_failed_rows_ends_with_6_and_names_the_log(tmp_path: Path) -> None:
    imports = FakeTableImports()
    imports.ends_as = lambda one: replace(one, status=Status.FAILED, imported=1, errors=1, reason="ItemValidationError")
    done = importing(tmp_path, imports, "-o", "jsonl")
    assert done.code == 6
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [one["type"] for one in told] == ["import", "import", "result"]
    assert (told[-1]["rows"], told[-1]["imported"], told[-1]["errors"]) == (2, 1, 1)
    assert "FAILED: 1 of 2 rows imported, 1 errors: ItemValidationError" in done.err
    assert "log group /aws-dynamodb/imports" in done.err


def test_an_import_that_outlives_the_patience_says_how_to_go_on(tmp_path: Path) -> None:
    imports = FakeTableImports()
    done = importing(tmp_path, imports, "--timeout", "0s", "--bucket", "artifacts")
    assert done.code == 124
    assert done.err.endswith(
        "orderctl: the import into table new is still IN_PROGRESS\n"
        "hint: an import that was started goes on; to follow it: "
        "orderctl inventory seed - --table new --via-import --bucket artifacts\n"
    )
    assert imports.objects
    imports.on_start = lambda: pytest.fail("a second import")
    assert importing(tmp_path, imports).code == 0


def test_a_dry_run_of_an_import_uploads_and_starts_nothing(tmp_path: Path) -> None:
    imports = FakeTableImports()
    assert importing(tmp_path, imports, "--dry-run") == Outcome(0, "", GOES_UP)
    assert (imports.uploads, imports.imports) == (0, {})


def test_a_bad_file_is_never_imported(tmp_path: Path) -> None:
    app, imports = new_app(tmp_path, stdin="product_id,quantity\na,1\na,2\n"), FakeTableImports()
    app.table_imports = lambda bucket: imports
    done = run(app, "inventory", "seed", "-", "--via-import", "--table", "new")
    assert done.code == 2
    assert "<stdin>:3: product_id 'a' stands on line 2 already" in done.err
    assert (imports.uploads, imports.imports) == (0, {})


@pytest.mark.parametrize(
    "options", [("--mode", "upsert"), ("--mode", "add"), ("--mode", "exact"), ("--mode", "add", "--seed-id", "x")]
)
def test_an_import_knows_no_other_mode(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert importing(tmp_path, FakeTableImports(), *options).code == 2


def test_the_options_of_an_import_go_with_nothing_else(tmp_path: Path, table: FakeStockTable) -> None:
    assert seed(tmp_path, table, "--bucket", "b").code == 2
    assert seed(tmp_path, table, "--timeout", "1m").code == 2


def test_any_verb_takes_another_table(tmp_path: Path, table: FakeStockTable) -> None:
    named: list[str] = []

    def tables(name: str) -> FakeStockTable:
        named.append(name)
        return table

    for words in (("seed", "-"), ("get", "w-1"), ("list",), ("adjust", "w-1", "--by", "1"), ("export",)):
        app = new_app(tmp_path, stdin=CSV)
        app.stock_tables = tables
        assert run(app, "inventory", *words, "--table", "other").code == 0
    assert named == ["other"] * 5


def test_get_shows_a_row_with_everything_in_it(tmp_path: Path, table: FakeStockTable) -> None:
    table.rows["w-2"] = Stock("w-2", 10**37, {"color": "red"})
    done = run(app_with(tmp_path, table), "inventory", "get", "w-2", "-o", "json")
    assert done == Outcome(
        0, '{\n  "product_id": "w-2",\n  "quantity": ' + str(10**37) + ',\n  "color": "red"\n}\n', ""
    )
    assert run(app_with(tmp_path, table), "inventory", "get", "w-1").out == "w-1\t3\n"
    assert run(app_with(tmp_path, table), "inventory", "get", "w-9").code == 3


def test_list_shows_low_stock_first(tmp_path: Path) -> None:
    table = FakeStockTable(*(Stock(f"p{n}", 10 - n) for n in range(5)), Odd("x", "quantity is missing"))
    done = run(app_with(tmp_path, table), "inventory", "list", "--max", "2")
    assert done.out == "p4\t6\np3\t7\n"
    assert done.err == (
        "warning: x: quantity is missing\n"
        "the 2 lowest of 6; with the same filters the next: orderctl inventory list --after 7:p3\n"
    )
    assert run(app_with(tmp_path, table), "inventory", "list", "--max", "2", "--after", "7:p3").out == "p2\t8\np1\t9\n"
    assert run(app_with(tmp_path, table), "inventory", "list", "--where", "quantity > `8`").out == "p1\t9\np0\t10\n"
    assert run(app_with(tmp_path, table), "inventory", "list", "--where", "quantity >").code == 2
    assert run(app_with(tmp_path, table), "inventory", "list", "--below", "8").out == "p4\t6\np3\t7\n"


def test_an_empty_list_is_a_result(tmp_path: Path) -> None:
    assert run(app_with(tmp_path, FakeStockTable()), "inventory", "list", "-o", "json") == Outcome(0, "[]\n", "")


def test_adjust_changes_by_a_difference_and_never_below_zero(tmp_path: Path, table: FakeStockTable) -> None:
    adjust = ("inventory", "adjust", "w-1", "--by")
    assert run(app_with(tmp_path, table), *adjust, "-1", "--dry-run").out == "w-1\t2\t3\tfalse\n"
    assert table.rows["w-1"] == Stock("w-1", 3)
    assert run(app_with(tmp_path, table), *adjust, "-1").out == "w-1\t2\t3\tfalse\n"
    done = run(app_with(tmp_path, table), *adjust, "-3")
    assert done == Outcome(5, "", "orderctl: product 'w-1' has 2; -3 would go below zero\n")
    assert run(app_with(tmp_path, table), *adjust, "0").code == 2
    assert run(app_with(tmp_path, table), *adjust, "1.5").code == 2


def test_adjust_with_an_id_is_done_once(tmp_path: Path, table: FakeStockTable) -> None:
    adjust = ("inventory", "adjust", "w-1", "--by", "5", "--adjustment-id", "a-1")
    assert run(app_with(tmp_path, table), *adjust).out == "w-1\t8\t3\tfalse\n"
    assert run(app_with(tmp_path, table), *adjust) == Outcome(
        0, "w-1\t8\t8\ttrue\n", "adjustment a-1 was made before; nothing was changed\n"
    )


def test_export_writes_a_file_that_seed_reads_back(tmp_path: Path, table: FakeStockTable) -> None:
    table.rows["w-2"] = Stock("w-2", 7, {"color": "red"})
    path = tmp_path / "stock.csv"
    assert run(app_with(tmp_path, table), "inventory", "export", str(path)) == Outcome(0, "", "2 products\n")
    assert path.read_text() == "product_id,quantity,color\nw-1,3,\nw-2,7,red\n"
    copy = FakeStockTable()
    run(app_with(tmp_path, copy), "inventory", "seed", str(path))
    assert run(app_with(tmp_path, copy), "inventory", "export", "-", "--format", "csv").out == path.read_text()
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["stock.csv"]


def test_export_to_a_place_where_no_file_can_be_is_refused_before_the_table_is_read(
    tmp_path: Path, table: FakeStockTable
) -> None:
    for file in (tmp_path, tmp_path / "no" / "stock.csv"):
        done = run(app_with(tmp_path, table), "inventory", "export", str(file))
        assert (done.code, done.out) == (2, "")
    assert not list(tmp_path.parent.glob(f"{tmp_path.name}.part"))


def test_export_of_a_table_with_odd_rows_is_partly_done(tmp_path: Path) -> None:
    table = FakeStockTable(Odd("x", "quantity is missing"), Stock("a", 1))
    done = run(app_with(tmp_path, table), "inventory", "export")
    assert done.code == 6
    assert done.out == '{"product_id": "a", "quantity": 1}\n'
