from __future__ import annotations

import pytest

from orderctl.events.json_path import NotReproducible, find
from orderctl.rawjson import MalformedJson

EVENT = (
    '{"id":"e1","detail-type":"OrderCreated","resources":["r0", "r1"],'
    '"detail":{"order":{"total": 10.50 ,"a b":{"c":1E2},"x/y":[[{"z":"deep"}]]},"none":null}}'
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", EVENT),
        ("$.id", '"e1"'),
        ("$.detail-type", '"OrderCreated"'),
        ("$.resources", '["r0", "r1"]'),
        ("$.resources[1]", '"r1"'),
        ("$.detail.order.total", "10.50"),
        ("$.detail.order['a b'].c", "1E2"),
        ('$["detail"]["order"]["a b"]', '{"c":1E2}'),
        ("$.detail.order.x/y[0][0].z", '"deep"'),
        ("$.detail.none", "null"),
        ("$.detail.missing", None),
        ("$.detail.missing.more[3]", None),
        ("$.resources[2]", None),
        ("$.resources.name", None),
        ("$.detail[0]", None),
    ],
)
def test_a_path_finds_the_text_of_the_value(path: str, value: str | None) -> None:
    assert find(EVENT, path) == value


@pytest.mark.parametrize(
    "path",
    ["", "detail", "$.", "$..id", "$.detail.*", "$.resources[*]", "$.resources[-1]", "$.resources[0:1]", "$.a.b@c"],
)
def test_a_path_whose_meaning_aws_does_not_document_is_refused(path: str) -> None:
    with pytest.raises(NotReproducible, match="not documented"):
        find(EVENT, path)


def test_a_text_that_is_no_json_is_an_error() -> None:
    with pytest.raises(MalformedJson):
        find('{"a":', "$.a")
