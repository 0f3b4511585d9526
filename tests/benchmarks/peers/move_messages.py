"""Receive ten, send ten, delete ten, with botocore, one after the other, until the queue is empty."""

from __future__ import annotations

from typing import Any

from botocore.session import Session

queues: Any = Session().create_client("sqs")
dead = queues.get_queue_url(QueueName="orders-dlq")["QueueUrl"]
source = queues.get_queue_url(QueueName="orders")["QueueUrl"]
while True:
    received = queues.receive_message(
        QueueUrl=dead, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )
    messages = received.get("Messages")
    if not messages:
        break
    entries = [{"Id": str(place), "MessageBody": message["Body"]} for place, message in enumerate(messages)]
    sent = {each["Id"] for each in queues.send_message_batch(QueueUrl=source, Entries=entries)["Successful"]}
    handles = [
        {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
        for place, message in enumerate(messages)
        if str(place) in sent
    ]
    queues.delete_message_batch(QueueUrl=dead, Entries=handles)
