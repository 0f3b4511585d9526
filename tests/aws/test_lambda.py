"""The Lambda adapter against a fake Lambda at the wire."""

from __future__ import annotations

import pytest

from orderctl.aws.lambda_ import LambdaFunctions
from orderctl.dlq.models import NotSent, Sent, ToFunction, Unknown
from orderctl.errors import AuthError, NotFoundError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.lambda_ import Invocation
from tests.fakes.sqs.effects import access_denied, before, expired_credentials, reply_lost, server_error, throttle
from tests.fakes.sqs.errors import AwsError, Json
from tests.fakes.sqs.faults import Call, Effect, Proceed
from tests.fakes.sqs.protocols import REQUEST_ID
from tests.fakes.sqs.waiting import AnyClock

FUNCTION = "arn:aws:lambda:ap-northeast-1:123456789012:function:process-order"
QUEUE = "arn:aws:sqs:ap-northeast-1:123456789012:failures"


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws(FakeClock())
    function = aws.lambda_.create("process-order", dead_letter_arn=QUEUE)
    function.versions.append("7")
    function.aliases["live"] = "7"
    return aws


def adapter(aws: FakeAws, attempts: int = 1) -> LambdaFunctions:
    return LambdaFunctions(aws.client("lambda", attempts=attempts), aws.client("lambda"), aws.clock)


# --- invoking -------------------------------------------------------------------------------------------------


def test_an_invoke_queues_the_very_bytes(aws: FakeAws) -> None:
    payload = b'{"price": 1.10, "id": 12345678901234567890}'
    assert adapter(aws).invoke(ToFunction(FUNCTION, payload)) == Sent(REQUEST_ID)
    assert aws.lambda_.invocations == [Invocation("process-order", None, payload, "Event")]


@pytest.mark.parametrize("qualifier", ["$LATEST", "7", "live"])
def test_the_qualifier_goes_beside_the_function(aws: FakeAws, qualifier: str) -> None:
    adapter(aws).invoke(ToFunction(f"{FUNCTION}:{qualifier}", b"{}"))
    [call] = aws.calls_of("Invoke")
    assert (call["FunctionName"], call["Qualifier"]) == (FUNCTION, qualifier)
    assert [each.qualifier for each in aws.lambda_.invocations] == [qualifier]


def test_a_throttled_invoke_may_be_tried_again(aws: FakeAws) -> None:
    aws.faults.on("Invoke", throttle())
    outcome = adapter(aws, attempts=4).invoke(ToFunction(FUNCTION, b"{}"))
    assert outcome == NotSent("Rate Exceeded. (lambda Invoke: TooManyRequestsException)", is_retryable=True)
    assert aws.count("Invoke") == 1


def test_the_largest_payload_is_sent_and_one_byte_more_is_not(aws: FakeAws) -> None:
    assert isinstance(adapter(aws).invoke(ToFunction(FUNCTION, b" " * 1_048_576)), Sent)
    outcome = adapter(aws).invoke(ToFunction(FUNCTION, b" " * 1_048_577))
    assert outcome == NotSent("the payload has 1048577 bytes, an asynchronous invoke takes 1048576")
    assert aws.count("Invoke") == 1


def test_a_payload_the_service_finds_too_large_is_not_sent(aws: FakeAws) -> None:
    aws.faults.on("Invoke", before(AwsError("RequestTooLargeException", "over the limit", 413)))
    outcome = adapter(aws).invoke(ToFunction(FUNCTION, b"{}"))
    assert outcome == NotSent("over the limit (lambda Invoke: RequestTooLargeException)")


