"""The Scheduler adapter against a small fake Scheduler at the wire."""

from __future__ import annotations

import pytest

from orderctl.aws.scheduler import AT_ONCE, SchedulerSchedules, each_of
from orderctl.dlq.models import Target
from orderctl.errors import AuthError, FailedError, NotFoundError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.sqs.effects import access_denied, throttle
from tests.fakes.sqs.errors import AwsError, Json, unknown_operation

TARGET = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
INPUT = '{"QueueUrl": "https://sqs.ap-northeast-1.amazonaws.com/123456789012/orders", "MessageBody": "b"}'
DEAD = "arn:aws:sqs:ap-northeast-1:123456789012:schedule-dlq"


class FakeScheduler:
    """Schedules as (group, name) -> dead-letter queue ARN or None; a page holds two."""

    def __init__(self, schedules: dict[tuple[str, str], str | None]) -> None:
        self.schedules = schedules

    def call(self, operation: str, params: Json) -> Json:
        if operation == "ListSchedules":
            start, names = int(params.get("NextToken") or 0), list(self.schedules)
            rows = [{"GroupName": group, "Name": name} for group, name in names[start : start + 2]]
            return {"Schedules": rows} | ({"NextToken": str(start + 2)} if start + 2 < len(names) else {})
        if operation == "GetSchedule":
            return self._schedule(params["GroupName"], params["Name"])
        raise unknown_operation(operation)

    def _schedule(self, group: str, name: str) -> Json:
        if (group, name) not in self.schedules:
            raise AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
        queue = self.schedules[group, name]
        target = {"Arn": TARGET, "RoleArn": "arn:aws:iam::123456789012:role/r", "Input": INPUT}
        return {
            "Arn": arn(group, name),
            "Name": name,
            "Target": target | ({"DeadLetterConfig": {"Arn": queue}} if queue else {}),
        }


def arn(group: str, name: str) -> str:
    return f"arn:aws:scheduler:ap-northeast-1:123456789012:schedule/{group}/{name}"


def fake(schedules: dict[tuple[str, str], str | None]) -> FakeAws:
    aws = FakeAws(FakeClock())
    aws.services["scheduler"] = FakeScheduler(schedules)
    return aws


def adapter(aws: FakeAws) -> SchedulerSchedules:
    return SchedulerSchedules(aws.client("scheduler"), aws.clock)


def test_schedules_of_every_group_are_found_over_pages() -> None:
    schedules = {("default", f"s-{number}"): DEAD for number in range(3)}
    aws = fake({**schedules, ("other", "s-0"): DEAD, ("other", "quiet"): None})
    found = sorted(adapter(aws).dead_letter_targets(), key=lambda each: each[0].rule_arn)
    assert found == [
        *((Target(arn("default", f"s-{number}"), "", TARGET, INPUT), DEAD) for number in range(3)),
        (Target(arn("other", "s-0"), "", TARGET, INPUT), DEAD),
    ]


def test_a_targets_group_is_read_and_what_cannot_be_reproduced_is_named() -> None:
    aws = FakeAws(FakeClock())
    queue = "arn:aws:sqs:ap-northeast-1:123456789012:orders.fifo"
    aws.scheduler.create("fifo", queue, dead_letter_arn=DEAD, SqsParameters={"MessageGroupId": "g"})
    aws.scheduler.create("task", "arn:aws:ecs:r:a:cluster/c", dead_letter_arn=DEAD, EcsParameters={"TaskCount": 1})
    fifo, task = sorted((target for target, _ in adapter(aws).dead_letter_targets()), key=lambda each: each.rule_arn)
    assert (fifo.message_group_id, fifo.unsupported) == ("g", None)
    assert task.unsupported == "EcsParameters"


def test_a_schedule_that_ended_meanwhile_is_left_out() -> None:
    aws = fake({("default", "a"): DEAD, ("default", "b"): DEAD})
    aws.faults.on("GetSchedule", throttle(), nth=1)
    gone = AwsError("ResourceNotFoundException", "Schedule a does not exist.", 404)

    def ended(*_: object) -> Json:
        raise gone

    aws.faults.on("GetSchedule", ended, when=lambda call: call.params["Name"] == "a")
    assert [found.rule_arn for found, _ in adapter(aws).dead_letter_targets()] == [arn("default", "b")]


def test_a_denied_schedule_is_told_after_the_others() -> None:
    aws = fake({("default", "a"): DEAD, ("default", "b"): DEAD})
    aws.faults.on("GetSchedule", access_denied(), when=lambda call: call.params["Name"] == "a")
    found: list[str] = []
    names = (each.rule_arn for each, _ in adapter(aws).dead_letter_targets())
    with pytest.raises(AuthError, match="schedule default/a"):
        found.extend(names)
    assert found == [arn("default", "b")]


# --- looking at many things -------------------------------------------------------------------------------------


def test_each_of_looks_at_a_few_at_a_time() -> None:
    import threading

    now, most, lock = 0, 0, threading.Lock()
    meet = threading.Barrier(2, timeout=5)

    def work(item: int) -> list[int]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        if item < 2:
            meet.wait()
        with lock:
            now -= 1
        return [item]

    assert sorted(each_of(work, range(200), FakeClock())) == list(range(200))
    assert 2 <= most <= AT_ONCE


def test_each_of_leaves_out_what_is_gone_and_flattens_the_rest() -> None:
    def work(item: int) -> list[int]:
        if item == 1:
            raise NotFoundError("gone")
        return [item] * item

    assert sorted(each_of(work, range(4), FakeClock())) == [2, 2, 3, 3, 3]


def test_each_of_raises_what_no_item_can_help() -> None:
    def work(item: int) -> list[int]:
        raise FailedError("broken")

    with pytest.raises(FailedError, match="broken"):
        list(each_of(work, range(4), FakeClock()))
