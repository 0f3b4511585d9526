from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from orderctl.errors import AuthError, OrderctlError
from orderctl.events.models import Event, Taken
from orderctl.users.ports import ApiAnswer, ReplyLostError
from tests.cli.support import Outcome, run
from tests.cli.test_orders import ARN, ORDER, Desk
from tests.fakes.clock import FakeClock
from tests.fakes.events import FakeBus, answer_lost
from tests.fakes.executions import FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, SUCCEEDED


class Consumer(FakeClock):
    """Starts the order's execution four seconds after its event was published."""

    def __init__(self, bus: FakeBus) -> None:
        super().__init__()
        self.bus, self.works = bus, True
        self.executions = FakeExecutions(self)
        self.rows = SUCCEEDED

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.works and self.bus.taken and self.elapsed >= 4 and not self.executions.runs:
            self.executions.run("o-1", self.rows)


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def consumer(bus: FakeBus) -> Consumer:
    return Consumer(bus)


@pytest.fixture
def desk(tmp_path: Path, consumer: Consumer) -> Desk:
    desk = Desk(tmp_path)
    desk.clock, desk.executions = consumer, consumer.executions
    return desk


def submit(desk: Desk, bus: FakeBus, *flags: str) -> Outcome:
    app = desk.app()
    app.environ = {**app.environ, "ORDERCTL_EVENT_BUS": "orders"}
    app.event_buses = lambda name: bus
    return run(app, *ORDER, "--order-id", "o-1", "--via", "event", *flags)


def test_the_order_is_published_once_as_the_api_would(desk: Desk, bus: FakeBus) -> None:
    done = submit(desk, bus)
    assert done.code == 0
    assert done.out.startswith("o-1\tpublished\t")
    event = bus.taken[0]
    assert (len(bus.taken), event.source, event.detail_type) == (1, "orders.api", "OrderCreated")
    assert json.loads(event.detail) == {"order_id": "o-1", "user_id": "ada", "product_id": "widget-1", "quantity": 2}
    assert desk.executions.count("start") == 0


@pytest.mark.parametrize(("rows", "code"), [(SUCCEEDED, 0), (OUT_OF_STOCK, 8)])
def test_watched_it_is_found_by_its_id_and_the_outcome_is_the_exit_code(
    desk: Desk, bus: FakeBus, consumer: Consumer, rows: list[object], code: int
) -> None:
    consumer.rows = rows  # type: ignore[assignment]
    done = submit(desk, bus, "--watch")
    assert done.code == code
    assert done.out.startswith("2026-11-22T03:00:0")


def test_an_execution_that_never_appears_points_at_the_dead_letters(
    desk: Desk, bus: FakeBus, consumer: Consumer
) -> None:
    consumer.works = False
    done = submit(desk, bus, "--watch", "-o", "jsonl")
    assert done.code == 3
    assert json.loads(done.out.splitlines()[-1])["outcome"] == "not_found"
    assert "no execution appeared in 60s" in done.err
    assert "orderctl dlq list" in done.err


def test_a_bus_that_does_not_exist_is_exit_3_and_nothing_is_sent(desk: Desk) -> None:
    nowhere = FakeBus(exists=False)
    assert submit(desk, nowhere).code == 3
    assert nowhere.calls == 0


def test_an_entry_that_was_not_taken_is_an_error(desk: Desk, bus: FakeBus) -> None:
    bus.on_entry = lambda event: Taken(None, "MalformedDetail", "not an object")
    assert submit(desk, bus, "--watch").code == 1


def test_a_lost_answer_is_not_sent_again(desk: Desk, bus: FakeBus) -> None:
    bus.on_answer = answer_lost
    done = submit(desk, bus)
    assert (done.code, bus.calls) == (1, 1)
    assert "its event may be on the bus" in done.err


def test_published_again_it_is_attached_to_and_after_its_end_a_conflict_and_no_event_is_sent(
    desk: Desk, bus: FakeBus
) -> None:
    """A second event would start nothing, but analytics, mail and every other rule would run again."""
    assert submit(desk, bus).code == 0
    desk.clock.sleep(5)
    desk.executions.runs[f"{ARN}:o-1"].input = bus.taken[0].detail
    again = submit(desk, bus)
    assert (again.code, again.out.split("\t")[:2]) == (0, ["o-1", "RUNNING"])
    assert "nothing was published" in again.err
    assert submit(desk, bus, "--on-conflict", "fail").code == 5
    assert submit(desk, bus, "--watch").code == 0
    ended = submit(desk, bus, "--watch", "-o", "jsonl")
    assert (ended.code, json.loads(ended.out)["outcome"]) == (5, "conflict")
    assert bus.calls == 1


