"""POST /users and GET /users/{user_id} over a table."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from orderctl.stack.functions.users_api import make_app
from tests.stack.functions.invocation import Context, answer, rest_event

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

ADA = {"user_id": "ada", "email": "ada@example.com", "name": "Ada"}


def post(users: Table, body: object) -> tuple[int, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return answer(make_app(users).resolve(rest_event("POST", "/users", text), Context()))


def test_a_user_is_created_and_can_be_read(users: Table) -> None:
    assert post(users, ADA) == (201, ADA)
    assert answer(make_app(users).resolve(rest_event("GET", "/users/ada"), Context())) == (200, ADA)


def test_a_second_create_is_409_and_overwrites_nothing(users: Table) -> None:
    post(users, ADA)
    status, body = post(users, {**ADA, "name": "Somebody else"})
    assert (status, body["message"]) == (409, "user ada exists already")
    assert users.get_item(Key={"user_id": "ada"})["Item"]["name"] == "Ada"


def test_only_known_fields_are_stored(users: Table) -> None:
    assert post(users, {**ADA, "is_admin": True, "credit": 1.5}) == (201, ADA)
    assert users.get_item(Key={"user_id": "ada"})["Item"] == ADA


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '{"user_id": NaN}', "{}", json.dumps({**ADA, "email": "nowhere"})]
    + [json.dumps({**ADA, field: value}) for field in ADA for value in ("", 5, None, "x" * 300)],
)
def test_a_body_that_is_no_user_is_400_and_writes_nothing(users: Table, body: str) -> None:
    status, _ = post(users, body)
    assert status == 400
    assert users.scan()["Count"] == 0


def test_a_body_api_gateway_encoded_is_read(users: Table) -> None:
    event = rest_event("POST", "/users", base64.b64encode(json.dumps(ADA).encode()).decode())
    assert answer(make_app(users).resolve({**event, "isBase64Encoded": True}, Context()))[0] == 201


def test_a_user_nobody_created_is_404(users: Table) -> None:
    status, body = answer(make_app(users).resolve(rest_event("GET", "/users/bob"), Context()))
    assert (status, body["message"]) == (404, "no user bob")
