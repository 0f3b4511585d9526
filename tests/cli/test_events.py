from __future__ import annotations

import json
from pathlib import Path

import pytest

from orderctl.context import App
from orderctl.errors import AuthError, OrderctlError
from orderctl.events.models import Taken, Target
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.clock import FakeClock
from tests.fakes.events import ARN, FakeBus, answer_lost, rule

ORDER = ("--product-id", "w-1", "--quantity", "2", "--user-id", "ada", "--order-id", "o-1")
LINE = '{"order_id": "%s", "user_id": "ada", "product_id": "w-1", "quantity": 1}\n'
MATCHES = "OrderCreated of orders.api matches: OrderCreated\n"


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus(
        rule("OrderCreated", {"source": ["orders.api"], "detail-type": ["OrderCreated"]}),
        rule("off", {"source": ["orders.api"]}, "DISABLED"),
        rule("cron", None),
    )


def app_with(home: Path, bus: FakeBus, stdin: str = "") -> App:
    app = new_app(home, environ={"ORDERCTL_EVENT_BUS": "orders"}, stdin=stdin)
    app.event_buses = lambda name: bus
    return app


def publish(home: Path, bus: FakeBus, *options: str, stdin: str = "") -> Outcome:
    return run(app_with(home, bus, stdin), "events", "publish", *options)


def test_an_order_created_goes_out_with_its_id(tmp_path: Path, bus: FakeBus) -> None:
    done = publish(tmp_path, bus, *ORDER, "--set", "gift.note=hello")
    assert done == Outcome(0, "published\tid-1\torders.api\tOrderCreated\to-1\t\t\t\n", MATCHES + "1 published\n")
    assert json.loads(bus.taken[0].detail) == {
        "order_id": "o-1",
        "user_id": "ada",
        "product_id": "w-1",
        "quantity": 2,
        "gift": {"note": "hello"},
    }


def test_an_order_without_an_id_gets_one(tmp_path: Path, bus: FakeBus) -> None:
    done = publish(tmp_path, bus, *ORDER[:6], "-o", "json")
    told = json.loads(done.out)
    assert told["order_id"] == json.loads(bus.taken[0].detail)["order_id"]
    assert len(told["order_id"]) == 26


def test_an_order_of_nobody_is_of_who_is_signed_in(tmp_path: Path, bus: FakeBus) -> None:
    """As with `orders submit`; for events of another kind nothing is made up."""
    write_config(tmp_path, 'default_env = "local"\n[env.local]\nlocal = true\n[env.local.auth]\nusername = "demo"\n')
    publish(tmp_path, bus, "--product-id", "w-1", "--quantity", "1")
    assert json.loads(bus.taken[0].detail)["user_id"] == "demo"
    publish(tmp_path, bus, "--detail", '{"product_id": "w-1", "quantity": 1, "user_id": "ada"}')
    assert json.loads(bus.taken[1].detail)["user_id"] == "ada"
    publish(tmp_path, bus, "--source", "stock.app", "--detail-type", "StockLow", "--detail", "{}")
    assert bus.taken[2].detail == "{}"


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "many"])
def test_a_wrong_order_is_refused_before_anything_is_asked(tmp_path: Path, bus: FakeBus, quantity: str) -> None:
    done = publish(tmp_path, bus, "--product-id", "w-1", "--user-id", "ada", "--quantity", quantity)
    assert done.code == 2
    assert "quantity must be a whole number" in done.err
    assert not bus.calls


def test_a_missing_bus_is_not_found_before_anything_is_sent(tmp_path: Path) -> None:
    bus = FakeBus(exists=False)
    done = publish(tmp_path, bus, *ORDER)
    assert done == Outcome(3, "", "orderctl: event bus orders: Event bus orders does not exist.\n")
    assert not bus.calls


def test_another_kind_of_event_goes_out_too_and_nobody_listening_is_said(tmp_path: Path, bus: FakeBus) -> None:
    kind = ("--source", "stock.app", "--detail-type", "StockLow", "--detail", '{"left": 1.50}')
    done = publish(tmp_path, bus, *kind)
    assert done.code == 0
    assert done.err == "warning: no enabled rule of orders matches StockLow of stock.app\n1 published\n"
    assert bus.taken[0].detail == '{"left": 1.50}'


def test_require_match_sends_nothing_where_nobody_listens(tmp_path: Path, bus: FakeBus) -> None:
    done = publish(tmp_path, bus, "--source", "x", "--detail-type", "y", "--detail", "{}", "--require-match")
    assert done.code == 3
    assert "nothing was sent" in done.err
    assert not bus.calls
    assert publish(tmp_path, bus, *ORDER, "--require-match").code == 0


