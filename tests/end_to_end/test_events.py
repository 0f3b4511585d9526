"""Events on a bus that listens: published, held against rules, tailed, replayed; nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.end_to_end.backstage import HANDLED, Backstage, eventually
from tests.end_to_end.shell import ROOT, Shell, orderctl

pytestmark = pytest.mark.end_to_end

TAIL = "orderctl-tail-"
EVERYBODY = sorted(HANDLED.values())


def publish(order_id: str, *more: str) -> str:
    line = f"events publish --order-id {order_id} --product-id widget-1 --quantity 1 --user-id ann"
    return " ".join((line, *more))


@contextmanager
def tailing(shell: Shell, line: str) -> Iterator[subprocess.Popen[str]]:
    """`orderctl LINE` in the background, once it listens."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(shell.home), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(orderctl(line), env=environ, cwd=shell.home, **pipes) as process:
        assert process.stderr is not None
        while "listening on" not in (said := process.stderr.readline()):
            assert said, "the tail ended before it listened"
        try:
            yield process
        finally:
            process.kill()


def taps(backstage: Backstage) -> tuple[list[str], list[str]]:
    """Rules and queues of tails that are there now."""
    bus = backstage.outputs["EventBusName"]
    rules = backstage.client("events").list_rules(EventBusName=bus, NamePrefix=TAIL)["Rules"]
    queues = backstage.client("sqs").list_queues(QueueNamePrefix=TAIL).get("QueueUrls", [])
    return [rule["Name"] for rule in rules], [url.rpartition("/")[2] for url in queues]


# --- publish and test ----------------------------------------------------------------------------------------------


def test_a_published_order_reaches_everybody_once(stocked: Shell, backstage: Backstage) -> None:
    done = stocked.run(publish("by-event", "-o json"))
    assert (done.json["status"], done.json["order_id"]) == ("published", "by-event")
    assert done.err == "OrderCreated of orders.api matches: orders-local-order-created\n1 published\n"
    backstage.wait_until_handled("by-event", EVERYBODY)
    assert backstage.execution("by-event") == "SUCCEEDED"


def test_a_bus_that_is_not_there_is_3_before_anything_is_sent(shell: Shell) -> None:
    done = shell.run(publish("lost", "--bus nowhere"), expect=3)
    assert done.out == ""
    assert "event bus nowhere" in done.err


def test_nobody_listening_is_told_and_can_be_an_error(shell: Shell) -> None:
    kind = "--source stock.app --detail-type StockLow --detail '{\"left\": 1}'"
    done = shell.run(f"events publish {kind}")
    assert done.err == "warning: no enabled rule of orders matches StockLow of stock.app\n1 published\n"
    assert shell.run(f"events publish {kind} --require-match", expect=3).out == ""


def test_the_preview_of_a_transformer_is_what_the_target_gets(stocked: Shell, backstage: Backstage) -> None:
    """The analytics queue's input is transformed; a rule of our own puts the same into a queue that can be read."""
    order = "--order-id previewed --product-id widget-1 --quantity 1 --user-id ann --time 2026-11-22T03:00:00Z"
    (rule,) = stocked.run(f"events test {order} -o json --query \"[?rule=='orders-local-order-created']\"").json
    foretold = {each["target_id"]: each["input"] for each in rule["targets"]}
    assert set(foretold) == {"ProcessOrder", "SendEmail", "Analytics"}
    (analytics,) = (each for each in targets(backstage) if each["Id"] == "Analytics")
    with listening(backstage, "copy", analytics["InputTransformer"]) as queue:
        event_id = stocked.run(f"events publish {order} -o json").json["event_id"]
        body = eventually(lambda: received(backstage, queue), "the copied event")
    nobody = "00000000-0000-0000-0000-000000000000"
    told, foreseen = json.loads(body), json.loads(foretold["Analytics"].replace(nobody, event_id))
    assert (foreseen.pop("time"), told.pop("time")[:2]) == ("2026-11-22T03:00:00Z", "20")  # the emulator sets its own
    assert told == foreseen


def test_why_a_rule_does_not_match_is_said(shell: Shell) -> None:
    done = shell.run("events test --source orders.api --detail-type OrderShipped --detail '{}' -o json").json
    (rule,) = (each for each in done if each["rule"] == "orders-local-order-created")
    assert (rule["is_matched"], rule["mismatches"]) == (False, ['detail-type: wants ["OrderCreated"]'])


# --- tail ----------------------------------------------------------------------------------------------------------


