"""03:00: every kind of dead letter on the real queues, told apart, redriven to its one consumer, and gone.

Most of a look at a queue is waiting for SQS to be quiet, so the drill is one night that all tests look back on:
letters of every kind are put, each queue is inspected, redriven, and redriven again, several queues at a time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.end_to_end.backstage import Backstage, eventually
from tests.end_to_end.shell import Done, Shell

pytestmark = pytest.mark.end_to_end

FAILURES = "orders-local-order-failures"
PRACTICE = "orders-local-drills"
CONSUMERS = {
    "orders-local-analytics-dlq.fifo": ("sqs", "analytics"),
    "orders-local-process-order-dlq": ("lambda-dlq", "process-order"),
    FAILURES: ("on-failure", "process-order"),
    "orders-local-email-failures": ("on-failure", "send-email"),
    "orders-local-process-order-target-dlq": ("eventbridge-target", "process-order"),
    "orders-local-send-email-target-dlq": ("eventbridge-target", "send-email"),
    "orders-local-analytics-target-dlq": ("eventbridge-target", "analytics"),
    "orders-local-notifications-dlq": ("sns", None),
}
"""Queue to the kind it holds, and the one function of the stack that missed what lies there."""
QUEUES = (*CONSUMERS, PRACTICE)
POISON_SECONDS = 6
"""How long the consumer of the poison order is down: longer than its four attempts take."""


@dataclass(frozen=True)
class Night:
    """What the commands said, by queue."""

    letters: tuple[Mapping[str, Any], ...]
    inspected: Mapping[str, Done]
    redriven: Mapping[str, Done]
    again: Mapping[str, Done]
    other_subscriber: str

    def of(self, queue: str) -> Mapping[str, Any]:
        """The one drilled letter of a queue."""
        [letter] = [each for each in self.letters if each["queue"] == queue]
        return letter


@pytest.fixture(scope="module")
def night(stocked: Shell, backstage: Backstage) -> Night:
    other = subscribe_another(backstage)
    back = publish_poison(stocked)
    letters = stocked.run("local drill all -o json").json
    eventually(lambda: backstage.depth(FAILURES) == 2 or None, "the poison order to end in the failure queue")
    inspected = stocked.run_all([f"dlq inspect {queue} -o json" for queue in QUEUES])
    time.sleep(max(0.0, (back - datetime.now(UTC)).total_seconds()))
    redrives = [f"dlq redrive {queue} --yes -o json" for queue in QUEUES]
    redriven, again = stocked.run_all(redrives, expect=None), stocked.run_all(redrives, expect=None)
    return Night(tuple(letters), by_queue(inspected), by_queue(redriven), by_queue(again), other)


def by_queue(done: Sequence[Done]) -> Mapping[str, Done]:
    return dict(zip(QUEUES, done, strict=True))


def publish_poison(shell: Shell) -> datetime:
    """An order whose consumer is down; when it will be back."""
    back = (datetime.now(UTC) + timedelta(seconds=POISON_SECONDS)).replace(microsecond=0)
    order = "--order-id poison --user-id ann --product-id widget-1 --quantity 1"
    shell.run(f"events publish {order} --set fail_until={back.isoformat()}")
    return back


def subscribe_another(backstage: Backstage) -> str:
    """A second subscriber of the topic whose first one has a dead-letter queue; its queue's name."""
    sqs, name = backstage.client("sqs"), "other-subscriber"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    backstage.client("sns").subscribe(TopicArn=backstage.outputs["NotificationTopicArn"], Protocol="sqs", Endpoint=arn)
    return name


def orders_told_of(backstage: Backstage, queue: str) -> list[str]:
    """Order ids of the notifications in a subscriber's queue."""
    told = [json.loads(json.loads(each["Body"])["Message"]) for each in backstage.peek(queue)]
    return [each["order"]["order_id"] for each in told]


# --- every kind ----------------------------------------------------------------------------------------------------


def test_a_drill_puts_a_letter_on_every_queue_of_the_stack(night: Night) -> None:
    put = {each["queue"]: each["kind"] for each in night.letters if each["queue"] != PRACTICE}
    assert put == {queue: kind for queue, (kind, _) in CONSUMERS.items()}
    assert {each["kind"] for each in night.letters if each["queue"] == PRACTICE} == {"scheduler", "stream", "unknown"}
    assert {each["kind"] for each in night.letters if not each["is_redrivable"]} == {"stream", "unknown"}


