"""The analytics consumer counts an event once and gives back what it could not count, in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from orderctl.stack.functions.analytics import consume
from tests.stack.functions.invocation import ORDER, Context

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


def message(event_id: str, order: object = ORDER) -> str:
    return json.dumps({"event_id": event_id, "time": "2026-01-01T00:00:00Z", "order": order})


def batch(*bodies: str) -> dict[str, Any]:
    records = [
        {
            "messageId": f"m-{number}",
            "receiptHandle": "h",
            "body": body,
            "attributes": {"MessageGroupId": "orders"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:orders-analytics.fifo",
            "awsRegion": "eu-central-1",
        }
        for number, body in enumerate(bodies, 1)
    ]
    return {"Records": records}


def counted(rows: Table) -> set[str]:
    return {str(item["event_id"]) for item in rows.scan()["Items"]}


def test_every_event_becomes_a_row(rows: Table) -> None:
    assert consume(batch(message("e-1"), message("e-2")), Context(), rows) == {"batchItemFailures": []}
    assert counted(rows) == {"e-1", "e-2"}
    assert rows.get_item(Key={"event_id": "e-1"})["Item"]["quantity"] == 2


def test_an_event_delivered_twice_counts_once(rows: Table) -> None:
    consume(batch(message("e-1"), message("e-1")), Context(), rows)
    assert counted(rows) == {"e-1"}


def test_after_a_failed_record_nothing_behind_it_is_counted(rows: Table) -> None:
    answer = consume(batch(message("e-1"), message("e-2", {"quantity": 0}), message("e-3")), Context(), rows)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-2"}, {"itemIdentifier": "m-3"}]}
    assert counted(rows) == {"e-1"}


@pytest.mark.parametrize("body", ["{", "[]", "{}", json.dumps({"event_id": 5, "order": ORDER})])
def test_a_batch_of_which_nothing_was_counted_raises(rows: Table, body: str) -> None:
    with pytest.raises(BatchProcessingError):
        consume(batch(body), Context(), rows)
    assert counted(rows) == set()
