"""The reference stack on a real emulator, from packaging to a redriven dead letter, over the wire."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config

from orderctl.aws.overlay import AwsOverlayApis
from orderctl.aws.session import Aws
from orderctl.config.file import ConfigFile
from orderctl.config.resolve import resolve
from orderctl.stack import overlay
from orderctl.stack.package import build

pytestmark = pytest.mark.end_to_end

REGION = "eu-central-1"
PASSWORD = "Only-for-tests-1"
STACK = "orders"
STOCK = 100


@dataclass(frozen=True)
class Deployed:
    """The stack as it stands, its outputs, and somebody signed in."""

    endpoint: str
    outputs: Mapping[str, str]
    id_token: str
    access_token: str

    def client(self, service: str) -> Any:
        return client(self.endpoint, service)

    def users(self, method: str, path: str, body: object = None, token: str | None = None) -> tuple[int, Any]:
        return self._call(self.outputs["UsersApiUrl"], method, path, body, self.id_token if token is None else token)

    def orders(self, path: str, body: object, token: str | None = None) -> tuple[int, Any]:
        bearer = f"Bearer {self.access_token}" if token is None else token
        return self._call(self.outputs["OrdersApiUrl"], "POST", path, body, bearer)

    def ended(self, order_id: str) -> dict[str, Any]:
        """The order's execution once it is over."""
        arn = self.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{order_id}"
        workflows = self.client("stepfunctions")

        def over() -> dict[str, Any] | None:
            try:
                seen: dict[str, Any] = workflows.describe_execution(executionArn=arn)
            except workflows.exceptions.ExecutionDoesNotExist:
                return None
            return seen if seen["status"] != "RUNNING" else None

        return eventually(over)

    def started(self, order: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
        """The order started without the API, and its execution once it is over."""
        name = name or order["order_id"]
        self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["StateMachineArn"], name=name, input=json.dumps(order)
        )
        return self.ended(name)

    def publish(self, detail: object) -> str:
        entry = {
            "EventBusName": self.outputs["EventBusName"],
            "Source": "orders.api",
            "DetailType": "OrderCreated",
            "Detail": json.dumps(detail),
        }
        return str(self.client("events").put_events(Entries=[entry])["Entries"][0]["EventId"])

    def record_of(self, queue: str, event_id: str) -> dict[str, Any]:
        """The failure of the event, once it lies in the queue; it is taken from there."""
        sqs = self.client("sqs")

        def there() -> dict[str, Any] | None:
            found = sqs.receive_message(
                QueueUrl=self.outputs[queue], MaxNumberOfMessages=10, VisibilityTimeout=2, WaitTimeSeconds=1
            )
            for message in found.get("Messages", []):
                record: dict[str, Any] = json.loads(message["Body"])
                if record["requestPayload"]["id"] == event_id:
                    sqs.delete_message(QueueUrl=self.outputs[queue], ReceiptHandle=message["ReceiptHandle"])
                    return record
            return None

        return eventually(there)

    def stock(self, product_id: str) -> int:
        key = {"product_id": {"S": product_id}}
        item = self.client("dynamodb").get_item(TableName=self.outputs["InventoryTableName"], Key=key)["Item"]
        return int(item["quantity"]["N"])

    def _call(self, url: str, method: str, path: str, body: object, token: str) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", **({"Authorization": token} if token else {})}
        sent = None if body is None else body if isinstance(body, str) else json.dumps(body)
        with urllib3.PoolManager() as http:
            answer = http.request(method, url + path, body=sent, headers=headers, retries=False, timeout=35.0)
            return answer.status, json.loads(answer.data)


def eventually(look: Callable[[], dict[str, Any] | None], seconds: float = 25.0) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (seen := look()) is not None:
            return seen
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def client(endpoint: str, service: str) -> Any:
    return boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=REGION).client(
        service, endpoint_url=endpoint, config=Config(inject_host_prefix=False)
    )


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("emulator")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=environment(folder, port), stdout=log, stderr=log
        )
        try:
            wait_until_ready(server, port, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def environment(folder: Path, port: int) -> dict[str, str]:
    for name in ("tmp", "state", "s3"):
        (folder / name).mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
        "LAMBDA_ASYNC_RETRY_MAX_SECONDS": "0.5",
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "PERSIST_STATE": "0",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
    }


def wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError(f"the emulator did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def stack(endpoint: str) -> Deployed:
    outputs = deploy(endpoint)
    aws = Aws(resolve("local", {}, {}, ConfigFile(Path(), True, "local", {"local": settings(endpoint)})), {})
    assert len(list(overlay.apply(AwsOverlayApis(aws), outputs))) == 5
    assert len(list(overlay.apply(AwsOverlayApis(aws), outputs))) == 5  # safe to repeat
    client(endpoint, "dynamodb").put_item(
        TableName=outputs["InventoryTableName"], Item={"product_id": {"S": "widget"}, "quantity": {"N": str(STOCK)}}
    )
    return Deployed(endpoint, outputs, *sign_in(endpoint, outputs))


def settings(endpoint: str) -> dict[str, object]:
    return {"local": True, "region": REGION, "endpoint_url": endpoint}


def deploy(endpoint: str) -> dict[str, str]:
    package = build(local=True).placed("artifacts", "orders/")
    storage, stacks = client(endpoint, "s3"), client(endpoint, "cloudformation")
    storage.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    for artifact in package.artifacts:
        storage.put_object(Bucket="artifacts", Key=f"orders/{artifact.key}", Body=artifact.body)
    parameters = {**package.parameters, **overlay.parameters(endpoint)}
    change_set = stacks.create_change_set(
        StackName=STACK,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=package.template,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )["Id"]
    stacks.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set, WaiterConfig={"Delay": 1})
    stacks.execute_change_set(ChangeSetName=change_set)
    stacks.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    outputs = stacks.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def sign_in(endpoint: str, outputs: Mapping[str, str]) -> tuple[str, str]:
    pool = client(endpoint, "cognito-idp")
    who = {"UserPoolId": outputs["UserPoolId"], "Username": "tester"}
    pool.admin_create_user(**who, MessageAction="SUPPRESS")
    pool.admin_set_user_password(**who, Password=PASSWORD, Permanent=True)
    tokens = pool.initiate_auth(
        ClientId=outputs["UserPoolClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "tester", "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    return tokens["IdToken"], tokens["AccessToken"]


def an_order(order_id: str, **fields: object) -> dict[str, Any]:
    return {"order_id": order_id, "user_id": "ada", "product_id": "widget", "quantity": 1, **fields}


def test_a_user_is_created_once_and_read_back(stack: Deployed) -> None:
    ada = {"user_id": "ada", "email": "ada@example.com", "name": "Ada"}
    assert stack.users("POST", "/users", ada) == (201, ada)
    assert stack.users("POST", "/users", ada)[0] == 409
    assert stack.users("GET", "/users/ada") == (200, ada)
    assert stack.users("GET", "/users/nobody")[0] == 404


@pytest.mark.parametrize(
    "body", ["nonsense", {"user_id": "x"}, {"user_id": "x", "email": "x@y", "name": "X", "more": 1}]
)
def test_api_gateway_itself_refuses_a_body_against_the_model(stack: Deployed, body: object) -> None:
    assert stack.users("POST", "/users", body) == (400, {"message": "Invalid request body"})


@pytest.mark.parametrize("token", ["", "garbage"])
def test_without_a_token_of_the_pool_both_apis_answer_401(stack: Deployed, token: str) -> None:
    assert stack.users("GET", "/users/ada", token=token)[0] == 401
    assert stack.orders("/orders", an_order("never"), token=token)[0] == 401
    assert stack.orders("/process", an_order("never"), token=token)[0] == 401


def test_a_browser_of_an_allowed_origin_may_ask(stack: Deployed) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    with urllib3.PoolManager() as http:
        answer = http.request("OPTIONS", stack.outputs["OrdersApiUrl"] + "/orders", headers=asked, timeout=5.0)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"


def test_an_order_posted_is_executed_counted_and_told_of(stack: Deployed) -> None:
    before = stack.stock("widget")
    order = {name: value for name, value in an_order("", quantity=3, note="gift").items() if name != "order_id"}
    status, body = stack.orders("/orders", order)
    assert status == 202
    ended = stack.ended(body["order_id"])
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]) == {
        "order_id": body["order_id"],
        "status": "ACCEPTED",
        "order": {**order, "order_id": body["order_id"]},
    }
    assert stack.stock("widget") == before - 3
    assert counted(stack, body["order_id"])["quantity"] == {"N": "3"}
    assert notified(stack, body["order_id"])["order"]["note"] == "gift"


def counted(stack: Deployed, order_id: str) -> dict[str, Any]:
    def row() -> dict[str, Any] | None:
        items = stack.client("dynamodb").scan(TableName=stack.outputs["AnalyticsTableName"])["Items"]
        return next((item for item in items if item["order_id"]["S"] == order_id), None)

    return eventually(row)


