from __future__ import annotations

import json
from pathlib import Path

import pytest

from orderctl.context import App
from orderctl.errors import AuthError, FailedError, OrderctlError
from orderctl.inventory.models import Odd, Stock
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.stock import FakeStockTable

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
    assert "what was written is found done: orderctl inventory seed - --mode add --seed-id d-1" in done.err


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
        "warning: x: quantity is missing\nthe 2 lowest of 6; more with --max, all with 'inventory export'\n"
    )
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
    assert [one.name for one in tmp_path.iterdir()] == ["stock.csv"]


def test_export_of_a_table_with_odd_rows_is_partly_done(tmp_path: Path) -> None:
    table = FakeStockTable(Odd("x", "quantity is missing"), Stock("a", 1))
    done = run(app_with(tmp_path, table), "inventory", "export")
    assert done.code == 6
    assert done.out == '{"product_id": "a", "quantity": 1}\n'
