"""Every command that shows something x every format, through a pipe: it parses, and holds no control byte."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest

from orderctl.inventory.models import Stock
from tests.cli.every_command import CHANGING, READING, Reads, every_command, reading, words
from tests.cli.stage import Stage, stage
from tests.cli.support import Outcome
from tests.docs.pages import DOCS
from tests.fakes.histories import RETRIED_THEN_FAILED

FORMATS = ("table", "tsv", "csv", "json", "jsonl")
CASES = [case for case in reading() if case.formats]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("home")) as made:
        _plant(made)
        assert made.types(words("inventory adjust w-1 --by 1 --confirm prod --reason first")).code == 0
        yield made


EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\r\x00"
"""What rewrites a terminal, in a letter, a product, a user's name and an order's error."""


def _plant(on: Stage) -> None:
    on.world.aws.sqs.seed(on.world.dlq, json.dumps({"order_id": f"o-{EVIL}", "note": EVIL}), source=on.world.source)
    on.stock.rows["w-3"] = Stock("w-3", 1, {"color": EVIL})
    on.users["u-1"]["note"] = EVIL
    failed = (2.0, "ExecutionFailed", len(RETRIED_THEN_FAILED) - 1, {"error": EVIL, "cause": EVIL})
    on.executions.run("crashed", [*RETRIED_THEN_FAILED[:-1], failed])
    on.clock.advance(60)


def shown(on: Stage, case: Reads, *more: str) -> Outcome:
    """What a program at the other end of the pipe gets; dead letters can be looked at again at once."""
    done = on.types(words(case.line, *more), stdin=case.stdin)
    on.clock.advance(60)
    assert done.code == case.code, done.err
    return done


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_it_parses_and_holds_no_control_byte(shared: Stage, case: Reads, form: str) -> None:
    done = shown(shared, case, "--output", form)
    allowed = {"\n", "\t"} if form == "tsv" else {"\n"}
    assert not {char for char in done.out + done.err if _is_control(char)} - allowed, done.out
    assert done.out == "" or done.out.endswith("\n")
    _parse(done.out, form)


def _is_control(char: str) -> bool:
    return ord(char) < 32 or 127 <= ord(char) < 160


def _parse(out: str, form: str) -> None:
    lines = out.splitlines()
    if form == "json":
        assert isinstance(json.loads(out), dict | list)
    elif form == "jsonl":
        assert all(isinstance(json.loads(line), dict) for line in lines)
    elif form == "tsv":
        assert len({line.count("\t") for line in lines}) <= 1, out
    elif form == "csv":
        rows = list(csv.reader(io.StringIO(out), strict=True))
        assert len({len(row) for row in rows}) <= 1, out
        assert not rows or all(name and name == name.strip() for name in rows[0])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line)
def test_common_options_mean_the_same_before_and_after_the_noun(shared: Stage, case: Reads) -> None:
    after = shown(shared, case, "-o", "json", "--query", "@", "--color", "never")
    before = shared.types(["-o", "json", "--query", "@", "--color", "never", *words(case.line)])
    shared.clock.advance(60)
    assert (before.code, _shape(json.loads(before.out))) == (after.code, _shape(json.loads(after.out)))


def _shape(document: object) -> object:
    """A document without what another look at the same thing changes: times and counts."""
    if isinstance(document, dict):
        return {name: _shape(value) for name, value in document.items()}
    return [_shape(value) for value in document] if isinstance(document, list) else type(document)


def test_every_command_takes_every_common_option() -> None:
    from orderctl.cli.framework import common_params

    names = {name for param in common_params() for name in param.opts}
    for command, node in every_command():
        own = {name for option in node["options"] for name in option["names"]}
        assert not own & names, f"{command} declares a common option of its own"


@pytest.mark.parametrize("name", [*CHANGING, *(name for name, lines in READING.items() if lines[0].formats)])
def test_the_page_on_output_tells_the_fields_of_every_command(name: str) -> None:
    assert _documented(name), f"docs/output.md: which fields has the JSON of {name}?"


@pytest.mark.parametrize(
    ("name", "case"), [(name, case) for name, lines in READING.items() for case in lines if case.formats]
)
def test_no_command_shows_a_field_that_is_not_documented(shared: Stage, name: str, case: Reads) -> None:
    document = json.loads(shown(shared, case, "-o", "json").out)
    fields = {field for item in (document if isinstance(document, list) else [document]) for field in item}
    fields -= {"color", "note"}  # planted by _plant: what else a row holds
    assert fields <= _documented(name), f"docs/output.md: {name}"


def _documented(name: str) -> set[str]:
    """The fields in all rows of the page that are about the command; `the same` is what `orders submit` has."""
    lines = (DOCS / "output.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ", 1) for line in lines if line.startswith("| `")]
    about = [fields for commands, fields in rows if re.search(rf"`{name}[` ]", commands)]
    if name != "orders submit" and any("the same" in fields for fields in about):
        about += [f"`{field}`" for field in _documented("orders submit")]
    return {field for fields in about for field in re.findall(r"`([^`]+)`", fields)}
