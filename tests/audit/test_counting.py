from __future__ import annotations

import pytest

from orderctl.audit.counting import Counting


@pytest.mark.parametrize(
    ("shown", "counts"),
    [
        ([{"run": "r-1", "delivered": 2, "kept": 0}], {"delivered": 2, "kept": 0}),
        ([{"counts": {"delivered": 2}, "run": "r-1", "delivered": ["m-1", "m-2"]}], {"delivered": 2}),
        ([{"run": "r-1", "purged": 3, "file": "kept.jsonl"}], {"purged": 3}),
        ([{"exported": 4}], {"exported": 4}),
        ([{"outcome": "created"}, {"outcome": "created"}, {"outcome": "failed"}], {"created": 2, "failed": 1}),
        ([{"product_id": "w-1", "quantity": 5}], None),
        ([{"run": "r-1"}], None),
        ([{"path": "x", "changed": True}, {"changed": True}], None),
    ],
)
def test_what_is_shown_says_how_many(shown: list[object], counts: dict[str, int] | None) -> None:
    counting = Counting()
    for item in shown:
        counting.notice(item)
    assert counting.counts == counts
