from __future__ import annotations

from pathlib import Path

import pytest

from orderctl.config.file import ConfigFile
from orderctl.config.place import astray, place_of
from orderctl.config.resolve import Environment, resolve

BUS = "arn:aws:events:eu-west-1:{account}:event-bus/orders"
OURS, THEIRS = "111122223333", "999988887777"


def environment(variable: str = "", value: str = "", **said: object) -> Environment:
    pins = {"account_id": OURS, "region": "eu-west-1", **said}
    return resolve("dev", {}, {variable: value}, ConfigFile(Path("c.toml"), True, "dev", {"dev": pins}))


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        ("orders", {}),
        ("", {}),
        ("arn:aws", {}),
        (BUS.format(account=OURS), {"region": "eu-west-1", "account_id": OURS}),
        ("arn:aws:s3:::bucket", {}),
        (f"https://sqs.eu-west-1.amazonaws.com/{OURS}/q", {"region": "eu-west-1", "account_id": OURS}),
        ("https://a1.execute-api.eu-west-1.amazonaws.com/Prod", {"region": "eu-west-1"}),
        ("https://api.example.com/eu-central-1", {}),
        ("http://127.0.0.1:4566/000000000000/q", {}),
    ],
)
def test_a_name_says_where_its_resource_lies(resource: str, place: dict[str, str]) -> None:
    assert place_of(resource) == place


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("ORDERCTL_EVENT_BUS", BUS.format(account=THEIRS), THEIRS),
        ("ORDERCTL_ANALYTICS_QUEUE", f"https://sqs.us-east-1.amazonaws.com/{OURS}/q", "us-east-1"),
        ("ORDERCTL_USERS_API_URL", "https://a1.execute-api.us-east-1.amazonaws.com/Prod", "us-east-1"),
    ],
)
def test_a_variable_that_names_something_elsewhere_is_found(variable: str, value: str, named: str) -> None:
    found = astray(environment(variable, value))
    assert found is not None
    assert (found.origin, found.named) == (f"${variable}", named)


def test_what_lies_where_it_should_or_stands_in_the_file_is_let_be() -> None:
    assert astray(environment("ORDERCTL_EVENT_BUS", BUS.format(account=OURS))) is None
    assert astray(environment("ORDERCTL_EVENT_BUS", "orders")) is None
    assert astray(environment(**{"resources.event_bus": BUS.format(account=THEIRS)})) is None
