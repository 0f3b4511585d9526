"""The operations on queues: create, delete, find, list, read and set attributes, purge, tag.

A queue is named by its URL; the last part of it is enough, as on AWS.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tests.fakes.sqs import attributes as queue_attributes
from tests.fakes.sqs import redrive
from tests.fakes.sqs.errors import (
    Json,
    invalid_value,
    purge_in_progress,
    queue_deleted_recently,
    queue_exists,
    unknown_attribute,
)
from tests.fakes.sqs.queue import Queue

if TYPE_CHECKING:
    from tests.fakes.sqs.server import SqsServer


def create_queue(server: SqsServer, params: Json) -> Json:
    """The same name with the same attributes gives the queue there is; with others it is an error."""
    name, wanted = params["QueueName"], dict(params.get("Attributes") or {})
    is_fifo = wanted.get("FifoQueue", "false").lower() == "true"
    server.check_name(name, is_fifo=is_fifo)
    queue_attributes.check(wanted, is_fifo=is_fifo, is_new=True)
    existing = server.queues.get(name)
    if existing is not None:
        return _same(existing, wanted)
    if server.now() - server.deleted_at.get(name, float("-inf")) < 60:
        raise queue_deleted_recently()
    queue = server.make_queue(name, is_fifo=is_fifo)
    _apply(server, queue, wanted)
    queue.tags.update(params.get("tags") or {})
    server.queues[name] = queue
    return {"QueueUrl": queue.url}


def _same(queue: Queue, wanted: Mapping[str, str]) -> Json:
    for name, value in wanted.items():
        if queue.attributes.get(name, "").lower() != value.lower():
            raise queue_exists(name)
    return {"QueueUrl": queue.url}


def _apply(server: SqsServer, queue: Queue, wanted: Mapping[str, str]) -> None:
    policy = redrive.redrive_policy(wanted.get("RedrivePolicy", ""))
    if policy is not None:
        redrive.check_allowed(queue, server.by_arn(policy.target_arn), wanted["RedrivePolicy"])
    queue_attributes.parse_policy("RedriveAllowPolicy", wanted.get("RedriveAllowPolicy", ""))
    for name, value in wanted.items():
        if value == "" and name in queue_attributes.OTHERS:
            queue.attributes.pop(name, None)
        else:
            queue.attributes[name] = value.lower() if name in ("FifoQueue", "ContentBasedDeduplication") else value
    queue.modified_at = server.now()


def set_queue_attributes(server: SqsServer, params: Json) -> Json:
    queue = server.queue_of(params)
    wanted = params.get("Attributes") or {}
    queue_attributes.check(wanted, is_fifo=queue.is_fifo, is_new=False)
    _apply(server, queue, wanted)
    return {}


def get_queue_attributes(server: SqsServer, params: Json) -> Json:
    queue = server.queue_of(params)
    names = params.get("AttributeNames") or []
    for name in names:
        if name != "All" and name not in queue_attributes.KNOWN:
            raise unknown_attribute(name)
    known = {**queue.attributes, **_live(server, queue)}
    chosen = {name: value for name, value in sorted(known.items()) if "All" in names or name in names}
    return {"Attributes": chosen} if chosen else {}


def _live(server: SqsServer, queue: Queue) -> dict[str, str]:
    """Counts are approximate on AWS; `server.approximate` may blur them, alone it gives the exact ones."""
    visible, delayed, in_flight = queue.count(server.now())
    counts = {"": visible, "Delayed": delayed, "NotVisible": in_flight}
    return {
        **{f"ApproximateNumberOfMessages{name}": str(server.approximate(count)) for name, count in counts.items()},
        "CreatedTimestamp": str(int(queue.created_at)),
        "LastModifiedTimestamp": str(int(queue.modified_at)),
        "QueueArn": queue.arn,
    }


def get_queue_url(server: SqsServer, params: Json) -> Json:
    return {"QueueUrl": server.named(params["QueueName"]).url}


def delete_queue(server: SqsServer, params: Json) -> Json:
    queue = server.queue_of(params)
    queue.purge(server.now())
    del server.queues[queue.name]
    server.deleted_at[queue.name] = server.now()
    return {}


def purge_queue(server: SqsServer, params: Json) -> Json:
    """Everything goes at once here, in flight and delayed too; AWS may take a minute."""
    queue = server.queue_of(params)
    now = server.now()
    if queue.purged_at is not None and now - queue.purged_at < 60:
        raise purge_in_progress(queue.name)
    queue.purged_at = now
    queue.purge(now)
    return {}


def list_queues(server: SqsServer, params: Json) -> Json:
    prefix = params.get("QueueNamePrefix") or ""
    urls = [queue.url for name, queue in sorted(server.queues.items()) if name.startswith(prefix)]
    return _paged("QueueUrls", urls, params)


def list_dead_letter_source_queues(server: SqsServer, params: Json) -> Json:
    """Queues whose RedrivePolicy names this one; Lambda, rules and topics are not listed, on AWS neither."""
    sources = server.sources_of(server.queue_of(params))
    return _paged("queueUrls", [queue.url for queue in sources], params) or {"queueUrls": []}


def _paged(key: str, urls: list[str], params: Json) -> Json:
    """NextToken comes only when MaxResults was given; without it at most 1,000 are listed."""
    limit = params.get("MaxResults")
    if limit is not None and not 1 <= limit <= 1000:
        raise invalid_value("MaxResults", limit, "must be between 1 and 1000.")
    start = int(base64.b64decode(params["NextToken"])) if params.get("NextToken") else 0
    page = urls[start : start + (limit or 1000)]
    answer: Json = {key: page} if page else {}
    if limit is not None and start + limit < len(urls):
        answer["NextToken"] = base64.b64encode(str(start + limit).encode()).decode()
    return answer


def list_queue_tags(server: SqsServer, params: Json) -> Json:
    tags = server.queue_of(params).tags
    return {"Tags": dict(tags)} if tags else {}


def tag_queue(server: SqsServer, params: Json) -> Json:
    server.queue_of(params).tags.update(params["Tags"])
    return {}


def untag_queue(server: SqsServer, params: Json) -> Json:
    tags = server.queue_of(params).tags
    for key in params["TagKeys"]:
        tags.pop(key, None)
    return {}


OPERATIONS: dict[str, Callable[[SqsServer, Json], Json]] = {
    "CreateQueue": create_queue,
    "SetQueueAttributes": set_queue_attributes,
    "GetQueueAttributes": get_queue_attributes,
    "GetQueueUrl": get_queue_url,
    "DeleteQueue": delete_queue,
    "PurgeQueue": purge_queue,
    "ListQueues": list_queues,
    "ListDeadLetterSourceQueues": list_dead_letter_source_queues,
    "ListQueueTags": list_queue_tags,
    "TagQueue": tag_queue,
    "UntagQueue": untag_queue,
}