def test_the_list_has_every_queue_with_its_kind(night: Night, stocked: Shell) -> None:
    listed = {each["name"]: each["kinds"] for each in stocked.run("dlq list -o json").json}
    assert {name: kinds for name, kinds in listed.items() if name != PRACTICE} == {
        queue: [kind] for queue, (kind, _) in CONSUMERS.items()
    }
    assert set(listed[PRACTICE]) == {"scheduler", "stream"}


@pytest.mark.parametrize("queue", QUEUES)
def test_inspect_tells_kind_and_order_of_what_the_drill_put(night: Night, queue: str) -> None:
    seen = {each["message_id"]: each for each in night.inspected[queue].json}
    for letter in (each for each in night.letters if each["queue"] == queue):
        found = seen[letter["message_id"]]
        assert (found["kind"], found["order_id"]) == (letter["kind"], letter["order_id"])


@pytest.mark.parametrize("queue", CONSUMERS)
def test_a_redrive_delivers_and_deletes_every_letter(night: Night, queue: str) -> None:
    done = night.redriven[queue]
    lay_there = {each["message_id"] for each in night.inspected[queue].json}
    assert done.code == 0, done.err
    assert {each["message_id"] for each in done.json["delivered"]} == set(done.json["deleted"]) == lay_there
    assert not done.json["kept"] + done.json["refused"] + done.json["possible_duplicates"] + done.json["came_back"]


@pytest.mark.parametrize("queue", [queue for queue, (_, consumer) in CONSUMERS.items() if consumer])
def test_the_one_consumer_that_missed_it_gets_it_once_and_no_other(
    night: Night, backstage: Backstage, queue: str
) -> None:
    kind, consumer = CONSUMERS[queue]
    order_id = night.of(queue)["order_id"]
    backstage.wait_until_handled(order_id, [str(consumer)])
    assert backstage.counted(order_id) == (consumer == "analytics"), kind
    if consumer == "process-order":
        assert backstage.execution(order_id) == "SUCCEEDED"
    else:
        assert order_id not in backstage.executions()


def test_a_notification_goes_to_the_one_subscription_that_missed_it(night: Night, backstage: Backstage) -> None:
    order_id = night.of("orders-local-notifications-dlq")["order_id"]
    published = night.of(FAILURES)["order_id"]
    assert backstage.execution(published) == "SUCCEEDED"
    eventually(lambda: published in orders_told_of(backstage, night.other_subscriber) or None, "a notification")
    assert orders_told_of(backstage, "orders-local-notifications").count(order_id) == 1
    assert order_id not in orders_told_of(backstage, night.other_subscriber)
    assert backstage.handled(order_id) == []


def test_what_two_schedules_missed_is_started_once_and_sent_once(night: Night, backstage: Backstage) -> None:
    """A templated target is the state machine itself, a universal one an API that names the queue in its input."""
    letters = {each["message_id"]: each for each in night.letters if each["kind"] == "scheduler"}
    delivered = {each["message_id"]: each["new_id"] for each in night.redriven[PRACTICE].json["delivered"]}
    assert delivered.keys() == letters.keys()
    [started] = [new_id for new_id in delivered.values() if ":execution:" in new_id]
    assert backstage.execution(started.rsplit(":", 1)[-1]) == "SUCCEEDED"
    [sent] = [letters[each] for each, new_id in delivered.items() if new_id != started]
    backstage.wait_until_handled(sent["order_id"], ["analytics"])
    assert backstage.counted(sent["order_id"])


@pytest.mark.parametrize("queue", CONSUMERS)
def test_a_second_redrive_finds_the_queue_empty_and_does_nothing(
    night: Night, backstage: Backstage, queue: str
) -> None:
    done = night.again[queue]
    assert done.code == 0, done.err
    assert set(done.json["counts"].values()) == {0}
    assert backstage.depth(queue) == 0


# --- what must stay ------------------------------------------------------------------------------------------------


