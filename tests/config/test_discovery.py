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
