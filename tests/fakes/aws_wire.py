"""AWS at the wire: real boto3 clients talk to it, and everything behind it is a fake with a memory and a clock.

Nothing of botocore is replaced but the socket. A request is serialised by botocore, decoded here by the service's own
model, run through the scripted faults, done by the fake service, encoded and parsed by botocore again. So a test sees
exactly what the code would see of AWS: error codes and shapes, missing keys, base64, retries.

    aws = FakeAws()
    queue = aws.sqs.create("orders-dlq")
    aws.sqs.seed(queue, "order-1")
    aws.faults.on("DeleteMessageBatch", reply_lost(), nth=1)
    client = aws.client("sqs")                 # a real client, answered in-process
    with aws.serve() as url: ...               # or over HTTP, for a child process with AWS_ENDPOINT_URL=url

Why two ways in: in-process is fast and single-threaded where the test is; HTTP lets a test kill the client.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from tests.fakes.clock import FakeClock
from tests.fakes.eventbridge import FakeEventBridge, FakeScheduler
from tests.fakes.lambda_ import FakeLambda
from tests.fakes.sns import FakeSns
from tests.fakes.sqs import SqsServer, protocols, query, rest
from tests.fakes.sqs.binding import bind_events, new_session
from tests.fakes.sqs.errors import AwsError, Json, unknown_operation
from tests.fakes.sqs.faults import Call, Faults
from tests.fakes.sqs.http import serve_http
from tests.fakes.sqs.ledger import Ledger
from tests.fakes.sqs.protocols import Answer, Request
from tests.fakes.sqs.waiting import AnyClock
from tests.fakes.states import FakeStates

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from orderctl.aws.direct import Direct

READS = ("Get", "List", "Describe", "Test")
LOOKS = ("ReceiveMessage", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch")


NOWHERE = "https://sqs.ap-northeast-1.amazonaws.com/123456789012/no-such-queue"


class Backend(Protocol):
    """A fake service: does one operation, raises AwsError."""

    def call(self, operation: str, params: Json) -> Json: ...


class FakeSts:
    """Who am I: the account and a role."""

    def __init__(self, account: str) -> None:
        self.account = account

    def call(self, operation: str, params: Json) -> Json:
        if operation != "GetCallerIdentity":
            raise unknown_operation(operation)
        arn = f"arn:aws:sts::{self.account}:assumed-role/oncall/session"
        return {"UserId": "AROAFAKE:session", "Account": self.account, "Arn": arn}


class FakeAws:
    """One account in one Region. `calls` lists every request that arrived, also the ones a fault stopped."""

    def __init__(
        self,
        clock: AnyClock | None = None,
        region: str = "ap-northeast-1",
        account: str = "123456789012",
    ) -> None:
        self.clock: AnyClock = clock or FakeClock()
        self.region, self.account = region, account
        self.calls: list[Call] = []
        self.faults = Faults(self.clock)
        self.sqs = SqsServer(self.clock, region, account)
        self.ledger: Ledger = self.sqs.ledger
        self.lambda_ = FakeLambda(self.clock, region, account, self.ledger)
        self.sns = FakeSns(self.clock, region, account, self.ledger)
        self.events = FakeEventBridge(self.clock, region, account)
        self.scheduler = FakeScheduler(self.clock, region, account)
        self.states = FakeStates(self.clock, region, account, self.ledger)
        self.services: dict[str, Backend] = {
            "sqs": self.sqs,
            "lambda": self.lambda_,
            "sns": self.sns,
            "events": self.events,
            "stepfunctions": self.states,
            "scheduler": self.scheduler,
            "sts": FakeSts(account),
        }
        self._lock = threading.Lock()
        self._session: Any = None

    # -- what tests look at

    def count(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.calls)

    def calls_of(self, operation: str) -> list[Json]:
        """The parameters of every call of one operation, in order."""
        return [call.params for call in self.calls if call.operation == operation]

    def writes(self) -> list[Call]:
        """Calls that change something; receiving and giving back (a peek) are not among them."""
        return [call for call in self.calls if not call.operation.startswith(READS) and call.operation not in LOOKS]

    # -- clients

    def session(self) -> Any:
        """A boto3 session whose clients are all answered here; dummy credentials."""
        if self._session is None:
            self._session = new_session(self.region)
            bind(self._session, self)
        return self._session

    def client(self, service: str, *, attempts: int = 1, **config: Any) -> Any:
        """A real boto3 client; `attempts` above 1 turns botocore's standard retries on (they really sleep)."""
        from botocore.config import Config

        made = Config(retries={"mode": "standard", "total_max_attempts": attempts}, **config)
        return self.session().client(service, config=made)

    def direct(self, *, attempts: int = 1) -> Direct:
        """The client for SQS as orderctl makes it; its hot calls go the short way from the first one on.

        It has to have seen each of them go the ordinary way: to a queue that is not there, before any fault is set.
        """
        from orderctl.aws.direct import HOT, Direct

        session = self.session()
        client = self.client("sqs", attempts=attempts)
        made = Direct(client, session.get_credentials().get_frozen_credentials, repeats=attempts > 1)
        batch = {"Entries": [{"Id": "0", "MessageBody": "-", "ReceiptHandle": "-"}]}
        with self._lock:
            before = len(self.calls)
        for name, operation in HOT.items():
            shape = client.meta.service_model.operation_model(operation).input_shape
            more = batch if "Entries" in shape.members else {}
            entry = shape.members["Entries"].member.members if more else {}
            entries = [{key: value for key, value in each.items() if key in entry} for each in more.get("Entries", ())]
            with contextlib.suppress(client.exceptions.ClientError):
                getattr(made, name)(QueueUrl=NOWHERE, **({"Entries": entries} if more else {}))
        with self._lock:
            del self.calls[before:]
        return made

    def serve(self) -> contextlib.AbstractContextManager[str]:
        """The same over HTTP: `with aws.serve() as url`."""
        return serve(self)

    # -- the way of a request

    def do(self, call: Call) -> Json:
        """Record the call, run it through the faults, do it."""
        with self._lock:
            self.calls.append(call)
        return self.faults.run(call, lambda each: self.services[each.service].call(each.operation, each.params))

    def answer(self, request: Request) -> Answer:
        """A request to an answer; `Cut` when the connection is to break."""
        target = request.headers.get("x-amz-target", "")
        if target:
            prefix, _, name = target.partition(".")
            return self._json(self._named("json", targetPrefix=prefix), name, request)
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return self._query(dict(parse_qsl(request.body.decode(), keep_blank_values=True)))
        return self._rest(request)

    def _named(self, protocol: str, **metadata: str) -> str:
        """The service whose model says so; add one to `services` and it is spoken."""
        ((key, value),) = metadata.items()
        for service in self.services:
            model = protocols.model(service)
            if model.resolved_protocol == protocol and model.metadata.get(key) == value:
                return service
        raise LookupError(f"no fake service with {key} {value}")

    def _json(self, service: str, name: str, request: Request) -> Answer:
        operation = protocols.model(service).operation_model(name)
        params = protocols.decode(operation.input_shape, json.loads(request.body or b"{}"))
        return self._answered(
            Call(service, name, params or {}),
            lambda result: protocols.json_answer(operation, result),
            lambda error: protocols.json_error(service, error),
        )

    def _query(self, form: dict[str, str]) -> Answer:
        service = self._named("query", apiVersion=form["Version"])
        operation = protocols.model(service).operation_model(form["Action"])
        params = query.query_params(operation.input_shape, form) or {}
        return self._answered(
            Call(service, operation.name, params),
            lambda result: query.query_answer(operation, result),
            query.query_error,
        )

    def _rest(self, request: Request) -> Answer:
        service, operation, uri = self._route(request)
        params = rest.rest_params(operation, request, uri)
        return self._answered(
            Call(service, operation.name, params),
            lambda result: rest.rest_answer(operation, result),
            rest.rest_error,
        )

    def _route(self, request: Request) -> tuple[str, OperationModel, dict[str, str]]:
        for service in self.services:
            if protocols.model(service).resolved_protocol == "rest-json":
                found = rest.rest_operation(service, request)
                if found is not None:
                    return service, *found
        raise LookupError(f"no operation for {request.method} {request.url}")

    def _answered(self, call: Call, encode: Callable[[Json], Answer], refuse: Callable[[AwsError], Answer]) -> Answer:
        try:
            return encode(self.do(call))
        except AwsError as error:
            return refuse(error)


def bind(session_or_client: Any, server: FakeAws) -> None:
    """Answer every request of a boto3 session (clients made after this) or of one client in-process."""
    bind_events(session_or_client, server.answer, server.clock)


def serve(server: FakeAws) -> contextlib.AbstractContextManager[str]:
    """Serve on 127.0.0.1 at a free port until the block ends; gives the endpoint URL."""
    return serve_http(server.answer)