def test_a_tail_shows_what_comes_by_and_leaves_nothing(stocked: Shell, backstage: Backstage) -> None:
    pattern = json.dumps({"detail": {"user_id": ["bob"]}})
    with tailing(stocked, f"events tail --pattern '{pattern}' --max 2 -o jsonl --timeout 30s") as tail:
        for number in (1, 2):
            stocked.run(publish(f"for-ann-{number}"))
            stocked.run(publish(f"for-bob-{number}").replace("user-id ann", "user-id bob"))
        out, _ = tail.communicate(timeout=30)
    told = [json.loads(line) for line in out.splitlines()]
    assert [(each["type"], each.get("detail", {}).get("order_id")) for each in told] == [
        ("event", "for-bob-1"),
        ("event", "for-bob-2"),
        ("result", None),
    ]
    assert tail.returncode == 0
    assert taps(backstage) == ([], [])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_tail_that_is_told_to_stop_takes_its_rule_and_queue_away(
    shell: Shell, backstage: Backstage, number: signal.Signals, code: int
) -> None:
    with tailing(shell, "events tail -o jsonl") as tail:
        assert [len(found) for found in taps(backstage)] == [1, 1]
        tail.send_signal(number)
        out, _ = tail.communicate(timeout=30)
    assert tail.returncode == code
    assert json.loads(out.splitlines()[-1]) == {"type": "result", "count": 0}
    assert taps(backstage) == ([], [])


def test_what_a_killed_tail_leaves_the_next_one_removes(shell: Shell, backstage: Backstage) -> None:
    """SIGKILL leaves no moment to clean up; a tail that runs beside it is left alone."""
    with tailing(shell, "events tail") as alive:
        with tailing(shell, "events tail") as killed:
            killed.kill()
            killed.wait(timeout=10)
        rules, queues = taps(backstage)
        assert len(rules) == len(queues) == 2
        done = shell.run("events tail --timeout 1s")
        assert "left by a run that was killed" in done.err
        rules, queues = taps(backstage)
        assert len(rules) == 1
        assert rules == queues
        assert rules[0] not in done.err
        alive.send_signal(signal.SIGINT)
        alive.wait(timeout=30)
    assert taps(backstage) == ([], [])


# --- replay --------------------------------------------------------------------------------------------------------


def test_a_replay_runs_named_rules_only_and_shows_its_progress(stocked: Shell, backstage: Backstage) -> None:
    stocked.run(publish("replayed"))
    backstage.wait_until_handled("replayed", EVERYBODY)
    with listening(backstage, "again", pattern={"replay-name": [{"exists": True}]}) as queue:
        line = "events replay --since 10m --until 0s --rule again --no-delay --name first-replay -o json"
        refused = stocked.run(f"{line} --yes", expect=7)
        assert "the replay would also run copy; nothing was started" in refused.err
        done = stocked.run(f"{line} --target copy --yes --timeout 30s")
        assert (done.json["name"], done.json["state"]) == ("first-replay", "COMPLETED")
        assert "COMPLETED 100%" in done.err
        bodies = [json.loads(body) for body in iter(lambda: received(backstage, queue), None)]
        assert "replayed" in [each["detail"]["order_id"] for each in bodies]
        assert {each["replay-name"] for each in bodies} == {"first-replay"}
        kept = backstage.client("events").describe_replay(ReplayName="first-replay")["Destination"]["FilterArns"]
        assert [arn.rpartition("/")[2] for arn in kept] == ["again"]  # the emulator takes it and does not keep to it
        assert "replays to every rule" in done.err
        assert stocked.run(f"{line} --target copy --yes", expect=5).out == ""
    names = stocked.run("events replay --list -o json --query [].name").json
    assert "first-replay" in names


def targets(backstage: Backstage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = backstage.client("events").list_targets_by_rule(
        Rule="orders-local-order-created", EventBusName=backstage.outputs["EventBusName"]
    )["Targets"]
    return found


@contextmanager
def listening(
    backstage: Backstage, name: str, transformer: Any = None, pattern: dict[str, Any] | None = None
) -> Iterator[str]:
    """A rule of that name with one target, `copy`: a queue that can be read; both go again."""
    events, sqs = backstage.client("events"), backstage.client("sqs")
    bus = backstage.outputs["EventBusName"]
    queue = sqs.create_queue(QueueName=f"copies-{name}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = {"source": ["orders.api"], **(pattern or {})}
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(wanted))
    target = {"Id": "copy", "Arn": arn} | ({"InputTransformer": transformer} if transformer else {})
    events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
    try:
        yield queue
    finally:
        events.remove_targets(Rule=name, EventBusName=bus, Ids=["copy"])
        events.delete_rule(Name=name, EventBusName=bus)
        sqs.delete_queue(QueueUrl=queue)


def received(backstage: Backstage, queue: str) -> str | None:
    """The next message's body; None where there is none within a second."""
    sqs = backstage.client("sqs")
    for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return str(message["Body"])
    return None
