from __future__ import annotations

from datetime import timedelta

import pytest

from orderctl.errors import ConflictError, FailedError, NotFoundError, RefusedError, TimeoutPassedError, UsageError
from orderctl.events import replay as replays
from orderctl.events.models import Rule, Target
from orderctl.events.replay import ARCHIVE_DELAY, Plan
from tests.fakes.clock import START, FakeClock
from tests.fakes.events import ARCHIVE, FakeBus, FakeReplays, rule

HOUR = timedelta(hours=1)


@pytest.fixture
def bus() -> FakeBus:
    bus = FakeBus(rule("OrderCreated", {"source": ["orders.api"]}), rule("Audit", {"source": ["orders.api"]}))
    created, audit = list(bus.rules())
    bus.targets_of = {
        "OrderCreated": [
            Target(created.arn, "SendEmail", "arn:aws:lambda:r:1:function:mail"),
            Target(created.arn, "Analytics", "arn:aws:sqs:r:1:analytics"),
        ],
        "Audit": [Target(audit.arn, "Log", "arn:aws:logs:r:1:log-group:audit")],
    }
    return bus


def plan(bus: FakeBus, *rules: str) -> Plan:
    return replays.plan(bus, ARCHIVE, START - 2 * HOUR, START - HOUR, rules)


def test_only_named_rules_are_replayed_to(bus: FakeBus) -> None:
    made, fake = plan(bus, "Audit"), FakeReplays()
    replays.start(fake, made, FakeClock())
    ((since, until, arns),) = fake.started.values()
    assert (since, until) == (START - 2 * HOUR, START - HOUR)
    assert [arn.rpartition("/")[2] for arn in arns] == ["Audit"]


def test_a_replay_without_rules_is_refused_with_their_names(bus: FakeBus) -> None:
    with pytest.raises(UsageError) as caught:
        plan(bus)
    assert caught.value.hint == "--rule NAME; on this bus: Audit, OrderCreated"


def test_an_unknown_rule_and_an_empty_span_are_refused(bus: FakeBus) -> None:
    with pytest.raises(NotFoundError, match="no rule Nothing"):
        plan(bus, "Audit", "Nothing")
    with pytest.raises(UsageError, match="nothing lies between"):
        replays.plan(bus, ARCHIVE, START, START, ["Audit"])


@pytest.mark.parametrize("deaf", [rule("Cron", None), rule("Off", {"source": ["orders.api"]}, "DISABLED")])
def test_a_rule_that_would_see_nothing_is_refused(deaf: Rule) -> None:
    with pytest.raises(ConflictError, match=r"sees? no event"):
        plan(FakeBus(deaf), deaf.name)


def test_every_target_that_would_run_has_to_be_named_except_logs(bus: FakeBus) -> None:
    made = plan(bus, "OrderCreated", "Audit")
    with pytest.raises(RefusedError, match="would also run Analytics, SendEmail") as caught:
        replays.refuse_unnamed(made, [])
    assert caught.value.hint == "if they may run again: --target SendEmail --target Analytics"
    with pytest.raises(RefusedError, match="would also run SendEmail;"):
        replays.refuse_unnamed(made, ["Analytics"])
    replays.refuse_unnamed(made, ["Analytics", "SendEmail"])
    with pytest.raises(UsageError, match="no target of these rules: Mail"):
        replays.refuse_unnamed(made, ["Analytics", "SendEmail", "Mail"])


def test_naming_a_target_does_not_name_that_of_another_rule_with_the_same_id(bus: FakeBus) -> None:
    created, audit = list(bus.rules())
    bus.targets_of = {
        "OrderCreated": [Target(created.arn, "Id1", "arn:aws:lambda:r:1:function:mail")],
        "Audit": [Target(audit.arn, "Id1", "arn:aws:sqs:r:1:audit")],
    }
    made = plan(bus, "OrderCreated", "Audit")
    with pytest.raises(RefusedError, match="would also run Audit/Id1, OrderCreated/Id1;"):
        replays.refuse_unnamed(made, ["Id1"])
    with pytest.raises(RefusedError, match="would also run OrderCreated/Id1;"):
        replays.refuse_unnamed(made, ["Audit/Id1"])
    replays.refuse_unnamed(made, ["Audit/Id1", "OrderCreated/Id1"])
    replays.refuse_unnamed(plan(bus, "Audit"), ["Id1"])


def test_the_same_replay_has_the_same_name_and_is_started_once(bus: FakeBus) -> None:
    fake = FakeReplays()
    replays.start(fake, plan(bus, "Audit"), FakeClock())
    with pytest.raises(ConflictError):
        replays.start(fake, plan(bus, "Audit"), FakeClock())
    assert plan(bus, "Audit").name != plan(bus, "OrderCreated").name
    assert len(plan(bus, "Audit").name) <= 64


def test_a_span_that_ends_now_waits_until_the_archive_has_it(bus: FakeBus) -> None:
    clock = FakeClock()
    made = replays.plan(bus, ARCHIVE, START - HOUR, START - timedelta(seconds=100), ["Audit"])
    replays.start(FakeReplays(), made, clock)
    assert clock.slept == [ARCHIVE_DELAY - 100]
    replays.start(FakeReplays(), made, clock, delay=False)
    replays.start(FakeReplays(), plan(bus, "Audit"), clock)
    assert clock.slept == [ARCHIVE_DELAY - 100]


def test_progress_is_told_to_the_end(bus: FakeBus) -> None:
    fake, made = FakeReplays(), plan(bus, "Audit")
    replays.start(fake, made, FakeClock())
    told = [(one.state, one.share) for one in replays.follow(fake, made.name, FakeClock())]
    assert told == [("STARTING", 0.0), ("RUNNING", 0.5), ("COMPLETED", 1.0)]


def test_a_failed_replay_is_an_error_and_a_slow_one_a_timeout(bus: FakeBus) -> None:
    made = plan(bus, "Audit")
    for states, error in ((["FAILED"], FailedError), (["RUNNING"], TimeoutPassedError)):
        fake = FakeReplays(*states)
        replays.start(fake, made, FakeClock())
        with pytest.raises(error):
            list(replays.follow(fake, made.name, FakeClock(), timeout=60))
