"""POST /users and GET /users/{user_id}.

API Gateway checks the caller's token and the body against its model; this checks again what it
writes, because a model that was not deployed must not open the table. Creating is conditional: a
second create of the same user is 409 and changes nothing. Only known fields are stored.
"""

from __future__ import annotations

import os
import re
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError, ServiceError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from orders_common.clients import table
from orders_common.http import json_answer, json_object

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

logger = Logger()
tracer = Tracer()
metrics = Metrics()

USER_ID = re.compile(r"[0-9A-Za-z_-]{1,80}\Z")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\Z")

User = dict[str, str]


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """An API Gateway proxy response."""
    metrics.add_metric("UsersApiRequests", MetricUnit.Count, 1)
    return _app().resolve(event, context)


@cache
def _app() -> APIGatewayRestResolver:
    return make_app(table(os.environ["USERS_TABLE"]))


def make_app(users: Table) -> APIGatewayRestResolver:
    """The routes over one table."""
    app = APIGatewayRestResolver()

    @app.post("/users")
    def create() -> Response[str]:
        user = read_user(json_object(app.current_event.decoded_body))
        if not store(user, users):
            raise ServiceError(HTTPStatus.CONFLICT, f"user {user['user_id']} exists already")
        metrics.add_metric("UsersCreated", MetricUnit.Count, 1)
        return json_answer(HTTPStatus.CREATED, user)

    @app.get("/users/<user_id>")
    def get(user_id: str) -> Response[str]:
        item = users.get_item(Key={"user_id": user_id}, ConsistentRead=True).get("Item")
        if item is None:
            raise NotFoundError(f"no user {user_id}")
        return json_answer(HTTPStatus.OK, {field: str(item[field]) for field in ("user_id", "email", "name")})

    return app


def read_user(body: dict[str, Any]) -> User:
    """The user in a request's body, or 400 naming the field."""
    user = {field: body.get(field) for field in ("user_id", "email", "name")}
    for field, pattern in (("user_id", USER_ID), ("email", EMAIL)):
        if not isinstance(user[field], str) or not pattern.match(str(user[field])):
            raise BadRequestError(f"{field} is missing or not valid")
    if not isinstance(user["name"], str) or not 1 <= len(user["name"]) <= 200:
        raise BadRequestError("name must be text of 1 to 200 characters")
    return {field: str(value) for field, value in user.items()}


def store(user: User, users: Table) -> bool:
    """Write the user unless the id is taken; says whether it was written."""
    try:
        users.put_item(Item=user, ConditionExpression="attribute_not_exists(user_id)")
    except users.meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True