def test_kinds_of_event_that_were_not_tried_are_said_and_not_sent_under_require_match(
    tmp_path: Path, bus: FakeBus
) -> None:
    lines = "".join(f'{{"source": "orders.api", "detail-type": "T{n}", "detail": {{}}}}\n' for n in range(21))
    refused = publish(tmp_path, bus, "--file", "-", "--require-match", stdin=lines)
    assert (refused.code, bus.taken) == (2, [])
    done = publish(tmp_path, bus, "--file", "-", stdin=lines)
    assert "more than 20 kinds of event" in done.err
    assert (done.code, len(bus.taken)) == (0, 21)


def test_an_archive_and_a_tail_are_nobody_listening(tmp_path: Path) -> None:
    everything: dict[str, object] = {"source": ["orders.api"]}
    bus = FakeBus(
        rule("Events-Archive-orders", everything, managed_by="prod.vhs.events.aws.internal"),
        rule("orderctl-tail-0123456789ab", everything),
    )
    done = publish(tmp_path, bus, *ORDER, "--require-match")
    assert done.code == 3
    assert done.err.startswith("warning: no enabled rule of orders matches OrderCreated of orders.api\n")
    assert not bus.calls


def test_a_dry_run_sends_nothing(tmp_path: Path, bus: FakeBus) -> None:
    done = publish(tmp_path, bus, *ORDER, "--dry-run")
    assert done == Outcome(0, "", MATCHES + "would publish 1 event to orders\n")
    assert not bus.calls


def test_a_file_of_many_is_streamed_with_its_lines(tmp_path: Path, bus: FakeBus) -> None:
    done = publish(tmp_path, bus, "--file", "-", stdin="".join(LINE % f"o-{n}" for n in range(25)))
    assert done.code == 0
    assert done.err == MATCHES + "25 published\n"
    assert sorted(line.split("\t")[4] for line in done.out.splitlines()) == sorted(f"o-{n}" for n in range(25))
    assert len(bus.taken) == 25


def test_a_bad_line_stops_the_whole_file(tmp_path: Path, bus: FakeBus) -> None:
    done = publish(tmp_path, bus, "--file", "-", stdin=LINE % "o-1" + "{}\n" + LINE % "not an id")
    assert done.code == 2
    assert done.err.splitlines()[0].startswith("orderctl: <stdin>:2: order_id must be")
    assert done.err.splitlines()[1].startswith("<stdin>:3: order_id must be")
    assert not bus.calls


def test_failed_entries_end_with_exit_6_and_the_list(tmp_path: Path, bus: FakeBus) -> None:
    bus.on_entry = lambda one: Taken(None, "NotAuthorizedForSourceException", "no") if one.order_id == "o-1" else None
    done = publish(tmp_path, bus, "--file", "-", "-o", "json", stdin="".join(LINE % f"o-{n}" for n in range(3)))
    assert done.code == 6
    told = {one["order_id"]: one for one in json.loads(done.out)}
    assert [told[f"o-{n}"]["status"] for n in range(3)] == ["published", "failed", "published"]
    assert (told["o-1"]["error"], told["o-1"]["line"]) == ("NotAuthorizedForSourceException", 2)
    assert '"exit_code": 6' in done.err


def test_a_sign_in_that_ends_halfway_says_how_to_send_only_the_rest(tmp_path: Path, bus: FakeBus) -> None:
    bus.on_call = lambda: AuthError("the token has expired") if bus.calls > 1 else None
    done = publish(tmp_path, bus, "--file", "-", stdin="".join(LINE % f"o-{n}" for n in range(60)))
    assert done.code == 4
    assert "--except FILE" in done.err
    assert sum(line.startswith("published") for line in done.out.splitlines()) == 10


def test_with_what_a_run_printed_the_next_sends_only_the_rest(tmp_path: Path, bus: FakeBus) -> None:
    """Of 25 events the tenth fails; the same line again with --except sends that one and no other twice."""
    stdin = "".join(LINE % f"o-{n}" for n in range(25))
    printed = tmp_path / "printed.jsonl"
    bus.on_entry = lambda one: Taken(None, "NotAuthorizedForSourceException", "no") if one.order_id == "o-9" else None
    done = publish(tmp_path, bus, "--file", "-", "-o", "jsonl", stdin=stdin)
    assert done.code == 6
    assert "the same line with --except FILE" in done.err
    printed.write_text(done.out)
    bus.on_entry = lambda one: None
    done = publish(tmp_path, bus, "--file", "-", "--except", str(printed), stdin=stdin)
    assert done.code == 0
    assert done.err == "24 events of 25 went out before\n" + MATCHES + "1 published\n"
    assert sorted(str(one.order_id) for one in bus.taken) == sorted(f"o-{n}" for n in range(25))


@pytest.mark.parametrize(("options", "sent"), [((), 0), (("--resend-unknown",), 1)])
def test_what_may_be_on_the_bus_is_left_out_unless_twice_was_asked_for(
    tmp_path: Path, bus: FakeBus, options: tuple[str, ...], sent: int
) -> None:
    printed = tmp_path / "printed.jsonl"
    printed.write_text('{"status": "unknown", "line": 1, "order_id": "o-1", "event_id": null}\n')
    done = publish(tmp_path, bus, "--file", "-", "--except", str(printed), *options, stdin=LINE % "o-1")
    assert (done.code, len(bus.taken)) == (0, sent)


