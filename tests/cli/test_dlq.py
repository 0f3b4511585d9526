"""`orderctl dlq` through the front door: whole screens and exit codes, over the fake AWS at the wire."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orderctl.cli import dlq_plan
from orderctl.cli.main import main
from orderctl.context import App
from tests.cli.support import Outcome, new_app, run, write_config
from tests.dlq.world import World
from tests.fakes.sqs import effects

EVIL = '{"order_id": "order-0\\u001b[2J", "note": "[red]x[/red] \\u202egpj.exe"}'


class Wired:
    """What the App takes its clients from: the fake AWS instead of a session."""

    region = "ap-northeast-1"

    def __init__(self, world: World) -> None:
        self._world = world

    def client(self, service: str, **_: object) -> Any:
        return self._world.aws.client(service)


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(tmp_path / "state")
    found.aws.services["cloudwatch"] = Silent()
    return found


class Silent:
    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"MetricDataResults": []}


def app(world: World, home: Path, **options: Any) -> App:
    made = new_app(home, environ={"AWS_REGION": "ap-northeast-1"}, clock=world.clock, **options)
    made.aws = Wired(world)  # type: ignore[assignment]
    return made


def orderctl(world: World, home: Path, *argv: str) -> Outcome:
    return run(app(world, home), *argv)


def test_inspect_shows_what_failed_and_gives_everything_back(world: World, tmp_path: Path) -> None:
    world.seed(3)
    done = orderctl(world, tmp_path, "dlq", "inspect", "orders-dlq", "-o", "json")
    assert done.code == 0
    letters = json.loads(done.out)
    assert sorted(letter["order_id"] for letter in letters) == ["order-0", "order-1", "order-2"]
    assert {letter["kind"] for letter in letters} == {"sqs"}
    assert done.err == "looked at 3 messages and gave them back (receive count +1 each)\n"
    assert world.aws.writes() == []
    assert len(world.services.queues.receive(world.prepared().queue, up_to=10, hide_for=0, wait=0)) == 3


def test_inspect_counts_by_group(world: World, tmp_path: Path) -> None:
    world.seed(4)
    done = orderctl(
        world, tmp_path, "dlq", "inspect", "orders-dlq", "--group-by", "kind", "--query", "[].[value,count]"
    )
    assert done.out == "sqs\t4\n"


def test_inspect_streams_and_filters(world: World, tmp_path: Path) -> None:
    world.seed(5)
    where = "payload.order_id=='order-3'"
    done = orderctl(world, tmp_path, "dlq", "inspect", "orders-dlq", "-o", "jsonl", "--where", where)
    assert [json.loads(line)["order_id"] for line in done.out.splitlines()] == ["order-3"]
    none = orderctl(world, tmp_path, "dlq", "inspect", "orders-dlq", "-o", "json", "--kind", "sns")
    assert (none.code, json.loads(none.out)) == (0, [])


@pytest.mark.parametrize("output", ["table", "tsv", "csv", "json", "jsonl"])
def test_a_hostile_body_reaches_no_stream_raw(world: World, tmp_path: Path, output: str) -> None:
    world.aws.sqs.seed(world.dlq, EVIL, source=world.source)
    for argv in (["inspect", "orders-dlq", "--bodies"], ["redrive", "orders-dlq", "--dry-run"]):
        done = orderctl(world, tmp_path, "dlq", *argv, "-o", output)
        assert done.code == 0
        assert not set(done.out + done.err) & {"\x1b", "\u202e"}
    assert "[red]x[/red]" in orderctl(world, tmp_path, "dlq", "inspect", "orders-dlq", "--bodies", "-o", output).out


def test_redrive_reports_every_fate_and_ends_with_0(world: World, tmp_path: Path) -> None:
    world.seed(12)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "-o", "json")
    report = json.loads(done.out)
    assert done.code == 0
    assert report["counts"]["delivered"] == report["counts"]["deleted"] == 12
    assert report["kept"] == report["refused"] == report["possible_duplicates"] == report["came_back"] == []
    assert world.left() == []
    again = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "-o", "json")
    assert again.code == 0
    assert json.loads(again.out)["counts"]["delivered"] == 0


def test_the_workers_of_a_redrive_follow_the_processor(world: World, tmp_path: Path) -> None:
    assert dlq_plan.services(app(world, tmp_path)).load is not None


def test_a_dry_run_shows_the_plan_and_changes_nothing(world: World, tmp_path: Path) -> None:
    world.seed(3)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--dry-run")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("Plan (dry run) for orders-dlq: about 3 messages\n       3 sqs                 -> arn:")
    assert world.aws.writes() == []


def test_without_a_terminal_and_without_yes_nothing_is_changed(world: World, tmp_path: Path) -> None:
    world.seed(3)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq")
    assert done.code == 7
    assert "--yes" in done.err
    assert world.aws.writes() == []
    assert len(world.left()) == 3


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 0), ("n\n", 7, 3), ("\n", 7, 3)])
def test_on_a_terminal_it_asks(world: World, tmp_path: Path, answer: str, code: int, left: int) -> None:
    world.seed(3)
    done = run(app(world, tmp_path, stdin=answer, terminal=True), "dlq", "redrive", "orders-dlq")
    assert done.code == code
    assert "Redrive 3 letters of orders-dlq? [y/N] " in done.err
    assert len(world.left()) == left


def test_a_protected_environment_wants_its_name(world: World, tmp_path: Path) -> None:
    write_config(tmp_path, "[env.prod]\nprotected = true\nregion = 'ap-northeast-1'\naccount_id = '123456789012'\n")
    world.seed(3)
    without = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--env", "prod", "--yes")
    assert without.code == 7
    assert "--confirm prod" in without.err
    assert len(world.left()) == 3
    confirmed = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--env", "prod", "--confirm", "prod")
    assert confirmed.code == 0
    assert world.left() == []


def test_another_account_than_the_pinned_one_is_refused_before_any_change(world: World, tmp_path: Path) -> None:
    write_config(tmp_path, "[env.prod]\naccount_id = '999999999999'\n")
    world.seed(3)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--env", "prod", "--yes")
    assert done.code == 7
    assert "pinned to account 999999999999" in done.err
    assert world.aws.writes() == []


def test_letters_that_cannot_be_told_are_refused_with_exit_7_and_stay(world: World, tmp_path: Path) -> None:
    world.aws.sqs.seed(world.dlq, "sent by hand")
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes")
    assert done.code == 7
    assert "sent to this queue directly" in done.err
    assert world.left() == ["sent by hand"]


def test_some_refused_is_partly_done(world: World, tmp_path: Path) -> None:
    world.seed(2)
    world.aws.sqs.seed(world.dlq, "sent by hand")
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes")
    assert done.code == 6
    assert world.left() == ["sent by hand"]


def test_a_filtered_redrive_leaves_the_rest_as_it_was(world: World, tmp_path: Path) -> None:
    world.seed(6)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "--order-id", "order-2", "-o", "json")
    assert done.code == 0
    assert json.loads(done.out)["counts"]["delivered"] == 1
    assert sorted(json.loads(body)["order_id"] for body in world.left()) == [f"order-{n}" for n in (0, 1, 3, 4, 5)]


def test_an_edit_is_shown_and_delivered(world: World, tmp_path: Path) -> None:
    world.aws.sqs.seed(world.dlq, '{"order_id": "order-0", "sku": "wigdet", "price": 0.10}', source=world.source)
    edit = ("--set", "sku=widget", "--unset", "price")
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", *edit)
    assert done.code == 0
    assert '-  "sku": "wigdet"' in done.err
    assert '+  "sku": "widget"' in done.err
    assert json.loads(world.aws.sqs.bodies("orders")[0]) == {"order_id": "order-0", "sku": "widget"}


@pytest.mark.parametrize("more", [["--yes"], ["--dry-run"], ["--plan-out", "/nowhere/plan.json"]])
def test_an_edit_whose_path_is_not_in_every_letter_ends_it_before_the_first_delivery(
    world: World, tmp_path: Path, more: list[str]
) -> None:
    world.aws.sqs.seed(world.dlq, '{"order_id": "order-0", "sku": "wigdet"}', source=world.source)
    odd = world.aws.sqs.seed(world.dlq, '{"order_id": "order-1"}', source=world.source)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--set", "sku=widget", *more)
    assert done.code == 2
    assert f"message {odd.message_id}: the edits do not fit it: sku: there is no sku; nothing was delivered" in done.err
    assert len(world.left()) == 2
    assert world.aws.writes() == []


def test_a_letter_the_plan_did_not_see_and_the_edits_do_not_fit_is_kept(world: World, tmp_path: Path) -> None:
    odd = world.aws.sqs.seed(world.dlq, '{"order_id": "order-1"}', source=world.source)
    in_other_hands = {"QueueUrl": world.dlq.url, "MaxNumberOfMessages": 1, "VisibilityTimeout": 6}
    world.aws.sqs.call("ReceiveMessage", in_other_hands)
    world.aws.sqs.seed(world.dlq, '{"order_id": "order-0", "sku": "wigdet"}', source=world.source)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "--set", "sku=widget", "-o", "json")
    report = json.loads(done.out)
    assert done.code == 6
    assert report["kept"] == [
        {"message_id": odd.message_id, "reason": "the edits do not fit it: sku: there is no sku"},
    ]
    assert report["counts"]["delivered"] == 1
    assert world.left() == ['{"order_id": "order-1"}']


# --- several queues, or all ------------------------------------------------------------------------------------


@pytest.fixture
def two(world: World) -> World:
    """A second dead-letter queue, of a function, and an empty third."""
    world.seed(2)
    queue = world.aws.sqs.create("process-dlq")
    world.aws.lambda_.create("process", dead_letter_arn=queue.arn)
    world.aws.lambda_.create("bill", dead_letter_arn=world.aws.sqs.create("bill-dlq").arn)
    marks = {
        "RequestID": {"DataType": "String", "StringValue": "r-1"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
    }
    world.aws.sqs.seed(queue, '{"order_id": "o-9"}', MessageAttributes=marks)
    return world


@pytest.mark.parametrize("queues", [["orders-dlq", "process-dlq", "orders-dlq"], []])
def test_inspect_looks_at_several_queues_or_at_all_that_hold_something(
    two: World, tmp_path: Path, queues: list[str]
) -> None:
    done = orderctl(two, tmp_path, "dlq", "inspect", *queues, "-o", "json")
    assert done.code == 0
    found = {(letter["queue"], letter["order_id"]) for letter in json.loads(done.out)}
    assert found == {("orders-dlq", "order-0"), ("orders-dlq", "order-1"), ("process-dlq", "o-9")}
    assert ("no message counted in: bill-dlq\n" in done.err) is not bool(queues)
    assert "process-dlq: looked at 1 messages and gave them back (receive count +1 each)\n" in done.err


def test_export_of_several_queues_is_one_file_that_restore_reads(two: World, tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    done = orderctl(two, tmp_path, "dlq", "export", "--file", str(file), "-o", "json")
    assert [(each["queue"], each["exported"]) for each in json.loads(done.out)] == [
        ("orders-dlq", 2),
        ("process-dlq", 1),
    ]
    restored = orderctl(two, tmp_path, "dlq", "restore", str(file), "--dry-run", "-o", "json")
    plan = {line["queue"].rsplit(":", 1)[-1]: line["count"] for line in json.loads(restored.out)["plan"]}
    assert plan == {"orders-dlq": 2, "process-dlq": 1}


def test_a_redrive_of_no_queue_or_of_several_says_which_commands_to_run(two: World, tmp_path: Path) -> None:
    none = orderctl(two, tmp_path, "dlq", "redrive")
    assert none.code == 2
    assert "hint: orderctl dlq redrive orders-dlq (about 2); orderctl dlq redrive process-dlq (about 1)\n" in none.err
    several = orderctl(two, tmp_path, "dlq", "redrive", "orders-dlq", "process-dlq", "--yes")
    assert several.code == 2
    assert "one after another: orderctl dlq redrive orders-dlq; orderctl dlq redrive process-dlq" in several.err
    assert two.aws.count("ReceiveMessage") == 0


def test_an_unknown_queue_is_exit_3(world: World, tmp_path: Path) -> None:
    assert orderctl(world, tmp_path, "dlq", "inspect", "order-dlq").code == 3


def test_a_consumer_that_is_gone_is_found_before_the_first_receive(world: World, tmp_path: Path) -> None:
    world.seed(3)
    rule = world.aws.events.create_rule("created", "default", {"source": ["orders.api"]})
    gone = "arn:aws:lambda:ap-northeast-1:123456789012:function:gone"
    rule.target("t1", gone, dead_letter_arn=world.aws.sqs.create("target-dlq").arn)
    done = orderctl(world, tmp_path, "dlq", "redrive", "target-dlq", "--yes")
    assert done.code == 3
    assert world.aws.count("ReceiveMessage") == 0


def test_a_queue_that_nothing_is_wired_to_is_refused_before_the_first_receive(world: World, tmp_path: Path) -> None:
    world.aws.sqs.seed(world.aws.sqs.create("lonely"), "{}")
    done = orderctl(world, tmp_path, "dlq", "redrive", "lonely", "--yes")
    assert done.code == 7
    assert world.aws.count("ReceiveMessage") == 0


# --- the plan's numbers are the run's --------------------------------------------------------------------------


def test_max_counts_what_will_be_delivered_and_not_what_is_looked_at(world: World, tmp_path: Path) -> None:
    for number in range(3):
        world.aws.sqs.seed(world.dlq, f"sent by hand {number}")
    world.seed(5)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--max", "2", "--dry-run", "-o", "json")
    plan = json.loads(done.out)
    delivered = sum(line["count"] for line in plan["lines"] if line["action"] == "deliver")
    assert (delivered, len(plan["ids"]), plan["is_full"]) == (2, 2, True)
    run = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--max", "2", "--yes", "-o", "json")
    assert json.loads(run.out)["counts"]["delivered"] == 2


def test_what_an_earlier_run_delivered_is_planned_as_only_deleted(world: World, tmp_path: Path) -> None:
    world.seed(2)
    world.aws.faults.on("DeleteMessageBatch", effects.access_denied())
    assert orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes").code == 4
    world.aws.faults.clear()
    world.clock.advance(600)
    plan = json.loads(orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--dry-run", "-o", "json").out)
    assert [(line["action"], line["count"]) for line in plan["lines"]] == [("delete", 2)]
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "-o", "json")
    assert (done.code, world.left(), json.loads(done.out)["counts"]["delivered"]) == (0, [], 0)
    assert world.duplicates() == set()


def test_what_came_back_too_often_is_planned_to_stay(world: World, tmp_path: Path) -> None:
    world.seed(1)
    assert orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes").code == 0
    [back] = world.source.messages.values()
    again = world.aws.sqs.seed(world.dlq, back.body, source=world.source)
    again.message_id = back.message_id
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--dry-run", "--max-redrives", "1")
    assert done.code == 7
    assert "stays: it was redriven 1 times already and came back (--max-redrives 1)" in done.err


def test_the_plan_says_how_long_it_will_take_at_the_rate(world: World, tmp_path: Path) -> None:
    world.seed(20)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--dry-run", "--rate", "0.5")
    assert "  expected: about 41 s\n" in done.err


# --- --verify --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (["orders-dlq", "--verify", "--yes"], 30),
        (["--verify", "orders-dlq", "--yes"], 30),
        (["orders-dlq", "--yes", "--verify"], 30),
        (["orders-dlq", "--verify=60", "--yes"], 60),
        (["orders-dlq", "--verify", "1m", "--yes"], 60),
    ],
)
def test_verify_may_stand_alone_or_say_how_long(world: World, tmp_path: Path, words: list[str], seconds: int) -> None:
    world.seed(1)
    done = orderctl(world, tmp_path, "dlq", "redrive", *words, "-o", "json")
    assert done.code == 0
    assert json.loads(done.out)["verified"] == {"seconds": seconds, "looked_in": ["orders-dlq"], "executions": []}
    assert "nothing came back so far; what its consumer is still working on" in done.err


def test_a_letter_that_fails_again_in_its_functions_own_queue_is_exit_6(world: World, tmp_path: Path) -> None:
    failures = world.aws.sqs.create("process-failures")
    function = world.aws.lambda_.create("process")
    function.on_failure(failures.arn)
    rule = world.aws.events.create_rule("created", "default", {"source": ["orders.api"]})
    target_dlq = world.aws.sqs.create("target-dlq")
    rule.target("t1", function.arn, dead_letter_arn=target_dlq.arn)
    marks = {"RULE_ARN": rule.arn, "TARGET_ARN": function.arn, "ERROR_CODE": "THROTTLING", "RETRY_ATTEMPTS": "3"}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in marks.items()}
    event = {"id": "e-1", "detail-type": "OrderCreated", "detail": {"order_id": "o-1"}}
    world.aws.sqs.seed(target_dlq, json.dumps(event), MessageAttributes=attributes)
    world.clock.advance(2)

    def fails(_call: object) -> None:
        context = {"functionArn": f"{function.arn}:$LATEST", "condition": "RetriesExhausted"}
        world.clock.advance(2)
        world.aws.sqs.seed(failures, json.dumps({"requestContext": context, "requestPayload": event}))

    world.aws.faults.on("Invoke", effects.barrier(after=fails))
    done = orderctl(world, tmp_path, "dlq", "redrive", "target-dlq", "--yes", "--verify", "-o", "json")
    report = json.loads(done.out)
    assert done.code == 6
    assert report["came_back"][0]["reason"].endswith(" in process-failures")
    assert report["verified"]["looked_in"] == ["target-dlq", "process-failures"]


def test_kept_letters_end_with_6_and_the_command_to_go_on(world: World, tmp_path: Path) -> None:
    world.seed(4)
    world.aws.faults.on("SendMessageBatch", effects.entries_fail({1}, "InvalidMessageContents", sender_fault=True))
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "-o", "json")
    report = json.loads(done.out)
    assert done.code == 6
    assert [item["reason"] for item in report["kept"]] == [report["kept"][0]["reason"]]
    assert "dlq redrive --resume" in json.loads(done.err.splitlines()[-1])["hint"]


def test_either_a_queue_or_a_run_has_to_be_named(world: World, tmp_path: Path) -> None:
    assert orderctl(world, tmp_path, "dlq", "redrive").code == 2
    assert orderctl(world, tmp_path, "dlq", "redrive", "q", "--resume", "r").code == 2


@pytest.mark.parametrize(
    "argv",
    [
        ["--kind", "lambda"],
        ["--since", "yesterday"],
        ["--where", "[["],
        ["--max", "0"],
        ["--set", "nothing"],
        ["--verify=soon"],
    ],
)
def test_a_wrong_option_is_a_usage_error_before_any_call(world: World, tmp_path: Path, argv: list[str]) -> None:
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", *argv)
    assert done.code == 2
    assert world.aws.calls == []


def test_ctrl_c_ends_the_batch_gives_the_rest_back_and_says_how_to_go_on(world: World, tmp_path: Path) -> None:
    world.seed(30)
    made = app(world, tmp_path)
    ended: list[str] = []

    def interrupt(_call: object) -> None:
        import _thread

        if not ended:
            ended.append("now")
            _thread.interrupt_main()
            time.sleep(0.5)  # the main thread notices between two looks at the workers

    world.aws.faults.on("SendMessageBatch", effects.barrier(before=interrupt), nth=1)
    code = main(["dlq", "redrive", "orders-dlq", "--yes", "--concurrency", "1"], made)
    assert isinstance(made.err, io.StringIO)
    assert code == 130
    said = made.err.getvalue().splitlines()
    assert "stopping: calls in hand end, the rest goes back; Ctrl-C again leaves at once" in said
    assert said[-1].startswith("hint: go on with: orderctl dlq redrive --resume")
    assert isinstance(made.out, io.StringIO)
    assert made.out.getvalue(), "the report of what was done"
    assert world.lost() == set()
    assert world.duplicates() == set()
    assert 0 < len(world.left()) < 30


def test_a_run_of_another_environment_is_refused_before_anything_is_written(world: World, tmp_path: Path) -> None:
    write_config(tmp_path, "[env.prod]\n[env.staging]\n")
    world.seed(1)
    assert orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "--env", "prod").code == 0
    (journal,) = tmp_path.glob("state/orderctl/redrives/*.jsonl")
    before = journal.read_bytes()
    for words in (["--yes"], ["--dry-run"]):
        done = orderctl(world, tmp_path, "dlq", "redrive", "--resume", "@latest", "--env", "staging", *words)
        assert (done.code, journal.read_bytes() == before) == (7, True)


def test_letters_that_arrive_while_the_wiring_is_read_are_of_the_plan_and_of_the_run(
    world: World, tmp_path: Path
) -> None:
    """What the plan has counted the run does; what comes later it leaves."""
    world.seed(1)

    def arrive(_call: object) -> None:
        world.clock.advance(30)
        world.aws.sqs.seed(world.dlq, '{"order_id": "order-1"}', source=world.source)

    world.aws.faults.on("ReceiveMessage", effects.barrier(before=arrive), nth=1)
    world.aws.faults.on("SendMessageBatch", effects.barrier(before=arrive), nth=1)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "-o", "json")
    assert "     2 sqs " in done.err
    counts = json.loads(done.out)["counts"]
    assert (done.code, counts["delivered"], counts["arrived_later"], len(world.left())) == (0, 2, 1, 1)


def test_a_letter_that_was_purged_and_restored_can_be_redriven(world: World, tmp_path: Path) -> None:
    world.seed(3)
    purged = orderctl(world, tmp_path, "dlq", "purge", "orders-dlq", "--confirm", "orders-dlq")
    assert (purged.code, world.left()) == (0, [])
    (file,) = (tmp_path / "state").rglob("purges/*.jsonl")
    assert orderctl(world, tmp_path, "dlq", "restore", str(file), "--yes").code == 0
    assert len(world.left()) == 3
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "-o", "json")
    assert (done.code, json.loads(done.out)["counts"]["delivered"]) == (0, 3)


@pytest.mark.parametrize("concurrency", ["1", "4"])
@pytest.mark.parametrize("most", [1, 5, 10, 13])
def test_max_delivers_just_as_many(world: World, tmp_path: Path, most: int, concurrency: str) -> None:
    world.seed(25)
    line = ("dlq", "redrive", "orders-dlq", "--yes", "--max", str(most), "--concurrency", concurrency, "-o", "json")
    done = orderctl(world, tmp_path, *line)
    assert done.code == 0
    assert json.loads(done.out)["counts"]["delivered"] == most
    assert len(world.left()) == 25 - most


def test_a_rate_spreads_the_deliveries_over_time(world: World, tmp_path: Path) -> None:
    world.seed(20)
    began = world.clock.monotonic()
    line = ("dlq", "redrive", "orders-dlq", "--yes", "--rate", "2", "--concurrency", "1", "-o", "json")
    done = orderctl(world, tmp_path, *line)
    assert (done.code, json.loads(done.out)["counts"]["delivered"]) == (0, 20)
    assert world.clock.monotonic() - began >= 9


def test_messages_in_somebody_elses_hands_are_not_called_done(world: World, tmp_path: Path) -> None:
    world.seed(5)
    hidden = {"QueueUrl": world.dlq.url, "MaxNumberOfMessages": 3, "VisibilityTimeout": 600}
    world.aws.sqs.call("ReceiveMessage", hidden)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "-o", "json")
    counts = json.loads(done.out)["counts"]
    assert (done.code, counts["delivered"], counts["left"]) == (6, 2, 3)


def test_letters_behind_one_that_was_not_selected_are_delivered_or_not_called_done(tmp_path: Path) -> None:
    world = World(tmp_path / "state", fifo=True)
    world.seed(25, groups=1)
    wanted = [word for n in range(1, 25) for word in ("--order-id", f"order-{n}")]
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq.fifo", "--yes", *wanted, "-o", "json")
    counts = json.loads(done.out)["counts"]
    assert (done.code, counts["delivered"]) == (0, 24) or (done.code == 6 and counts["left"] > 0)
    assert '{"order_id": "order-0"}' in world.left()


def test_a_letter_asked_for_by_an_id_that_is_not_there_is_not_called_done(world: World, tmp_path: Path) -> None:
    world.seed(2)
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "--id", "nobody", "-o", "json")
    assert (done.code, len(world.left())) == (3, 2)


def test_a_where_that_fits_one_letter_not_leaves_that_letter(world: World, tmp_path: Path) -> None:
    world.seed(2)
    world.aws.sqs.seed(world.dlq, '{"order_id": 7}', source=world.source)
    where = "contains(payload.order_id, 'order')"
    done = orderctl(world, tmp_path, "dlq", "redrive", "orders-dlq", "--yes", "--where", where)
    assert done.code in (2, 6)
    assert world.lost() == set()


def test_help_loads_no_service_no_model_and_no_renderer() -> None:
    """The nouns' help is as quick as the root's: what a verb needs is imported when it runs."""
    code = (
        "import sys; from orderctl.cli.main import main; main(['dlq', '--help']);"
        "print(*[n for n in sys.modules if n.startswith('orderctl.dlq') or n.startswith('orderctl.aws.')], 'end')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "end"
