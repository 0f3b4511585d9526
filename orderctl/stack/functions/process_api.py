"""POST /process: run the Express workflow and answer with its result.

A function and not API Gateway's own StartSyncExecution integration, so that the caller gets the
order's outcome as an HTTP status: an Express execution that FAILED is still a 200 from Step
Functions. The call is sent once; whoever runs into the timeout may post the same order id again,
because stock is taken once an order id.
"""

from __future__ import annotations

import json
import os
import uuid
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from orders_common.clients import step_functions_once
from orders_common.http import json_answer, json_object

if TYPE_CHECKING:
    from types_boto3_stepfunctions.client import SFNClient
    from types_boto3_stepfunctions.type_defs import StartSyncExecutionOutputTypeDef

logger = Logger()
tracer = Tracer()

# Below the function's own timeout (29 s), which is below the 30 s an HTTP API waits for a function.
READ_TIMEOUT_SECONDS = 25

STATUS_OF_ERROR = {
    "ValidationError": HTTPStatus.BAD_REQUEST,
    "ProductNotFound": HTTPStatus.NOT_FOUND,
    "OutOfStock": HTTPStatus.CONFLICT,
    "OrderIdReused": HTTPStatus.CONFLICT,
}


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """An HTTP API response, payload format 2.0."""
    return _app().resolve(event, context)


@cache
def _app() -> APIGatewayHttpResolver:
    return make_app(step_functions_once(READ_TIMEOUT_SECONDS), os.environ["EXPRESS_STATE_MACHINE_ARN"])


def make_app(workflows: SFNClient, state_machine_arn: str) -> APIGatewayHttpResolver:
    """The route over one Express state machine."""
    app = APIGatewayHttpResolver()

    @app.post("/process")
    def process() -> Response[str]:
        order = {"order_id": str(uuid.uuid4()), **json_object(app.current_event.decoded_body)}
        ended = workflows.start_sync_execution(
            stateMachineArn=state_machine_arn, input=json.dumps(order, sort_keys=True)
        )
        logger.info("order processed", order_id=order["order_id"], status=ended["status"])
        return json_answer(*answer(order["order_id"], ended))

    return app


def answer(order_id: object, ended: StartSyncExecutionOutputTypeDef) -> tuple[HTTPStatus, dict[str, Any]]:
    """The HTTP status and body an ended execution comes to."""
    body = {"order_id": order_id, "status": ended["status"], "execution_arn": ended["executionArn"]}
    if ended["status"] == "SUCCEEDED":
        return HTTPStatus.OK, {**body, "output": json.loads(ended.get("output") or "null")}
    if ended["status"] == "TIMED_OUT":
        return HTTPStatus.GATEWAY_TIMEOUT, body
    error = ended.get("error")
    status = STATUS_OF_ERROR.get(error or "", HTTPStatus.BAD_GATEWAY)
    return status, {**body, "error": error, "cause": ended.get("cause")}
