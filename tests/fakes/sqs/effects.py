"""What can happen to a call instead of its plain answer; the rules of `faults.py` say to which calls.

Every function here makes an `Effect`. Error codes are those each service answers with.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

from tests.fakes.sqs.errors import AwsError, Json
from tests.fakes.sqs.faults import Call, Cut, Effect, Proceed
from tests.fakes.sqs.waiting import AnyClock, pass_time

ACTION_PREFIX = {"stepfunctions": "states"}
ACTION_NAME = {"Invoke": "InvokeFunction"}


def before(error: Exception | None = None) -> Effect:
    """Nothing happens; the caller gets `error` (connection refused when none is given)."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        raise error or Cut("refused")

    return effect


def server_error(code: str = "InternalFailure", status: int = 500) -> Effect:
    """Nothing happens; AWS answers that it failed itself."""
    return before(AwsError(code, "We encountered an internal error. Please try again.", status, sender_fault=False))


def reply_lost(how: str = "closed") -> Effect:
    """It takes effect, then the connection is cut: `closed`, or `timeout` for a read timeout."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        proceed(call)
        raise Cut(how)

    return effect


def throttle(code: str | None = None) -> Effect:
    """Nothing happens; the service's own throttling error, or the given code."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        raise throttled(call.service, code)

    return effect


def throttled(service: str, code: str | None = None) -> AwsError:
    if service == "lambda":
        extra = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}
        return AwsError(code or "TooManyRequestsException", "Rate Exceeded.", 429, extra=extra)
    default = {"sqs": "RequestThrottled", "sns": "Throttling"}.get(service, "ThrottlingException")
    return AwsError(code or default, "Rate exceeded", 400)


def expired_credentials() -> Effect:
    """ExpiredToken (403) from SQS and the query services, ExpiredTokenException from the others."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        message = "The security token included in the request is expired"
        if call.service in ("sqs", "sns", "sts"):
            raise AwsError("ExpiredToken", message, 403, shape="ExpiredTokenException")
        raise AwsError("ExpiredTokenException", message, 403 if call.service == "lambda" else 400)

    return effect


def access_denied() -> Effect:
    """The caller lacks the permission: AccessDenied (403) from SQS, AccessDeniedException from the JSON services."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        raise denied(call.service, call.operation)

    return effect


def denied(service: str, operation: str) -> AwsError:
    user = "arn:aws:sts::123456789012:assumed-role/oncall/session"
    action = f"{ACTION_PREFIX.get(service, service)}:{ACTION_NAME.get(operation, operation)}"
    message = f"User: {user} is not authorized to perform: {action} because no identity-based policy allows the action"
    if service == "sqs":
        return AwsError("AccessDenied", message, 403, shape="AccessDeniedException")
    if service in ("sns", "sts"):
        return AwsError("AuthorizationError" if service == "sns" else "AccessDenied", message, 403)
    return AwsError("AccessDeniedException", message, 403 if service == "lambda" else 400)


def false_empty() -> Effect:
    """A receive that finds nothing though there is something; a long one takes its whole wait for it."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        pass_time(clock, call.params.get("WaitTimeSeconds") or 0)
        return {}

    return effect


def delay(seconds: float) -> Effect:
    """The call is slow: the clock moves on before it takes effect, so timeouts may have passed by the answer."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        pass_time(clock, seconds)
        return proceed(call)

    return effect


def answer_late(seconds: float) -> Effect:
    """The call takes effect at once, its answer arrives that much later."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        answer = proceed(call)
        pass_time(clock, seconds)
        return answer

    return effect


def barrier(before: Callable[[Call], object] | None = None, after: Callable[[Call], object] | None = None) -> Effect:
    """Call back before or after the call took effect, before its answer leaves; over HTTP it may kill the child."""

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        if before is not None:
            before(call)
        answer = proceed(call)
        if after is not None:
            after(call)
        return answer

    return effect


def entries_fail(
    which: Collection[int] | float | Callable[[Json], bool],
    code: str = "InternalError",
    *,
    sender_fault: bool = False,
    seed: int = 0,
) -> Effect:
    """These entries of a batch are not applied and come back failed; the others are done.

    `which` is the places in the batch, a fraction (seeded, each entry on its own) or a predicate over the entry.
    """
    dice = random.Random(seed)

    def fails(place: int, entry: Json) -> bool:
        if callable(which):
            return which(entry)
        if isinstance(which, float | int):
            return dice.random() < which
        return place in which

    def effect(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        key = next(name for name in ("Entries", "PublishBatchRequestEntries") if name in call.params)
        entries = call.params[key]
        failing = {place for place, entry in enumerate(entries) if fails(place, entry)}
        kept = [entry for place, entry in enumerate(entries) if place not in failing]
        answer = proceed(call._replace(params={**call.params, key: kept})) if kept else {}
        if call.operation == "PutEvents":
            return _put_events_answer(answer, len(entries), failing, code)
        failed = [
            {"Id": entries[place]["Id"], "Code": code, "Message": "The entry failed.", "SenderFault": sender_fault}
            for place in sorted(failing)
        ]
        merged = [*answer.get("Failed", []), *failed]
        return {**answer, "Failed": merged} if merged else answer

    return effect


def _put_events_answer(answer: Json, count: int, failing: set[int], code: str) -> Json:
    """PutEvents answers by place: the failed ones carry ErrorCode and ErrorMessage instead of an EventId."""
    done = iter(answer.get("Entries", []))
    failure = {"ErrorCode": code, "ErrorMessage": "The entry failed."}
    entries = [dict(failure) if place in failing else next(done) for place in range(count)]
    return {"FailedEntryCount": answer.get("FailedEntryCount", 0) + len(failing), "Entries": entries}
