from __future__ import annotations

from orderctl import jsontext
from orderctl.events.models import Event, Target
from orderctl.events.patterns import explain
from orderctl.events.trial import Received, Tried, try_rules
from tests.fakes.clock import START
from tests.fakes.events import ARN, FakeBus, rule

EVENT = Event("orders.api", "OrderCreated", '{"quantity": 2, "amount": 1.50, "user_id": "ada"}')


def tried(bus: FakeBus) -> list[Tried]:
    return list(try_rules(bus, EVENT.envelope(ARN, START)))


def test_a_matching_rule_shows_what_each_target_would_receive() -> None:
    bus = FakeBus(rule("all", {"source": ["orders.api"]}))
    arn = bus._rules[0].arn
    bus.targets_of["all"] = [
        Target(arn, "constant", "arn:1", input='{"fixed": true}'),
        Target(arn, "part", "arn:2", input_path="$.detail"),
        Target(arn, "made", "arn:3", input_paths={"n": "$.detail.amount"}, input_template='{"amount": <n>}'),
        Target(arn, "odd", "arn:4", input_paths={}, input_template='{"at": <aws.events.event.ingestion-time>}'),
    ]
    (found,) = tried(bus)
    assert found.is_matched
    assert found.targets[:3] == (
        Received("constant", "arn:1", '{"fixed": true}'),
        Received("part", "arn:2", '{"quantity": 2, "amount": 1.50, "user_id": "ada"}'),
        Received("made", "arn:3", '{"amount":1.50}'),
    )
    assert found.targets[3].input is None
    assert found.targets[3].problem


def test_a_rule_that_does_not_match_says_which_fields_do_not() -> None:
    pattern: dict[str, object] = {
        "source": ["orders.api"],
        "detail-type": ["OrderCancelled"],
        "detail": {"quantity": [{"numeric": [">", 100]}], "user_id": [{"prefix": "a"}], "coupon": [{"exists": True}]},
    }
    (found,) = tried(FakeBus(rule("other", pattern)))
    assert not found.is_matched
    assert found.mismatches == (
        'detail-type: wants ["OrderCancelled"]',
        'detail.quantity: wants [{"numeric": [">", 100]}]',
        'detail.coupon: wants [{"exists": true}]',
    )


class BusWithLists(FakeBus):
    """Looks into lists of objects, as EventBridge does."""

    def matches(self, pattern: str, envelope: str) -> bool:
        return not explain(jsontext.loads(pattern), jsontext.loads(envelope))


def test_fields_met_by_different_objects_of_a_list_are_told_by_the_nearest_object() -> None:
    pattern: dict[str, object] = {"detail": {"items": {"sku": ["a"], "count": [2]}}}
    event = Event("orders.api", "OrderCreated", '{"items": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}]}')
    (found,) = try_rules(BusWithLists(rule("items", pattern)), event.envelope(ARN, START))
    assert not found.is_matched
    assert found.mismatches == ("detail.items.count: wants 2; the object of the list that meets the rest has 1",)


def test_or_stays_whole() -> None:
    pattern: dict[str, object] = {"$or": [{"source": ["x"]}, {"detail-type": ["y"]}]}
    (found,) = tried(FakeBus(rule("either", pattern)))
    assert found.mismatches == ('$or: wants [{"source": ["x"]}, {"detail-type": ["y"]}]',)


def test_a_schedule_and_a_disabled_rule_are_told_as_they_are() -> None:
    bus = FakeBus(rule("cron", None), rule("off", {"source": ["orders.api"]}, "DISABLED"))
    assert [(one.rule, one.state, one.is_matched) for one in tried(bus)] == [
        ("cron", "ENABLED", False),
        ("off", "DISABLED", True),
    ]
