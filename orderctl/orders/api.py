"""Submitting through the API: POST /orders, sent once, and what is looked at where nobody answered.

The API only puts the order on the event bus; its consumer names the execution after the order. So an order that
has an execution already is never posted, and after a lost reply the execution is what tells whether the request
arrived. A POST is not repeated: the consumer would find the name taken, but analytics and mail would run twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from orderctl import jsontext
from orderctl.clock import Clock
from orderctl.errors import FailedError, NotFoundError, OrderctlError
from orderctl.orders.follow import NETWORK_TROUBLE
from orderctl.orders.models import DescribedExecution
from orderctl.orders.order import Order
from orderctl.orders.ports import Histories
from orderctl.users.api_errors import as_error
from orderctl.users.ports import ApiAnswer, NotSentError, ReplyLostError

LOOK_FOR = 30.0
"""Seconds the execution is looked for after a lost reply: the event bus, a cold start, one retry."""


class OrdersApi(Protocol):
    """The HTTP API in front of the workflow."""

    def request(self, method: str, path: str, json_body: Mapping[str, object] | None = None) -> ApiAnswer:
        """One request, sent once. Raises ReplyLostError, NotSentError, AuthError or RefusedError."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of the POST: `accepted` by an answer, or `found` where the answer was lost."""

    order_id: str
    status: str
    request_id: str | None = None


def existing(histories: Histories, execution_arn: str) -> DescribedExecution | None:
    """The order's execution, if there is one."""
    try:
        return histories.describe(execution_arn)
    except NotFoundError:
        return None


def post(api: OrdersApi, histories: Histories, order: Order, execution_arn: str, clock: Clock) -> Posted:
    """Post the order, which must have no execution yet.

    Raises what the API's answer means, NotSentError where nothing was sent, and FailedError where it is not
    known whether the order was taken.
    """
    try:
        answer = api.request("POST", "/orders", order.document)
    except NotSentError:
        raise
    except ReplyLostError as lost:
        return _look_for(histories, order, execution_arn, clock, lost)
    if answer.status >= 500:
        return _look_for(histories, order, execution_arn, clock, as_error(answer, f"order {order.order_id}"))
    if answer.status >= 300:
        raise _refused(answer, order)
    _check_answer(answer, order)
    return Posted(order.order_id, "accepted", answer.request_id)


def _look_for(histories: Histories, order: Order, execution_arn: str, clock: Clock, reason: OrderctlError) -> Posted:
    deadline, trouble = clock.monotonic() + LOOK_FOR, ""
    while True:
        try:
            if existing(histories, execution_arn) is not None:
                return Posted(order.order_id, "found")
        except OrderctlError as error:
            if error.code not in ("throttled", *NETWORK_TROUBLE):
                trouble = f" could be seen ({error.message})"
        if trouble or clock.monotonic() >= deadline:
            raise FailedError(
                f"order {order.order_id}: {reason.message}; no execution"
                + (trouble or f" appeared in {LOOK_FOR:.0f}s")
                + ", and it was not posted again",
                hint=f"it may still come: orderctl orders watch {order.order_id}, before it is submitted again"
                + (f"; {reason.hint}" if reason.aws and reason.hint else ""),
                aws=reason.aws,
            ) from reason
        clock.sleep(1.0)


def _refused(answer: ApiAnswer, order: Order) -> OrderctlError:
    error = as_error(answer, f"order {order.order_id}")
    if answer.status in (403, 404) or 300 <= answer.status < 400:
        error.hint = "check resources.orders_api_url, its stage included"
    elif error.hint and "users" in error.hint:
        error.hint = None
    return error


def _check_answer(answer: ApiAnswer, order: Order) -> None:
    """An API that gave the order another id would leave us watching the wrong one."""
    try:
        said = jsontext.loads(answer.body_text, source="the API's answer")
    except OrderctlError:
        said = None
    told = said.get("order_id") if isinstance(said, dict) else None
    if told != order.order_id:
        raise FailedError(
            f"order {order.order_id}: the API took something, and calls it {told!r}",
            hint=f"check orders_api_url; request {answer.request_id or 'unknown'}",
        )
