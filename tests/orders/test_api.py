from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from orderctl.errors import AuthError, FailedError, OrderctlError, ThrottledError, UsageError
from orderctl.orders.api import LOOK_FOR, post
from orderctl.orders.names import named
from orderctl.orders.order import parse_order
from orderctl.users.ports import ApiAnswer, NotSentError, ReplyLostError
from tests.fakes.clock import FakeClock
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import SUCCEEDED

ORDER = parse_order({"order_id": "o-1", "user_id": "ann", "product_id": "w", "quantity": 2})
ARN = named(MACHINE, "o-1")


class Api:
    """The API of a test: what it answers is a function, and each request is kept."""

    def __init__(self, answer: Callable[[], ApiAnswer]) -> None:
        self.answer = answer
        self.sent: list[tuple[str, str, Mapping[str, object] | None]] = []

    def request(self, method: str, path: str, json_body: Mapping[str, object] | None = None) -> ApiAnswer:
        self.sent.append((method, path, json_body))
        return self.answer()


class Consumer(FakeClock):
    """Starts the execution some seconds after the request, or never."""

    def __init__(self, after: float | None) -> None:
        super().__init__()
        self.after = after
        self.executions = FakeExecutions(self)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.after is not None and self.elapsed >= self.after and not self.executions.runs:
            self.executions.run("o-1", SUCCEEDED)


def answered(status: int, body: str = '{"order_id": "o-1"}') -> Callable[[], ApiAnswer]:
    return lambda: ApiAnswer(status, {}, body, "r-1", "the ID token", "POST", "/orders")


def raising(error: OrderctlError) -> Callable[[], ApiAnswer]:
    def fail() -> ApiAnswer:
        raise error

    return fail


def submit(api: Api, consumer: Consumer) -> str:
    return post(api, consumer.executions, ORDER, ARN, consumer).status


def test_the_order_is_posted_as_it_is_and_the_answer_is_believed() -> None:
    api, consumer = Api(answered(202)), Consumer(None)
    assert submit(api, consumer) == "accepted"
    assert api.sent == [("POST", "/orders", {"order_id": "o-1", "user_id": "ann", "product_id": "w", "quantity": 2})]
    assert consumer.executions.calls == []


@pytest.mark.parametrize(
    "trouble", [raising(ReplyLostError("no whole answer")), answered(502, ""), answered(503, "{}")]
)
def test_after_a_lost_reply_the_execution_tells_and_nothing_is_posted_again(trouble: Callable[[], ApiAnswer]) -> None:
    api, consumer = Api(trouble), Consumer(4)
    assert submit(api, consumer) == "found"
    assert len(api.sent) == 1


@pytest.mark.parametrize("trouble", [raising(ReplyLostError("no whole answer")), answered(504, "")])
def test_where_no_execution_appears_it_is_not_known_and_not_posted_again(trouble: Callable[[], ApiAnswer]) -> None:
    api, consumer = Api(trouble), Consumer(None)
    with pytest.raises(FailedError, match="it was not posted again") as unknown:
        submit(api, consumer)
    assert "orderctl orders watch o-1" in (unknown.value.hint or "")
    assert (len(api.sent), consumer.elapsed) == (1, LOOK_FOR)


def test_throttling_while_looking_does_not_end_the_look() -> None:
    api, consumer = Api(raising(ReplyLostError("lost"))), Consumer(4)
    consumer.executions.fail("describe", ThrottledError("Rate exceeded"), times=3)
    assert submit(api, consumer) == "found"


def test_a_request_that_was_never_sent_is_just_that() -> None:
    api, consumer = Api(raising(NotSentError("cannot reach"))), Consumer(None)
    with pytest.raises(NotSentError):
        submit(api, consumer)
    assert consumer.executions.calls == []


@pytest.mark.parametrize(
    ("status", "kind"), [(400, UsageError), (401, AuthError), (403, AuthError), (429, ThrottledError)]
)
def test_a_refusal_is_told_and_nothing_is_looked_for(status: int, kind: type[OrderctlError]) -> None:
    api, consumer = Api(answered(status, '{"message": "no"}')), Consumer(None)
    with pytest.raises(kind):
        submit(api, consumer)
    assert (len(api.sent), consumer.executions.calls) == (1, [])


def test_an_api_that_calls_the_order_otherwise_is_not_watched_under_the_wrong_name() -> None:
    with pytest.raises(FailedError, match="calls it 'x-9'"):
        submit(Api(answered(202, '{"order_id": "x-9"}')), Consumer(None))
    with pytest.raises(FailedError, match="calls it None"):
        submit(Api(answered(200, "<html>")), Consumer(None))