def test_another_order_under_that_id_is_a_conflict_and_no_outcome_of_the_first(desk: Desk, bus: FakeBus) -> None:
    desk.executions.run("o-1", SUCCEEDED, input_json='{"order_id": "o-1", "product_id": "other"}')
    assert submit(desk, bus, "--watch").code == 5
    assert bus.calls == 0


def test_dry_run_publishes_nothing(desk: Desk, bus: FakeBus) -> None:
    assert submit(desk, bus, "--dry-run").code == 0
    assert bus.calls == 0


def test_express_is_not_reached_by_an_event(desk: Desk, bus: FakeBus) -> None:
    assert submit(desk, bus, "--express").code == 2
    assert ARN not in desk.executions.runs


# --- through the API ---------------------------------------------------------------------------------------


class Api:
    """`app.api("orders_api_url")` of a test."""

    def __init__(self, clock: Consumer) -> None:
        self.clock = clock
        self.sent = 0
        self.error: OrderctlError | None = None
        self.works = True

    def request(self, method: str, path: str, json_body: Mapping[str, object] | None = None) -> ApiAnswer:
        self.sent += 1
        if self.works:
            self.clock.bus.taken.append(Event("orders.api", "OrderCreated", "{}"))
        if self.error is not None:
            raise self.error
        return ApiAnswer(202, {}, '{"order_id": "o-1"}', "r-1", "the ID token", method, path)


@pytest.fixture
def api(consumer: Consumer) -> Api:
    return Api(consumer)


def submit_by_api(desk: Desk, api: Api, *flags: str) -> Outcome:
    app = desk.app()
    app.api = lambda resource, **_: api  # type: ignore[assignment, method-assign]
    return run(app, *ORDER, "--order-id", "o-1", "--via", "api", *flags)


def test_posted_it_is_accepted_and_not_waited_for(desk: Desk, api: Api) -> None:
    assert submit_by_api(desk, api) == Outcome(0, "o-1\taccepted\tr-1\n", "order o-1\n")


@pytest.mark.parametrize(("rows", "code"), [(SUCCEEDED, 0), (OUT_OF_STOCK, 8)])
def test_posted_and_watched_the_outcome_is_the_exit_code(
    desk: Desk, api: Api, consumer: Consumer, rows: list[object], code: int
) -> None:
    consumer.rows = rows  # type: ignore[assignment]
    assert submit_by_api(desk, api, "--watch").code == code
    assert api.sent == 1


def test_after_a_lost_reply_the_execution_is_found_and_watched_and_nothing_is_posted_again(
    desk: Desk, api: Api
) -> None:
    api.error = ReplyLostError("no whole answer")
    done = submit_by_api(desk, api, "--watch")
    assert (done.code, api.sent) == (0, 1)
    assert "the API's answer was lost; the order's execution is there" in done.err


def test_after_a_lost_reply_and_no_execution_nothing_is_posted_again(desk: Desk, api: Api) -> None:
    api.error, api.works = ReplyLostError("no whole answer"), False
    done = submit_by_api(desk, api, "--watch", "-o", "jsonl")
    assert (done.code, api.sent) == (1, 1)
    assert json.loads(done.out)["outcome"] == "failed"
    assert "it was not posted again" in done.err


def test_an_order_that_runs_is_attached_to_and_one_that_ended_is_a_conflict_and_neither_is_posted(
    desk: Desk, api: Api
) -> None:
    order = '{"order_id": "o-1", "product_id": "widget-1", "quantity": 2, "user_id": "ada"}'
    desk.executions.run("o-1", SUCCEEDED, input_json=order)
    attached = submit_by_api(desk, api)
    assert (attached.code, attached.out.split("\t")[:2]) == (0, ["o-1", "RUNNING"])
    assert submit_by_api(desk, api, "--on-conflict", "fail").code == 5
    desk.clock.advance(60)
    assert submit_by_api(desk, api).code == 5
    assert api.sent == 0


def test_an_execution_that_never_appears_after_the_api_took_it_points_at_the_dead_letters(desk: Desk, api: Api) -> None:
    api.works = False
    done = submit_by_api(desk, api, "--watch")
    assert done.code == 3
    assert "the API took it, but no execution appeared in 60s" in done.err


def test_a_dry_run_posts_nothing(desk: Desk, api: Api) -> None:
    assert submit_by_api(desk, api, "--dry-run").code == 0
    assert submit_by_api(desk, api, "--express").code == 2
    assert api.sent == 0


def test_after_a_lost_reply_who_may_not_look_is_told_that_it_may_be_on_its_way(desk: Desk, api: Api) -> None:
    """Exit 4 alone would read as if nothing had happened, and it would be posted again."""
    api.error = ReplyLostError("no whole answer")
    desk.executions.fail("describe", AuthError("not authorized"), times=9, after=1)
    done = submit_by_api(desk, api, "--watch")
    assert (done.code, api.sent) == (1, 1)
    assert "no execution could be seen (not authorized), and it was not posted again" in done.err
