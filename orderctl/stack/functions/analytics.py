"""The analytics queue -> one row an event.

The queue is FIFO: after a failed record nothing behind it may pass, so the FIFO processor hands the
rest of the batch back too (ReportBatchItemFailures). The row's key is the event's id, so a message
delivered twice counts once. A batch of which nothing was counted raises, so that the function's error
metric shows it; to the queue both are the same.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from orders_common.clients import table
from orders_common.order import ValidationError, parse_order

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from types_boto3_dynamodb.service_resource import Table

logger = Logger()
tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """`{"batchItemFailures": [...]}`: the first record that failed and all behind it."""
    return consume(event, context, table(os.environ["ANALYTICS_TABLE"]))


def consume(event: dict[str, Any], context: LambdaContext, rows: Table) -> PartialItemFailureResponse:
    """Count every record of the batch, in order, up to the first that fails.

    Raises BatchProcessingError when that is the first one.
    """
    return process_partial_response(
        event=event,
        record_handler=lambda record: count(record, rows),
        processor=SqsFifoPartialProcessor(),
        context=context,
    )


def count(record: SQSRecord, rows: Table) -> None:
    """Write the row of one event; a repeated event changes nothing."""
    message = json.loads(record.body, parse_float=Decimal)
    if not isinstance(message, dict) or not isinstance(message.get("event_id"), str):
        raise ValidationError("an analytics message is {event_id, time, order}")
    order = parse_order(message.get("order"))
    rows.put_item(
        Item={
            "event_id": message["event_id"],
            "time": str(message.get("time")),
            "order_id": order["order_id"],
            "product_id": order["product_id"],
            "quantity": order["quantity"],
        }
    )
    logger.info("order counted", order_id=order["order_id"])