def test_what_cannot_be_redriven_stays_and_the_exit_code_says_so(night: Night) -> None:
    """6 while something beside it was delivered, 7 when nothing was."""
    stay = {each["message_id"] for each in night.letters if each["kind"] in ("stream", "unknown")}
    assert (night.redriven[PRACTICE].code, night.again[PRACTICE].code) == (6, 7)
    assert {each["message_id"] for each in night.redriven[PRACTICE].json["refused"]} == stay
    assert "read the shard again" in night.redriven[PRACTICE].err


def test_a_truncated_schedule_letter_is_refused_and_stays(night: Night, stocked: Shell, backstage: Backstage) -> None:
    letters = stocked.run("local drill scheduler --error TRUNCATED -o json").json
    assert [each["is_redrivable"] for each in letters] == [False, False]
    done = stocked.run(f"dlq redrive {PRACTICE} --kind scheduler --yes", expect=7)
    assert "Scheduler truncated the payload" in done.err
    lie_there = {each["MessageId"] for each in backstage.peek(PRACTICE)}
    stay = {each["message_id"] for each in night.letters if each["kind"] in ("stream", "unknown")}
    assert lie_there == stay | {each["message_id"] for each in letters}


# --- one failure in two queues -------------------------------------------------------------------------------------


def test_a_failure_that_lies_in_both_queues_of_its_function_is_done_once(
    night: Night, stocked: Shell, backstage: Backstage
) -> None:
    dead = "orders-local-process-order-dlq"
    drill = f"local drill lambda-dlq on-failure --order-id twin --queue {dead} --queue {FAILURES} -o json"
    ids = {each["queue"]: each["message_id"] for each in stocked.run(drill).json}
    said = stocked.run(f"dlq redrive {FAILURES} --yes -o json").json
    assert [each["message_id"] for each in said["delivered"]] == [ids[FAILURES]]
    assert [each["message_id"] for each in said["settled_twins"]] == [ids[dead]]
    assert (backstage.depth(FAILURES), backstage.depth(dead)) == (0, 0)
    assert backstage.execution("twin") == "SUCCEEDED"
    backstage.wait_until_handled("twin", ["process-order"])


# --- what fails again ----------------------------------------------------------------------------------------------


def test_verify_finds_what_a_rules_target_failed_at_again_in_the_functions_own_queue(
    night: Night, stocked: Shell, backstage: Backstage
) -> None:
    """Its consumer is down for as long as it is tried: the redrive is acknowledged, and the letter fails again."""
    queue = "orders-local-process-order-target-dlq"
    [letter] = stocked.run(f"local drill eventbridge-target --queue {queue} --order-id again -o json").json
    edit = "--set detail.quantity=-1"
    done = stocked.run(f"dlq redrive {queue} {edit} --verify=5 --yes -o json", expect=6)
    [back] = done.json["came_back"]
    assert back["message_id"] == letter["message_id"]
    assert back["reason"].endswith(f" in {FAILURES}")
    assert done.json["verified"]["looked_in"] == [queue, "orders-local-process-order-dlq", FAILURES]
    stocked.run(f"dlq purge {FAILURES} --order-id again --confirm {FAILURES}")
    assert backstage.depth(FAILURES) == 0


def test_an_edit_that_does_not_fit_is_refused_before_anything_is_delivered(
    night: Night, stocked: Shell, backstage: Backstage
) -> None:
    queue = "orders-local-email-failures"
    stocked.run(f"local drill on-failure --queue {queue} --order-id unfit")
    done = stocked.run(f"dlq redrive {queue} --set detail.nothing=1 --yes", expect=2)
    assert "detail.nothing: there is no detail.nothing; nothing was delivered" in done.err
    assert backstage.depth(queue) == 1
    stocked.run(f"dlq redrive {queue} --yes")


# --- a real failure ------------------------------------------------------------------------------------------------


def test_an_order_that_failed_for_real_goes_through_once_its_cause_is_gone(night: Night, backstage: Backstage) -> None:
    [poison] = [each for each in night.inspected[FAILURES].json if each["order_id"] == "poison"]
    assert (poison["kind"], poison["error"]) == ("on-failure", "InjectedFault")
    assert poison["cause"].startswith("order poison fails until ")
    assert backstage.execution("poison") == "SUCCEEDED"
    backstage.wait_until_handled("poison", ["analytics", "process-order", "send-email"])


# --- what a letter may try on the screen ---------------------------------------------------------------------------

