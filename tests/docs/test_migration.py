"""The page for those who come from other tools: what it tells them to type exists."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.docs.pages import DOCS
from tests.docs.test_docs import understood

ROW = re.compile(r"^\| (?P<typed>.+?) \| `orderctl (?P<now>[^`]+)`(?P<rest>[^|]*) \|", re.MULTILINE)
ROWS = [(row["typed"], row["now"]) for row in ROW.finditer((DOCS / "migration.md").read_text(encoding="utf-8"))]


def test_every_row_of_the_page_is_read() -> None:
    tables = [line for line in (DOCS / "migration.md").read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    rows = [line for line in tables if not line.startswith(("| you typed", "|---"))]
    assert len(ROWS) == len(rows) > 40


@pytest.mark.parametrize(("typed", "now"), ROWS, ids=[now for _, now in ROWS])
def test_what_to_type_instead_exists(typed: str, now: str) -> None:
    understood(shlex.split(now))
