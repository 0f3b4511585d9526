from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from orderctl.config.discovery import Discovered, discover
from orderctl.config.file import ConfigFile
from orderctl.config.resolve import Environment, resolve
from orderctl.errors import NotFoundError, UsageError
from tests.fakes.clock import FakeClock


class Stacks:
    """One stack, counting how often it was asked."""

    def __init__(self, outputs: Mapping[str, str], resources: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.found, self.listed, self.asked = outputs, resources or {}, 0

    def outputs(self, stack: str) -> Mapping[str, str]:
        self.asked += 1
        if stack != "orders-prod":
            raise NotFoundError(f"no stack named {stack!r}")
        return self.found

    def resources(self, stack: str) -> Mapping[str, tuple[str, ...]]:
        return self.listed


def environment(region: str = "eu-west-1", stack: str | None = "orders-prod") -> Environment:
    said = {"region": region} | ({"stack": stack} if stack else {})
    return resolve("prod", {}, {}, ConfigFile(Path("config.toml"), True, None, {"prod": said}))


def found(
    stacks: Stacks, cache: Path, clock: FakeClock, *, refresh: bool = False, region: str = "eu-west-1"
) -> Discovered:
    return discover(environment(region), stacks, cache, clock, refresh=refresh)


def test_outputs_come_first_and_say_so(tmp_path: Path) -> None:
    stacks = Stacks({"StateMachineArn": "arn:sm", "EventBusName": "orders"}, {"AWS::Events::EventBus": ("other",)})
    answer = found(stacks, tmp_path, FakeClock())
    assert answer.values["resources.state_machine"] == "arn:sm"
    assert answer.values["resources.event_bus"] == "orders"
    assert answer.origins["resources.event_bus"] == "stack orders-prod output EventBusName"


def test_what_no_output_names_is_the_only_resource_of_its_type(tmp_path: Path) -> None:
    one = Stacks({}, {"AWS::Events::EventBus": ("orders",), "AWS::SNS::Topic": ("a", "b")})
    answer = found(one, tmp_path, FakeClock())
    assert answer.values == {"resources.event_bus": "orders"}


TABLE, LOGS = "AWS::DynamoDB::Table", "AWS::Logs::LogGroup"
REST, REST_STAGE = "AWS::ApiGateway::RestApi", "AWS::ApiGateway::Stage"
HTTP, HTTP_STAGE = "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"


def test_of_several_tables_the_one_that_is_named_for_it_is_meant(tmp_path: Path) -> None:
    """The stack's own name stands in front of every table's and says nothing."""
    names = ("InventoryTable-1A", "UsersTable-2B", "OrdersTable-3C", "AnalyticsTable-4D")
    groups = ("/aws/lambda/orders-prod-process", "orders-prod-ExpressLogs-5E")
    stacks = Stacks({}, {TABLE: tuple(f"orders-prod-{name}" for name in names), LOGS: groups})
    answer = found(stacks, tmp_path, FakeClock())
    assert answer.values == {
        "resources.inventory_table": "orders-prod-InventoryTable-1A",
        "resources.users_table": "orders-prod-UsersTable-2B",
        "resources.orders_table": "orders-prod-OrdersTable-3C",
        "resources.express_log_group": "orders-prod-ExpressLogs-5E",
    }
    why = "stack orders-prod, its only AWS::DynamoDB::Table named after inventory"
    assert answer.origins["resources.inventory_table"] == why


@pytest.mark.parametrize("names", [("stock-eu", "stock-us"), ("orders-prod-Things-1",), ()])
def test_two_that_fit_or_none_are_no_guess(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert found(Stacks({}, {TABLE: names}), tmp_path, FakeClock()).values == {}


def test_the_addresses_of_the_only_apis_are_made_of_their_ids(tmp_path: Path) -> None:
    apis = {REST: ("rest1",), REST_STAGE: ("v1",), HTTP: ("http1",), HTTP_STAGE: ("$default",)}
    assert found(Stacks({}, apis), tmp_path, FakeClock()).values == {
        "resources.users_api_url": "https://rest1.execute-api.eu-west-1.amazonaws.com/v1",
        "resources.orders_api_url": "https://http1.execute-api.eu-west-1.amazonaws.com",
    }
    china = found(Stacks({}, apis), tmp_path, FakeClock(), region="cn-north-1")
    assert china.values["resources.orders_api_url"].endswith(".cn-north-1.amazonaws.com.cn")


@pytest.mark.parametrize(
    "apis",
    [
        {REST: ("rest1",), REST_STAGE: ("v1", "v2")},
        {REST: ("rest1", "rest2"), REST_STAGE: ("v1",)},
        {HTTP: ("socket1",), HTTP_STAGE: ("production",)},
    ],
)
def test_a_second_stage_a_second_api_or_a_web_socket_is_no_address(
    tmp_path: Path, apis: dict[str, tuple[str, ...]]
) -> None:
    assert found(Stacks({}, apis), tmp_path, FakeClock()).values == {}


def test_the_answer_is_remembered_for_an_hour_and_refresh_asks_anew(tmp_path: Path) -> None:
    stacks, clock = Stacks({"EventBusName": "orders"}), FakeClock()
    found(stacks, tmp_path, clock)
    clock.advance(3599)
    found(stacks, tmp_path, clock)
    assert stacks.asked == 1
    found(stacks, tmp_path, clock, refresh=True)
    assert stacks.asked == 2
    clock.advance(3601)
    found(stacks, tmp_path, clock)
    assert stacks.asked == 3


def test_another_region_is_another_answer(tmp_path: Path) -> None:
    stacks, clock = Stacks({"EventBusName": "orders"}), FakeClock()
    found(stacks, tmp_path, clock)
    found(stacks, tmp_path, clock, region="us-east-1")
    assert stacks.asked == 2


def test_a_broken_cache_is_asked_over(tmp_path: Path) -> None:
    stacks, clock = Stacks({"EventBusName": "orders"}), FakeClock()
    found(stacks, tmp_path, clock)
    (file,) = (tmp_path / "discovery").iterdir()
    file.write_text("{")
    assert found(stacks, tmp_path, clock).values == {"resources.event_bus": "orders"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_stack_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        discover(environment(stack=None), Stacks({}), tmp_path, FakeClock())
