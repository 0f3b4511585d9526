"""A confirmation goes out once, and never because an archive was replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orderctl.stack.functions.send_email import notify
from tests.stack.functions.invocation import ORDER

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


class Mailer:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_email(self, **mail: Any) -> None:
        self.sent.append(mail)


@pytest.fixture
def mailer() -> Mailer:
    return Mailer()


@pytest.fixture
def with_ada(users: Table) -> Table:
    users.put_item(Item={"user_id": "ada", "email": "ada@example.com", "name": "Ada"})
    return users


def test_the_customer_is_written_to(with_ada: Table, mailer: Mailer) -> None:
    assert notify(ORDER, with_ada, lambda: mailer, "shop@example.com", replayed=False) == "sent"
    (mail,) = mailer.sent
    assert mail["Destination"] == {"ToAddresses": ["ada@example.com"]}
    assert mail["FromEmailAddress"] == "shop@example.com"
    assert "o-1" in mail["Content"]["Simple"]["Subject"]["Data"]


def test_a_replayed_event_sends_nothing(with_ada: Table, mailer: Mailer) -> None:
    assert notify(ORDER, with_ada, lambda: mailer, "shop@example.com", replayed=True) == "replayed"
    assert mailer.sent == []


def test_a_customer_without_an_address_gets_nothing(users: Table, mailer: Mailer) -> None:
    assert notify(ORDER, users, lambda: mailer, "shop@example.com", replayed=False) == "no address"
    assert mailer.sent == []


def test_without_a_sender_nothing_is_sent(with_ada: Table, mailer: Mailer) -> None:
    assert notify(ORDER, with_ada, lambda: mailer, "", replayed=False) == "no sender"
    assert mailer.sent == []
