from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest

from orderctl import documents
from orderctl.documents import Format
from orderctl.errors import UsageError
from orderctl.inventory import seed_file
from orderctl.inventory.models import Line, Stock
from orderctl.inventory.seed_file import Checked


def check(content: str, fmt: Format = Format.CSV) -> Checked:
    with documents.opened("-", io.StringIO(content), fmt=fmt) as source:
        return seed_file.check(source)


def complaint(content: str, fmt: Format = Format.CSV) -> str:
    with pytest.raises(UsageError) as caught:
        check(content, fmt)
    return caught.value.message


def test_every_defect_is_told_with_its_line() -> None:
    content = "product_id,quantity\na,1\nb,-1\nc,NaN\na,2\nd,1.5\n,1\n"
    assert complaint(content).splitlines() == [
        "<stdin>:3: quantity is -1, but stock is never below 0",
        "<stdin>:4: quantity is 'NaN', not a whole number",
        "<stdin>:5: product_id 'a' stands on line 2 already",
        "<stdin>:6: quantity is '1.5', not a whole number",
        "<stdin>:7: product_id is missing",
    ]


def test_what_cannot_be_read_ends_the_list() -> None:
    content = '{"product_id": "a", "quantity": -1}\n{"product_id": "b", "quantity": NaN}\n{"product_id": 1}\n'
    assert complaint(content, Format.JSONL).splitlines() == [
        "<stdin>:1: quantity is -1, but stock is never below 0",
        "<stdin>:2: NaN is not JSON",
    ]


def test_only_the_first_twenty_faults_are_spelled_out() -> None:
    told = complaint("product_id,quantity\n" + "".join(f"p{n},x\n" for n in range(500))).splitlines()
    assert len(told) == 21
    assert told[-1] == "... and 480 more"


def test_a_file_without_rows_is_refused() -> None:
    assert complaint("product_id,quantity\n") == "<stdin> holds no rows"


def test_the_same_rows_are_the_same_seed_however_they_are_written() -> None:
    as_csv = check("product_id,quantity\na,01\n")
    as_json = check('[\n{"quantity": 1, "product_id": "a"}]', Format.JSON)
    assert as_csv == as_json
    assert as_csv.content_id != check("product_id,quantity\na,2\n").content_id


def test_rows_come_with_their_lines() -> None:
    with documents.opened("-", io.StringIO("product_id,quantity,note\na,1,x\n\nb,2,\n")) as source:
        assert list(seed_file.lines(source)) == [Line(2, Stock("a", 1, {"note": "x"})), Line(4, Stock("b", 2))]


def test_thirty_thousand_rows_are_checked_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("product_id,quantity\n" + "".join(f"product-{n:07},{n}\n" for n in range(30_000)))
    with documents.opened(str(path), io.StringIO()) as source:
        tracemalloc.start()
        assert seed_file.check(source).rows == 30_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("fmt", list(Format))
def test_a_line_of_a_gigabyte_ends_in_an_error_with_bounded_memory(tmp_path: Path, fmt: Format) -> None:
    path = tmp_path / "stock"
    start = {Format.CSV: 'product_id,quantity\n"', Format.JSON: '[{"product_id": "', Format.JSONL: '{"product_id": "'}
    path.write_text(start[fmt])
    with path.open("ab") as file:
        file.truncate(1024**3)
    with documents.opened(str(path), io.StringIO(), fmt=fmt) as source:
        tracemalloc.start()
        with pytest.raises(UsageError, match=r"stock:\d"):
            seed_file.check(source)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 32 * 1024 * 1024


@pytest.mark.parametrize("fmt", [Format.JSON, Format.JSONL])
def test_a_hundred_thousand_brackets_are_told_with_their_line(fmt: Format) -> None:
    content = '{"product_id": "a", "quantity": 1}\n{"product_id": "b", "quantity": 1, "x": ' + "[" * 100_000 + "\n"
    assert complaint(content, fmt).startswith("<stdin>:2: ")


def test_a_duplicate_among_many_is_told_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("product_id,quantity\n" + "".join(f"product-{n % 29_999},1\n" for n in range(30_000)))
    with documents.opened(str(path), io.StringIO()) as source, pytest.raises(UsageError) as caught:
        seed_file.check(source)
    assert caught.value.message == f"{path}:30001: product_id 'product-0' stands on line 2 already"


def test_a_row_too_wide_for_an_update_is_told_before_the_first_write_and_may_be_created() -> None:
    names = ",".join(f"a{n}" for n in range(seed_file.MOST_UPDATED + 1))
    content = f"product_id,quantity,{names}\nw,1,{','.join('x' * (seed_file.MOST_UPDATED + 1))}\n"
    with documents.opened("-", io.StringIO(content)) as source:
        assert seed_file.check(source).rows == 1
        with pytest.raises(UsageError, match="<stdin>:2: 101 attributes, but only --mode create writes more than 100"):
            seed_file.check(source, most_attributes=seed_file.MOST_UPDATED)
