from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderctl.errors import UsageError
from orderctl.events.patterns import Mismatch, explain

EVENT: dict[str, Any] = {
    "source": "orders",
    "detail-type": "OrderCreated",
    "resources": ["arn:a", "arn:b"],
    "empty": [],
    "detail": {
        "order_id": "OR-17",
        "total": Decimal("300.0"),
        "ip": "10.0.0.7",
        "express": True,
        "note": None,
        "blank": "",
        "path": "a/b*c/d.png",
        "state.now": "new",
        "items": [{"sku": "A", "n": 1}, {"sku": "B", "n": 5, "tags": ["x", "y"]}],
        "grid": [["p"], ["q"]],
    },
}


def _detail(**pattern: object) -> list[Mismatch]:
    return explain({"detail": pattern}, EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": ["users", "orders"]},
        {"resources": ["arn:b"]},
        {"detail": {"total": [300]}},
        {"detail": {"express": [True], "note": [None], "blank": [""]}},
        {"detail": {"order_id": [{"prefix": "OR-"}]}},
        {"detail": {"order_id": [{"prefix": {"equals-ignore-case": "or"}}]}},
        {"detail": {"path": [{"suffix": ".png"}]}},
        {"detail": {"path": [{"suffix": {"equals-ignore-case": ".PNG"}}]}},
        {"detail": {"order_id": [{"equals-ignore-case": "or-17"}]}},
        {"detail": {"order_id": [{"anything-but": "OR-18"}]}},
        {"detail": {"order_id": [{"anything-but": ["OR-18", "OR-19"]}]}},
        {"detail": {"total": [{"anything-but": [1, 2]}]}},
        {"detail": {"order_id": [{"anything-but": {"prefix": "X"}}]}},
        {"detail": {"order_id": [{"anything-but": {"prefix": ["X", "Y"]}}]}},
        {"detail": {"order_id": [{"anything-but": {"suffix": "X"}}]}},
        {"detail": {"order_id": [{"anything-but": {"equals-ignore-case": ["a", "b"]}}]}},
        {"detail": {"order_id": [{"anything-but": {"wildcard": "*/*"}}]}},
        {"detail": {"note": [{"anything-but": "x"}]}},
        {"detail": {"total": [{"numeric": [">", 0, "<=", 300]}]}},
        {"detail": {"total": [{"numeric": ["=", Decimal("3E2")]}]}},
        {"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}},
        {"detail": {"path": [{"wildcard": "a/*.png"}]}},
        {"detail": {"path": [{"wildcard": "a/b\\*c/*"}]}},
        {"detail": {"order_id": [{"wildcard": "OR-17*"}]}},
        {"detail": {"order_id": [{"exists": True}], "gone": [{"exists": False}]}},
        {"detail": {"items": [{"exists": False}]}},
        {"empty": [{"exists": False}]},
        {"detail": {"note": [{"exists": True}]}},
        {"detail": {"grid": ["q"]}},
        {"detail": {"items": {"sku": ["B"], "n": [5]}}},
        {"detail": {"items": {"tags": ["y"]}}},
        {"detail": {"state": {"now": ["new"]}}},
        {"detail.order_id": ["OR-17"]},
        {"$or": [{"source": ["x"]}, {"detail-type": ["OrderCreated"]}]},
        {"detail": {"$or": [{"total": [1]}, {"order_id": [{"prefix": "OR"}]}]}, "source": ["orders"]},
    ],
)
def test_a_pattern_that_matches_has_nothing_to_explain(pattern: dict[str, object]) -> None:
    assert explain(pattern, EVENT) == []