EVIL = "\x1b]0;pwned\x07\x1b[31m\x9b2J\u202egnihtemos\u2066\u200f"
MARKUP = "[red]boo[/red] [link=http://evil]x[/link]"
RAW = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200f")
HOSTILE = {"orders-local-process-order-dlq": "table", FAILURES: "tsv", "orders-local-process-order-target-dlq": "csv"}
"""Queue to the format it is looked at in: one each, as two looks at a queue at a time would hide letters."""


def text(value: str) -> Mapping[str, str]:
    return {"DataType": "String", "StringValue": value}


@pytest.fixture(scope="module")
def hostile(night: Night, backstage: Backstage) -> Mapping[str, str]:
    """A letter in each queue that says evil things in its body, its error and its attributes; queue to id."""
    event = {"id": "e-1", "detail-type": "OrderCreated", "detail": {"order_id": f"evil {EVIL}{MARKUP}", "note": EVIL}}
    process = function_arn(backstage)
    record = {
        "requestContext": {"requestId": "r-1", "functionArn": f"{process}:$LATEST", "condition": "RetriesExhausted"},
        "requestPayload": event,
        "responsePayload": {"errorType": f"Evil{EVIL}", "errorMessage": f"{MARKUP}{EVIL}"},
    }
    queues = list(HOSTILE)
    rule = backstage.client("events").describe_rule(
        Name="orders-local-order-created", EventBusName=backstage.outputs["EventBusName"]
    )["Arn"]
    more = {"X-Evil": text(f"{MARKUP}{EVIL}")}
    lambda_marks = {"RequestID": text("r-2"), "ErrorMessage": text(f"Evil: {MARKUP}{EVIL}")}
    rule_marks = {"RULE_ARN": text(rule), "TARGET_ARN": text(process), "ERROR_CODE": text(f"EVIL{EVIL}")}
    status = {"ErrorCode": {"DataType": "Number", "StringValue": "200"}}
    return {
        queues[0]: backstage.send(queues[0], json.dumps(event), **lambda_marks, **status, **more),
        queues[1]: backstage.send(queues[1], json.dumps(record), **more),
        queues[2]: backstage.send(queues[2], json.dumps(event), **rule_marks, **more),
    }


def function_arn(backstage: Backstage) -> str:
    name = backstage.outputs["ProcessOrderFunctionName"]
    return str(backstage.client("lambda").get_function_configuration(FunctionName=name)["FunctionArn"])


def test_nothing_in_a_letter_reaches_the_output_raw(hostile: Mapping[str, str], stocked: Shell) -> None:
    looks = [f"dlq inspect {queue} --bodies -o {form}" for queue, form in HOSTILE.items()]
    plans = [f"dlq redrive {queue} --dry-run -o {form}" for queue, form in HOSTILE.items()]
    edits = [f"dlq redrive {queue} --set detail.note=mild --dry-run -o {form}" for queue, form in HOSTILE.items()]
    for commands in (looks, plans, edits):
        for done in stocked.run_all(commands):
            said = done.out + done.err
            assert not [mark for mark in RAW if mark in said], f"{done.line}: {said!r}"
            assert "[red]boo[/red]" in said, f"{done.line}: the markup was taken for markup: {said!r}"


def test_nothing_in_a_refusal_reaches_the_output_raw(
    hostile: Mapping[str, str], stocked: Shell, backstage: Backstage
) -> None:
    forged = {"functionArn": f"arn:{EVIL}{MARKUP}", "condition": "RetriesExhausted", "requestId": EVIL}
    queue = "orders-local-email-failures"
    backstage.send(queue, json.dumps({"requestContext": forged, "requestPayload": {}}))
    done = stocked.run(f"dlq redrive {queue} --yes -o table", expect=7)
    assert not [mark for mark in RAW if mark in done.out + done.err], repr(done.err)
    assert "[red]boo[/red]" in done.err


def test_nothing_in_a_letter_reaches_a_terminal_raw(hostile: Mapping[str, str], stocked: Shell) -> None:
    done = stocked.run_in_terminal("dlq inspect orders-local-process-order-dlq --bodies --color never")
    assert not [mark for mark in RAW if mark in done.out], repr(done.out)
    assert hostile["orders-local-process-order-dlq"] in done.out.replace("\r\n", "")
