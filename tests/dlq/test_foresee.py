"""What a run will do with each letter, in the order of the engine's own questions."""

from __future__ import annotations

from dataclasses import replace

from orderctl.dlq.foresee import Action, Foresight
from orderctl.dlq.models import DeadLetter, Failure, Kind, Message, Redrivable, Refused, ToQueue

DLQ = "arn:aws:sqs:ap-northeast-1:123456789012:orders-dlq"


class Past:
    """Journals that say so."""

    def __init__(self, *, objections: dict[str, str] | None = None, delivered: str = "", doubted: str = "") -> None:
        self.objections, self.delivered, self.doubted = objections or {}, delivered, doubted

    def objection(self, letter: DeadLetter, most: int) -> str | None:
        return self.objections.get(letter.message.message_id)

    def was_delivered(self, message_id: str) -> bool:
        return message_id == self.delivered

    def may_be_delivered(self, letter: DeadLetter) -> bool:
        return letter.message.message_id == self.doubted


def item(message_id: str, *, request: str | None = None, group: str | None = None) -> Redrivable:
    system = {"MessageGroupId": group} if group else {}
    letter = DeadLetter(Message(message_id, "{}", system=system), DLQ, Kind.ON_FAILURE)
    return Redrivable(replace(letter, failure=Failure(request_id=request)), ToQueue("arn", "{}"))


def actions(sight: Foresight, *items: Redrivable | Refused) -> list[Action]:
    return [sight.of(each).action for each in items]


def test_what_an_earlier_run_delivered_is_only_deleted_even_if_it_would_be_refused_now() -> None:
    sight = Foresight(Past(delivered="a"), 3)
    assert actions(sight, Refused(item("a").letter, "no"), item("b")) == [Action.DELETE, Action.DELIVER]


def test_what_came_back_too_often_stays_and_says_so() -> None:
    found = Foresight(Past(objections={"a": "redriven 3 times"}), 3).of(item("a"))
    assert (found.action, found.reason) == (Action.STAY, "redriven 3 times")


def test_of_two_reports_of_one_failure_one_is_delivered() -> None:
    sight = Foresight(Past(), 3)
    reports = (item("a", request="r"), item("b", request="r"), item("c", request="other"))
    assert actions(sight, *reports) == [Action.DELIVER, Action.SETTLE, Action.DELIVER]


def test_behind_a_letter_that_stays_its_fifo_group_stays_and_no_other() -> None:
    letters = (Refused(item("a", group="g").letter, "no"), item("b", group="g"), item("c", group="h"))
    assert actions(Foresight(Past(), 3, is_fifo=True), *letters) == [Action.STAY, Action.STAY, Action.DELIVER]
    assert actions(Foresight(Past(), 3), *letters) == [Action.STAY, Action.DELIVER, Action.DELIVER]


def test_what_an_earlier_run_left_open_is_delivered_and_marked() -> None:
    assert Foresight(Past(doubted="a"), 3).of(item("a")).is_doubted