@pytest.mark.parametrize(
    ("conditions", "wanted", "found"),
    [
        ({"order_id": ["OR-1", "OR-2"]}, '"OR-1" or "OR-2"', '"OR-17"'),
        ({"order_id": [{"prefix": "X"}]}, 'prefix "X"', '"OR-17"'),
        ({"order_id": [{"prefix": {"equals-ignore-case": "x"}}]}, 'prefix equals-ignore-case "x"', '"OR-17"'),
        ({"order_id": [{"suffix": "X"}]}, 'suffix "X"', '"OR-17"'),
        ({"order_id": [{"equals-ignore-case": "x"}]}, 'equals-ignore-case "x"', '"OR-17"'),
        ({"order_id": [{"anything-but": ["OR-17", "x"]}]}, 'anything but "OR-17" or "x"', '"OR-17"'),
        ({"order_id": [{"anything-but": {"prefix": "OR"}}]}, 'anything but prefix "OR"', '"OR-17"'),
        ({"order_id": [17]}, "17", '"OR-17"'),
        ({"total": ["300"]}, '"300"', "300.0"),
        ({"total": [{"prefix": "3"}]}, 'prefix "3"', "300.0"),
        ({"total": [{"numeric": [">", 0, "<", 300]}]}, "> 0 and < 300", "300.0"),
        ({"express": [{"numeric": [">", 0]}]}, "> 0", "true"),
        ({"express": [1]}, "1", "true"),
        ({"express": ["true"]}, '"true"', "true"),
        ({"note": [{"numeric": [">", 0]}]}, "> 0", "null"),
        ({"ip": [{"cidr": "10.0.1.0/24"}]}, 'cidr "10.0.1.0/24"', '"10.0.0.7"'),
        ({"order_id": [{"cidr": "10.0.1.0/24"}]}, 'cidr "10.0.1.0/24"', '"OR-17"'),
        ({"path": [{"wildcard": "a/b\\*d*"}]}, 'wildcard "a/b\\\\*d*"', '"a/b*c/d.png"'),
        ({"path": [{"wildcard": "a/[b]*"}]}, 'wildcard "a/[b]*"', '"a/b*c/d.png"'),
        ({"path": [{"wildcard": ""}]}, 'wildcard ""', '"a/b*c/d.png"'),
        ({"gone": ["x"]}, '"x"', "nothing"),
        ({"gone": [None]}, "null", "nothing"),
        ({"gone": [{"anything-but": "x"}]}, 'anything but "x"', "nothing"),
        ({"gone": [{"exists": True}]}, "to be there", "nothing"),
        ({"items": [{"exists": True}]}, "to be there", "nothing"),
        ({"order_id": [{"exists": False}]}, "not to be there", '"OR-17"'),
        ({"grid": ["z"]}, '"z"', '"p", "q"'),
    ],
)
def test_the_part_that_does_not_match_is_named(conditions: dict[str, object], wanted: str, found: str) -> None:
    [path] = conditions
    assert _detail(**conditions) == [Mismatch(f"detail.{path}", wanted, found)]


def test_every_part_that_does_not_match_is_named() -> None:
    pattern = {"source": ["users"], "detail": {"order_id": ["OR-17"], "total": [1]}}
    assert explain(pattern, EVENT) == [
        Mismatch("source", '"users"', '"orders"'),
        Mismatch("detail.total", "1", "300.0"),
    ]


def test_conditions_on_listed_objects_must_be_met_by_one_of_them() -> None:
    assert _detail(items={"sku": ["A"], "n": [5]}) == [Mismatch("detail.items.n", "5", "1")]


def test_the_nearest_alternative_speaks_for_an_or() -> None:
    choices = [{"total": [1], "order_id": ["x"]}, {"total": [300], "express": [False]}]
    assert explain({"detail": {"$or": choices}}, EVENT) == [Mismatch("detail.express", "false", "true")]


def test_or_over_a_single_choice_is_a_field_of_that_name() -> None:
    assert explain({"$or": [{"prefix": "x"}]}, {"$or": "xyz"}) == []


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": "orders"},
        {"source": []},
        {"source": [{"Prefix": "x"}]},
        {"source": [{"prefix": "x", "suffix": "y"}]},
        {"source": [{"prefix": 1}]},
        {"source": [{"cidr": "10.0.0.0/99"}]},
        {"detail": {"total": [{"numeric": [">"]}]}},
        {"detail": {"total": [{"numeric": ["~", 1]}]}},
    ],
)
def test_a_pattern_that_says_nothing_is_an_error(pattern: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="event pattern is not valid"):
        explain(pattern, EVENT)


def test_lists_that_the_pattern_does_not_look_into_cost_nothing() -> None:
    lists: dict[str, object] = {f"list{number}": [{"a": one} for one in range(100)] for number in range(10)}
    assert explain({"id": ["e"]}, lists | {"id": "e"}) == []
    with pytest.raises(UsageError, match="more than 10000 combinations"):
        explain({f"list{number}": {"a": [1]} for number in range(3)}, lists)


def test_a_wildcard_that_could_run_away_does_not() -> None:
    assert explain({"s": [{"wildcard": "*a" * 30 + "b"}]}, {"s": "a" * 5000}) != []