def notified(stack: Deployed, order_id: str) -> dict[str, Any]:
    def message() -> dict[str, Any] | None:
        found = stack.client("sqs").receive_message(
            QueueUrl=stack.outputs["NotificationQueueUrl"], MaxNumberOfMessages=10, VisibilityTimeout=1
        )
        told = [json.loads(json.loads(each["Body"])["Message"]) for each in found.get("Messages", [])]
        return next((each for each in told if each["order"]["order_id"] == order_id), None)

    return eventually(message)


def test_what_is_no_order_is_400_at_the_api(stack: Deployed) -> None:
    assert stack.orders("/orders", an_order("o", quantity=0))[0] == 400
    assert stack.orders("/orders", "{")[0] == 400


@pytest.mark.parametrize(
    ("name", "fields", "error", "cause"),
    [
        ("too-much", {"quantity": 1_000_000}, "OutOfStock", "asks for 1000000 of widget, left: "),
        ("unknown", {"product_id": "no-such"}, "ProductNotFound", "there is no product no-such"),
        ("invalid", {"quantity": 0}, "ValidationError", "quantity must be a whole number"),
        ("half", {"quantity": 1.5}, "ValidationError", "quantity must be a whole number"),
        ("nobody", {"user_id": None}, "ValidationError", "user_id must be text"),
    ],
)
def test_an_order_that_cannot_be_filled_fails_by_name_and_takes_nothing(
    stack: Deployed, name: str, fields: dict[str, object], error: str, cause: str
) -> None:
    before = stack.stock("widget")
    ended = stack.started(an_order(f"fails-{name}", **fields))
    assert (ended["status"], ended["error"]) == ("FAILED", error)
    assert cause in ended["cause"]
    assert stack.stock("widget") == before


def test_the_last_piece_can_be_ordered(stack: Deployed) -> None:
    stack.client("dynamodb").put_item(
        TableName=stack.outputs["InventoryTableName"], Item={"product_id": {"S": "last"}, "quantity": {"N": "2"}}
    )
    assert stack.started(an_order("last-1", product_id="last", quantity=2))["status"] == "SUCCEEDED"
    assert stack.started(an_order("last-2", product_id="last", quantity=1))["error"] == "OutOfStock"
    assert stack.stock("last") == 0


def test_the_same_order_never_takes_stock_twice(stack: Deployed) -> None:
    before = stack.stock("widget")
    assert stack.started(an_order("once", quantity=2))["status"] == "SUCCEEDED"
    assert stack.started(an_order("once", quantity=2), name="once-more")["status"] == "SUCCEEDED"
    assert stack.stock("widget") == before - 2


def test_another_order_under_a_used_id_is_refused(stack: Deployed) -> None:
    stack.started(an_order("used", quantity=1))
    assert stack.started(an_order("used", quantity=2), name="used-again")["error"] == "OrderIdReused"


def test_process_answers_with_the_outcome(stack: Deployed) -> None:
    status, body = stack.orders("/process", an_order("express-1"))
    assert (status, body["status"], body["output"]["status"]) == (200, "SUCCEEDED", "ACCEPTED")
    assert stack.orders("/process", an_order("express-2", quantity=1_000_000))[0] == 409
    assert stack.orders("/process", an_order("express-3", product_id="no-such"))[0] == 404
    assert stack.orders("/process", {"user_id": "ada"})[0] == 400


def test_a_poison_event_ends_in_the_failure_queue_of_every_function_it_broke(stack: Deployed) -> None:
    event_id = stack.publish({"order_id": "poison", "product_id": "widget"})
    for queue in ("OrderFailuresUrl", "EmailFailuresUrl"):
        record = stack.record_of(queue, event_id)
        assert record["responsePayload"]["errorType"] == "ValidationError"
        assert record["requestPayload"]["detail"] == {"order_id": "poison", "product_id": "widget"}


def test_what_failed_while_the_consumer_was_down_succeeds_when_it_is_invoked_again(stack: Deployed) -> None:
    back = datetime.now(UTC) + timedelta(seconds=6)
    event_id = stack.publish(an_order("down", fail_until=back.isoformat()))
    record = stack.record_of("OrderFailuresUrl", event_id)
    assert record["responsePayload"]["errorType"] == "InjectedFault"
    time.sleep(max(0.0, (back - datetime.now(UTC)).total_seconds()))
    stack.client("lambda").invoke(
        FunctionName=record["requestContext"]["functionArn"],
        InvocationType="Event",
        Payload=json.dumps(record["requestPayload"]),
    )
    assert stack.ended("down")["status"] == "SUCCEEDED"


def test_the_archive_is_there_to_replay_from(stack: Deployed) -> None:
    archive = stack.client("events").describe_archive(ArchiveName=stack.outputs["EventArchiveName"])
    assert archive["EventSourceArn"] == stack.outputs["EventBusArn"]