@pytest.mark.parametrize("fault", [expired_credentials(), access_denied()])
def test_credentials_and_permission_are_fatal(aws: FakeAws, fault: Effect) -> None:
    aws.faults.on("Invoke", fault)
    outcome = adapter(aws).invoke(ToFunction(FUNCTION, b"{}"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_fatal
    assert not outcome.is_retryable


def test_a_function_that_is_gone_is_fatal(aws: FakeAws) -> None:
    outcome = adapter(aws).invoke(ToFunction(f"{FUNCTION}:gone", b"{}"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_fatal
    assert "Function not found" in outcome.reason


@pytest.mark.parametrize("fault", [reply_lost(), reply_lost("timeout"), server_error("ServiceException")])
def test_without_an_answer_the_invoke_is_unknown_and_was_made_at_most_once(aws: FakeAws, fault: Effect) -> None:
    aws.faults.on("Invoke", fault)
    assert isinstance(adapter(aws, attempts=4).invoke(ToFunction(FUNCTION, b"{}")), Unknown)
    assert aws.count("Invoke") == 1


def test_where_no_connection_was_made_nothing_was_sent_and_it_may_be_tried_again(aws: FakeAws) -> None:
    aws.faults.on("Invoke", before())
    outcome = adapter(aws).invoke(ToFunction(FUNCTION, b"{}"))
    assert isinstance(outcome, NotSent)
    assert outcome.is_retryable


def test_an_answer_that_is_no_202_is_unknown(aws: FakeAws) -> None:
    def other(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        return {"StatusCode": 200}

    aws.faults.on("Invoke", other)
    assert adapter(aws).invoke(ToFunction(FUNCTION, b"{}")) == Unknown("Lambda answered 200 instead of 202")


def test_who_reads_a_queue_and_whether_it_does_now(aws: FakeAws) -> None:
    function = aws.lambda_.create("reader")
    aws.lambda_.map_queue(QUEUE, function)
    aws.lambda_.map_queue(QUEUE, function, State="Disabled")
    aws.lambda_.map_queue(f"{QUEUE}-other", function)
    assert adapter(aws).readers(QUEUE) == [(function.arn, True), (function.arn, False)]


# --- wiring ---------------------------------------------------------------------------------------------------


def test_dead_letter_queues_are_found_over_pages(aws: FakeAws) -> None:
    aws.lambda_.page_size = 2
    for number in range(5):
        aws.lambda_.create(f"f-{number}", dead_letter_arn=QUEUE if number % 2 else None)
    found = list(adapter(aws).dead_letter_wires())
    names = [arn.rsplit(":", 1)[-1] for arn, _ in found]
    assert names == ["f-1", "f-3", "process-order"]
    assert {queue for _, queue in found} == {QUEUE}


def test_destinations_are_found_on_the_function_its_versions_and_aliases(aws: FakeAws) -> None:
    aws.lambda_.page_size = 2
    function = aws.lambda_.functions["process-order"]
    for qualifier in ("$LATEST", "7", "live"):
        function.on_failure(QUEUE, qualifier)
    function.invoke_configs["live"]["DestinationConfig"]["OnSuccess"] = {"Destination": f"{QUEUE}-success"}
    for number in range(5):
        aws.lambda_.create(f"f-{number}")
    assert sorted(adapter(aws).destinations()) == [
        (f"{FUNCTION}:$LATEST", "OnFailure", QUEUE),
        (f"{FUNCTION}:7", "OnFailure", QUEUE),
        (f"{FUNCTION}:live", "OnFailure", QUEUE),
        (f"{FUNCTION}:live", "OnSuccess", f"{QUEUE}-success"),
    ]


def test_a_configuration_without_a_destination_is_none(aws: FakeAws) -> None:
    aws.lambda_.functions["process-order"].invoke_configs["$LATEST"] = {"MaximumRetryAttempts": 0}
    aws.lambda_.functions["process-order"].invoke_configs["7"] = {"DestinationConfig": {"OnFailure": {}}}
    assert list(adapter(aws).destinations()) == []


def test_an_unqualified_configuration_is_that_of_latest(aws: FakeAws) -> None:
    """As an emulator answers; AWS itself says `:$LATEST`."""

    def unqualified(call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        config = {"FunctionArn": FUNCTION, "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}
        return {"FunctionEventInvokeConfigs": [config]}

    aws.faults.on("ListFunctionEventInvokeConfigs", unqualified)
    assert list(adapter(aws).destinations()) == [(f"{FUNCTION}:$LATEST", "OnFailure", QUEUE)]


def test_one_denied_function_is_told_after_the_others(aws: FakeAws) -> None:
    for name in ("a", "b", "c"):
        aws.lambda_.create(name).on_failure(QUEUE)
    aws.faults.on(
        "ListFunctionEventInvokeConfigs", access_denied(), when=lambda call: call.params["FunctionName"].endswith(":b")
    )
    found: list[str] = []
    names = (arn.split(":")[-2] for arn, _, _ in adapter(aws).destinations())
    with pytest.raises(AuthError, match="not authorized to perform: lambda:ListFunctionEventInvokeConfigs") as caught:
        found.extend(names)
    assert sorted(found) == ["a", "c"]
    assert caught.value.hint == "the credentials need lambda:ListFunctionEventInvokeConfigs"


def test_several_denied_functions_are_counted(aws: FakeAws) -> None:
    for name in ("a", "b"):
        aws.lambda_.create(name)
    aws.faults.on("ListFunctionEventInvokeConfigs", access_denied())
    with pytest.raises(AuthError, match=r"\(and 2 more\)$"):
        list(adapter(aws).destinations())


def test_expired_credentials_end_the_search_at_once(aws: FakeAws) -> None:
    for number in range(100):
        aws.lambda_.create(f"f-{number}")
    aws.faults.on("ListFunctionEventInvokeConfigs", expired_credentials())
    with pytest.raises(AuthError, match="expired"):
        list(adapter(aws).destinations())
    assert aws.count("ListFunctionEventInvokeConfigs") < 20


def test_a_throttled_look_is_repeated_until_it_works(aws: FakeAws) -> None:
    aws.lambda_.functions["process-order"].on_failure(QUEUE)
    aws.faults.on("ListFunctionEventInvokeConfigs", throttle(), nth=(1, 2, 3))
    assert list(adapter(aws).destinations()) == [(f"{FUNCTION}:$LATEST", "OnFailure", QUEUE)]


def test_stream_mappings_with_a_destination_are_found_over_pages(aws: FakeAws) -> None:
    aws.lambda_.page_size = 1
    stream = "arn:aws:dynamodb:ap-northeast-1:123456789012:table/orders/stream/2026-11-22T00:00:00.000"
    function = aws.lambda_.functions["process-order"]
    aws.lambda_.map_queue(QUEUE, function)
    aws.lambda_.map_queue(stream, function, DestinationConfig={"OnFailure": {"Destination": QUEUE}})
    aws.lambda_.map_queue(stream, function, DestinationConfig={"OnFailure": {}})
    assert list(adapter(aws).stream_destinations()) == [("mapping-1", stream, QUEUE)]


@pytest.mark.parametrize("reserved", [None, 0, 5])
def test_reserved_concurrency_is_the_functions_whatever_the_qualifier(aws: FakeAws, reserved: int | None) -> None:
    aws.lambda_.functions["process-order"].reserved_concurrency = reserved
    assert adapter(aws).reserved_concurrency(f"{FUNCTION}:live") == reserved
    assert aws.calls_of("GetFunctionConcurrency") == [{"FunctionName": FUNCTION}]


def test_a_function_is_checked_with_its_qualifier(aws: FakeAws) -> None:
    adapter(aws).check(f"{FUNCTION}:live")
    with pytest.raises(NotFoundError, match=f"function {FUNCTION}:gone: Function not found"):
        adapter(aws).check(f"{FUNCTION}:gone")
    assert not aws.writes()


def test_a_function_that_may_not_be_looked_at_is_an_auth_error(aws: FakeAws) -> None:
    aws.faults.on("GetFunctionConfiguration", access_denied())
    with pytest.raises(AuthError, match="GetFunctionConfiguration"):
        adapter(aws).check(FUNCTION)


# --- pausing ----------------------------------------------------------------------------------------------------


class Switchboard:
    """The mappings of the fake with a switch; a change is in force two looks after it was made, as on AWS."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws, self.pending = aws, 0
        self.switched: list[tuple[str, bool]] = []
        aws.faults.on("UpdateEventSourceMapping", self.update)
        aws.faults.on("GetEventSourceMapping", self.get)

    def update(self, call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        self.switched.append((call.params["UUID"], call.params["Enabled"]))
        self.pending = 2
        return {"UUID": call.params["UUID"], "State": "Updating"}

    def get(self, call: Call, proceed: Proceed, clock: AnyClock) -> Json:
        self.pending -= 1
        state = "Enabled" if self.switched[-1][1] else "Disabled"
        return {"UUID": call.params["UUID"], "State": "Updating" if self.pending else state}


def test_a_queues_enabled_consumers_are_paused_and_enabled_again(aws: FakeAws) -> None:
    function = aws.lambda_.functions["process-order"]
    mine = "14e0db71-5d35-4eb5-b481-8945cf9d10c2"
    aws.lambda_.map_queue(QUEUE, function, UUID=mine)
    aws.lambda_.map_queue(QUEUE, function, State="Disabled")
    aws.lambda_.map_queue(f"{QUEUE}-other", function)
    board = Switchboard(aws)
    with adapter(aws).paused(QUEUE):
        assert board.switched == [(mine, False)]
        assert board.pending == 0
    assert board.switched == [(mine, False), (mine, True)]


def test_consumers_are_enabled_again_after_an_error(aws: FakeAws) -> None:
    mine = "14e0db71-5d35-4eb5-b481-8945cf9d10c2"
    aws.lambda_.map_queue(QUEUE, aws.lambda_.functions["process-order"], UUID=mine)
    board = Switchboard(aws)

    def drill() -> None:
        with adapter(aws).paused(QUEUE):
            raise KeyError

    with pytest.raises(KeyError):
        drill()
    assert board.switched[-1] == (mine, True)


def test_a_queue_without_consumers_has_none_to_pause(aws: FakeAws) -> None:
    with adapter(aws).paused(QUEUE):
        pass
    assert not aws.writes()
