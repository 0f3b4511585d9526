"""Orders by every way they can take, and what can be said of them afterwards, on the embedded stack."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.end_to_end.backstage import Backstage, eventually
from tests.end_to_end.shell import Done, Shell
from tests.fakes.histories import OUT_OF_STOCK, log_lines

pytestmark = pytest.mark.end_to_end
WAYS = ("workflow", "api", "event")
TOO_MANY = 2_000_000_000
"""A quantity that orderctl lets through, and the functions do not."""
FAILURES = ("orders-local-order-failures", "orders-local-email-failures")


def order(order_id: str, product: str = "widget-1", quantity: int = 1) -> str:
    return f"orders submit --order-id {order_id} --user-id ann --product-id {product} --quantity {quantity}"


def told(done: Done) -> list[tuple[str, str]]:
    """State and what happened, line by line."""
    found = [line.split("\t") for line in done.out.splitlines()]
    return [(cells[2], cells[3]) for cells in found]


def is_recorded(backstage: Backstage, order_id: str) -> bool:
    """Did the order take its stock?"""
    table, key = backstage.outputs["OrdersTableName"], {"order_id": {"S": order_id}}
    return "Item" in backstage.client("dynamodb").get_item(TableName=table, Key=key)


@contextmanager
def crashing(backstage: Backstage) -> Iterator[None]:
    """The order workflow itself with one state, whose function fails each time and is tried three times."""
    functions = backstage.client("lambda").list_functions()["Functions"]
    [validate] = [each["FunctionArn"] for each in functions if "ValidateOrder" in each["FunctionName"]]
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": validate, "Payload": {}},
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}],
        "End": True,
    }
    workflows, arn = backstage.client("stepfunctions"), backstage.outputs["StateMachineArn"]
    usual = workflows.describe_state_machine(stateMachineArn=arn)["definition"]
    definition = json.dumps({"StartAt": "Validate", "States": {"Validate": state}})
    workflows.update_state_machine(stateMachineArn=arn, definition=definition)
    try:
        yield
    finally:
        workflows.update_state_machine(stateMachineArn=arn, definition=usual)


def letters(backstage: Backstage, queue: str, order_id: str) -> list[str]:
    """Bodies of the dead letters about the order."""
    return [each["Body"] for each in backstage.peek(queue) if order_id in each["Body"]]


def throw_away(backstage: Backstage, queue: str, order_id: str) -> None:
    """Leave no dead letter of the order to other tests, and theirs where they are."""
    sqs, url = backstage.client("sqs"), backstage.url(queue)
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=2).get("Messages"):
        for each in messages:
            if order_id in each["Body"]:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])


def log_express(backstage: Backstage, order_id: str) -> str:
    """The log of an Express execution that was out of stock, as AWS writes it; gives its ARN."""
    logs, machine = backstage.client("logs"), backstage.outputs["ExpressStateMachineArn"]
    arn = machine.replace(":stateMachine:", ":express:") + f":{order_id}:0c1e"
    began = datetime.now(UTC) - timedelta(seconds=2)
    events = [
        {"timestamp": int(line["event_timestamp"]), "message": json.dumps(line)}
        for line in log_lines(OUT_OF_STOCK, arn, began)
    ]
    group = backstage.outputs["ExpressLogGroupName"]
    logs.create_log_stream(logGroupName=group, logStreamName=order_id)
    logs.put_log_events(logGroupName=group, logStreamName=order_id, logEvents=events)
    return arn


@pytest.fixture(scope="module")
def signed_in(stocked: Shell) -> Shell:
    sign_in(stocked)
    return stocked


def sign_in(shell: Shell) -> None:
    [password] = shell.home.rglob("demo-user.password")
    shell.run(f"auth login --password-file {password}")


# --- every way, every outcome --------------------------------------------------------------------------------------


@pytest.mark.parametrize("via", WAYS)
def test_by_each_way_the_outcome_is_the_exit_code(signed_in: Shell, via: str) -> None:
    good, bad, out = signed_in.run_all(
        [
            f"{order(f'{via}-ok')} --via {via} --watch",
            f"{order(f'{via}-none', 'no-such')} --via {via} --watch",
            f"{order(f'{via}-out', quantity=5000)} --via {via} --watch",
        ],
        expect=None,
    )
    assert (good.code, told(good)[-1]) == (0, ("", "succeeded"))
    assert (bad.code, told(bad)[-1]) == (8, ("", "failed"))
    assert f"order {via}-none FAILED: ProductNotFound" in bad.err
    assert (out.code, told(out)[-2:]) == (8, [("OutOfStock", "entered"), ("", "failed")])
    assert f"order {via}-out FAILED: OutOfStock: order {via}-out asks for 5000 of widget-1, left: " in out.err


def test_through_the_api_an_order_is_taken_once_however_often_it_is_submitted(
    signed_in: Shell, backstage: Backstage
) -> None:
    line = f"{order('api-twice')} --via api -o json"
    assert signed_in.run(line).json["status"] == "accepted"
    assert backstage.execution("api-twice") == "SUCCEEDED"
    assert "was submitted before and is SUCCEEDED" in signed_in.run(line, expect=5).err


def test_without_a_sign_in_nothing_is_posted(signed_in: Shell, backstage: Backstage) -> None:
    signed_in.run("auth logout")
    try:
        signed_in.run(f"{order('api-nobody')} --via api", expect=4)
    finally:
        sign_in(signed_in)
    assert "api-nobody" not in backstage.executions()


def test_express_succeeds_and_fails_with_its_outcome_as_exit_code(stocked: Shell) -> None:
    orders = [
        order("ex-ok"),
        order("ex-none", "no-such"),
        order("ex-out", quantity=5000),
        order("ex-bad", quantity=TOO_MANY),
    ]
    good, *others = stocked.run_all([f"{each} --express -o json" for each in orders], expect=None)
    assert (good.code, good.json["status"], good.json["type"]) == (0, "SUCCEEDED", "EXPRESS")
    assert [(bad.code, bad.json["status"], bad.json["error"]) for bad in others] == [
        (8, "FAILED", "ProductNotFound"),
        (8, "FAILED", "OutOfStock"),
        (8, "FAILED", "ValidationError"),
    ]


def test_express_detached_comes_back_at_once_with_its_arn(stocked: Shell, backstage: Backstage) -> None:
    done = stocked.run(f"{order('ex-detached')} --express --detach -o json")
    assert (done.json["status"], done.json["type"]) == ("RUNNING", "EXPRESS")
    assert "the Express state machine does not say what it logs" in done.err
    eventually(lambda: is_recorded(backstage, "ex-detached") or None, "the stock of ex-detached to be taken")


def test_what_only_the_function_refuses_ends_in_validation_error(stocked: Shell) -> None:
    done = stocked.run(f"{order('not-valid', quantity=TOO_MANY)} --watch", expect=8)
    assert "order not-valid FAILED: ValidationError: quantity must be a whole number from 1 to" in done.err
    shown = stocked.run("orders show not-valid -o json").json
    assert (shown["failed_state"], shown["error_type"]) == ("ValidationError", "ValidationError")
    assert shown["failed_state_input"] is not None
    assert "fails again" in shown["next_step"]


def test_through_the_api_an_invalid_order_is_refused_and_nobody_hears_of_it(
    signed_in: Shell, backstage: Backstage
) -> None:
    done = signed_in.run(f"{order('api-bad', quantity=TOO_MANY)} --via api --watch", expect=2)
    assert "order api-bad was refused as invalid: quantity must be a whole number from 1 to" in done.err
    assert "api-bad" not in backstage.executions()


def test_by_event_an_invalid_order_starts_nothing_and_is_found_among_the_dead_letters(
    stocked: Shell, backstage: Backstage
) -> None:
    stocked.run(f"{order('event-bad', quantity=TOO_MANY)} --via event")
    try:
        eventually(
            lambda: all(letters(backstage, queue, "event-bad") for queue in FAILURES) or None,
            "the letters of event-bad",
        )
        entries = stocked.run("orders trace event-bad -o json").json
        waiting = [each["error"] for each in entries if each["source"] == "dead-letter"]
        assert len(waiting) == len(FAILURES)
        assert all("ValidationError: quantity must be" in error for error in waiting)
        assert "event-bad" not in backstage.executions()
    finally:
        for queue in FAILURES:
            throw_away(backstage, queue, "event-bad")
        # its third reader would fail at it for half a minute, and then leave a letter to the tests after this one
        backstage.client("sqs").purge_queue(QueueUrl=backstage.outputs["AnalyticsQueueUrl"])
    assert [letters(backstage, queue, "event-bad") for queue in FAILURES] == [[], []]


def test_by_each_way_a_function_that_crashes_is_retried_in_sight_and_then_is_the_outcome(
    signed_in: Shell, backstage: Backstage
) -> None:
    with crashing(backstage):
        ended = signed_in.run_all([f"{order(f'{via}-crash')} --via {via} --watch" for via in WAYS], expect=8)
    tried = ["entered", "attempt 1 failed", "attempt 2", "attempt 2 failed", "attempt 3", "attempt 3 failed"]
    assert [[what for state, what in told(done) if state == "Validate"] for done in ended] == [tried] * len(WAYS)
    shown = signed_in.run("orders show event-crash -o json").json
    assert (shown["failed_state"], shown["retries"], shown["error_type"]) == ("Validate", 2, "ValidationError")


# --- afterwards ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def left_behind(stocked: Shell) -> Shell:
    """An order that went through, and one that did not."""
    stocked.run(f"{order('seen')} --watch")
    stocked.run(f"{order('unseen', 'no-such')} --watch", expect=8)
    return stocked


def test_list_by_error_names_the_order_that_failed_with_it(left_behind: Shell) -> None:
    found = left_behind.run("orders list --error ProductNotFound --prefix unseen -o json").json
    assert [(each["order_id"], each["error"]) for each in found] == [("unseen", "ProductNotFound")]


def test_logs_are_those_of_the_functions_the_order_called(left_behind: Shell) -> None:
    lines = [json.loads(line) for line in left_behind.run("orders logs seen -o jsonl").out.splitlines()]
    assert any(line["message"].startswith("START RequestId") for line in lines)
    assert {line["log_group"] for line in lines} == {"/orders/orders-local/functions"}


def test_trace_brings_execution_and_stock_into_one_timeline(left_behind: Shell) -> None:
    entries = left_behind.run("orders trace seen -o json --refresh").json
    assert ("execution", "execution succeeded") in [(each["source"], each["what"]) for each in entries]
    [stock] = [each for each in entries if each["source"] == "stock"]
    assert stock["what"] == "taken: 1 of widget-1; ACCEPTED"
    left_behind.run("orders trace nobody-knows --no-dead-letters", expect=3)


def test_redrive_says_what_to_do_where_it_does_not_exist_and_new_does_it(left_behind: Shell) -> None:
    done = left_behind.run("orders redrive unseen --yes", expect=1)
    assert "hint: start it anew, with the same input: orderctl orders redrive unseen --new" in done.err
    anew = left_behind.run("orders redrive unseen --new --yes -o json").json
    assert anew[0]["new_execution_arn"].endswith(":unseen-new")
    left_behind.run("orders watch unseen-new", expect=8)


def test_an_express_execution_is_watched_shown_listed_and_tailed_through_its_log(
    stocked: Shell, backstage: Backstage
) -> None:
    """The embedded stack writes no such log, so the test does, as AWS was recorded to."""
    arn = log_express(backstage, "logged")
    watched, shown, listed = stocked.run_all(
        [f"orders watch {arn}", "orders show logged --express -o json", "orders list --type express -o json"],
        expect=None,
    )
    assert (watched.code, told(watched)[-1]) == (8, ("", "failed"))
    assert (shown.json["status"], shown.json["failed_state"]) == ("FAILED", "OutOfStock")
    assert [each["order_id"] for each in listed.json] == ["logged"]
    tailed = stocked.run("orders tail --type express --since 5m --summary --timeout 5s", expect=124)
    assert [line.split("\t")[1:3] for line in tailed.out.splitlines()] == [["logged", "FAILED"]]
    raw = stocked.run(f"orders history {arn} --raw")
    assert {json.loads(line)["execution_arn"] for line in raw.out.splitlines()} == {arn}
    both = stocked.run("orders tail --since 5m --summary --timeout 2s", expect=124)
    assert {"logged", "ex-ok"} & {line.split("\t")[1] for line in both.out.splitlines()} == {"logged"}


def test_an_order_published_a_moment_ago_is_waited_for(stocked: Shell) -> None:
    stocked.run("events publish --order-id just-now --user-id ann --product-id widget-1 --quantity 1")
    began = time.monotonic()
    stocked.run("orders watch just-now")
    assert time.monotonic() - began < 20
