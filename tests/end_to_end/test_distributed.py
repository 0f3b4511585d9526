"""AWS makes the deliveries: a Distributed Map of the embedded stack, over the wire, with the real function."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.backstage import Backstage
from tests.end_to_end.shell import Shell

pytestmark = pytest.mark.end_to_end

EMAILS = "orders-local-email-failures"
TARGETS = "orders-local-process-order-target-dlq"


@pytest.mark.parametrize(
    ("queue", "kind", "consumer"),
    [(EMAILS, "on-failure", "send-email"), (TARGETS, "eventbridge-target", "process-order")],
)
def test_the_letters_are_gone_and_each_consumer_got_each_of_them_once(
    stocked: Shell, backstage: Backstage, queue: str, kind: str, consumer: str
) -> None:
    put = stocked.run(f"local drill {kind} --queue {queue} --count 4 -o json").json
    mine = " ".join(f"--order-id {letter['order_id']}" for letter in put)  # other tests' letters may lie there, too
    done = stocked.run(f"dlq redrive {queue} {mine} --engine distributed --yes -o json").json
    assert {each["message_id"] for each in put} == set(done["deleted"])
    assert not done["kept"] + done["refused"] + done["possible_duplicates"]
    for letter in put:
        backstage.wait_until_handled(letter["order_id"], [consumer])
    assert left_in_the_bucket(backstage) == []
    again = stocked.run(f"dlq redrive {queue} {mine} --engine distributed --yes -o json").json
    assert again["counts"]["delivered"] == 0


def test_a_batch_of_orders_is_started_once_and_twice_it_starts_none(stocked: Shell, backstage: Backstage) -> None:
    rows = [{"order_id": f"far-{n}", "user_id": "ann", "product_id": "widget-1", "quantity": 1} for n in range(12)]
    text = "\n".join(map(json.dumps, rows))
    first = stocked.run("orders submit --batch - --engine distributed -o json", stdin=text).json
    assert [(each["order_id"], each["result"]) for each in first] == [(row["order_id"], "started") for row in rows]
    assert {str(row["order_id"]) for row in rows} <= backstage.executions()
    before = len(backstage.executions())
    again = stocked.run("orders submit --batch - --engine distributed -o json", stdin=text).json
    assert {each["result"] for each in again} <= {"attached", "already"}
    assert len(backstage.executions()) == before
    assert left_in_the_bucket(backstage) == []


def left_in_the_bucket(backstage: Backstage) -> list[str]:
    said = backstage.client("s3").list_objects_v2(Bucket=backstage.outputs["BulkBucketName"])
    return [each["Key"] for each in said.get("Contents", ())]


def test_a_claim_is_refused_the_second_time_by_the_embedded_stack_too(stocked: Shell, backstage: Backstage) -> None:
    """What keeps a chunk from going twice: S3's conditional write."""
    s3, where = backstage.client("s3"), {"Bucket": backstage.outputs["BulkBucketName"], "Key": "claimed"}
    s3.put_object(**where, Body=b"1", IfNoneMatch="*")
    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        s3.put_object(**where, Body=b"2", IfNoneMatch="*")
    s3.delete_object(**where)