def test_the_output_of_another_file_or_no_output_is_refused(tmp_path: Path, bus: FakeBus) -> None:
    printed = tmp_path / "printed.jsonl"
    printed.write_text('{"status": "published", "line": 1, "order_id": "another"}\n')
    done = publish(tmp_path, bus, "--file", "-", "--except", str(printed), stdin=LINE % "o-1")
    assert done.code == 2
    assert "line 1 was published as order another, but is order o-1 now" in done.err
    printed.write_text('{"order_id": "o-1"}\n')
    assert publish(tmp_path, bus, "--file", "-", "--except", str(printed), stdin=LINE % "o-1").code == 2
    assert publish(tmp_path, bus, *ORDER, "--except", str(printed)).code == 2
    assert not bus.calls


def test_a_long_publish_says_how_far_it_is(tmp_path: Path, bus: FakeBus) -> None:
    clock = FakeClock()

    def slow() -> None:
        clock.advance(2)

    bus.on_call = slow
    app = app_with(tmp_path, bus, "".join(LINE % f"o-{n}" for n in range(100)))
    app.clock = clock
    done = run(app, "events", "publish", "--file", "-")
    assert done.code == 0
    assert " of 100 events, " in done.err
    assert " a second, about " in done.err


def test_a_lost_answer_is_unknown_and_not_sent_again(tmp_path: Path, bus: FakeBus) -> None:
    bus.on_answer = answer_lost
    done = publish(tmp_path, bus, *ORDER)
    assert done.code == 6
    assert done.out.startswith("unknown\t\torders.api\tOrderCreated\to-1\tanswer_lost\t")
    assert "of 1 event 1 may or may not have arrived" in done.err
    assert "--resend-unknown" in done.err
    assert bus.calls == 1


def test_resend_unknown_sends_again_and_says_it_may_be_twice(tmp_path: Path, bus: FakeBus) -> None:
    answers = iter([answer_lost()])
    bus.on_answer = lambda: next(answers, None)
    done = publish(tmp_path, bus, *ORDER, "--resend-unknown", "-o", "json")
    assert done.code == 0
    assert json.loads(done.out)["may_be_twice"] is True


@pytest.mark.parametrize("output", ["json", "jsonl"])
def test_what_was_sent_before_an_interrupt_is_still_told(tmp_path: Path, bus: FakeBus, output: str) -> None:
    def interrupt_at_the_third() -> OrderctlError | None:
        if bus.calls == 3:
            raise KeyboardInterrupt
        return None

    bus.on_call = interrupt_at_the_third
    stdin = "".join(LINE % f"o-{n}" for n in range(200))
    done = publish(tmp_path, bus, "--file", "-", "-o", output, stdin=stdin)
    assert done.code == 130
    told = json.loads(done.out) if output == "json" else [json.loads(line) for line in done.out.splitlines()]
    assert {one["order_id"] for one in told if one["status"] == "published"} == {one.order_id for one in bus.taken}
    assert 0 < len(bus.taken) < 200


def test_a_file_and_flags_exclude_each_other(tmp_path: Path, bus: FakeBus) -> None:
    assert publish(tmp_path, bus, "--file", "-", *ORDER, stdin=LINE % "o-1").code == 2
    assert publish(tmp_path, bus, "--source", "x", "--product-id", "w-1").code == 2


def test_a_protected_environment_wants_its_name(tmp_path: Path, bus: FakeBus) -> None:
    write_config(tmp_path, 'default_env = "prod"\n[env.prod]\nprotected = true\nlocal = true\n')
    assert publish(tmp_path, bus, *ORDER).code == 7
    assert not bus.calls


def test_test_shows_every_rule_and_what_targets_would_get(tmp_path: Path, bus: FakeBus) -> None:
    bus.targets_of["OrderCreated"] = [Target(ARN, "ProcessOrder", "arn:f", input_path="$.detail.order_id")]
    done = run(app_with(tmp_path, bus), "events", "test", *ORDER)
    assert done == Outcome(
        0,
        "OrderCreated\tENABLED\ttrue\t\t\noff\tDISABLED\ttrue\t\t\n"
        "cron\tENABLED\tfalse\tit runs on a schedule and sees no event\t\n"
        'OrderCreated\tProcessOrder\tarn:f\t"o-1"\t\n',
        "",
    )
    assert not bus.calls


def test_test_in_json_is_one_document(tmp_path: Path, bus: FakeBus) -> None:
    stdin = LINE % "o-1" + LINE % "o-2"
    done = run(app_with(tmp_path, bus, stdin), "events", "test", "--file", "-", "-o", "json")
    assert [(one["rule"], one["line"]) for one in json.loads(done.out)] == [
        (name, line) for line in (1, 2) for name in ("OrderCreated", "off", "cron")
    ]
