from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from orderctl import documents
from orderctl.documents import Format
from orderctl.errors import UsageError
from orderctl.events import event_file
from orderctl.events.event_file import Head
from orderctl.events.models import Event
from orderctl.events.publish import MOST_BYTES

ORDER = {"order_id": "o-1", "user_id": "ada", "product_id": "w-1", "quantity": 2}
OTHER = Head("stock.app", "StockLow")


def read(*records: object, head: Head = OTHER) -> list[Event]:
    text = "".join(json.dumps(record) + "\n" for record in records)
    with documents.opened("-", io.StringIO(text), fmt=Format.JSONL) as source:
        assert event_file.check(source, head) == len(records)
        return list(event_file.events(source, head))


def complaint(*records: object, head: Head = OTHER) -> list[str]:
    with pytest.raises(UsageError) as caught:
        read(*records, head=head)
    return caught.value.message.splitlines()


def test_a_record_without_detail_is_the_detail() -> None:
    assert read(ORDER, head=Head()) == [
        Event("orders.api", "OrderCreated", json.dumps({**ORDER}), order_id="o-1", line=1)
    ]


def test_a_record_with_detail_is_an_event_as_eventbridge_writes_it() -> None:
    record = {
        "source": "s", "detail-type": "t", "detail": {"a": 1}, "time": "2026-11-22T05:00:00+02:00",
        "resources": ["arn:x"], "id": "old", "account": "1", "region": "r", "version": "0",
    }  # fmt: skip
    assert read(record) == [Event("s", "t", '{"a": 1}', datetime(2026, 11, 22, 3, tzinfo=UTC), ("arn:x",), line=1)]


def test_orders_from_csv_have_a_quantity_that_is_a_number() -> None:
    content = "order_id,user_id,product_id,quantity,note\no-1,ada,007,2,5\n"
    with documents.opened("-", io.StringIO(content)) as source:
        (event,) = event_file.events(source, Head())
    assert json.loads(event.detail) == {**ORDER, "product_id": "007", "note": "5"}


def test_an_order_created_has_to_be_an_order() -> None:
    assert complaint(ORDER, {**ORDER, "quantity": 0}, {"detail": {"quantity": 1.5}}, head=Head()) == [
        "<stdin>:2: quantity must be a whole number of at least 1, not 0",
        "<stdin>:3: order_id must be 1 to 80 of 0-9 A-Z a-z _ -, not null; user_id is missing; product_id is missing; "
        "quantity must be a whole number of at least 1, not 1.5",
    ]


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({"detail": [1]}, "detail is a JSON object"),
        ({"detail": {}, "detail_type": "x"}, "an event has no detail_type"),
        ({"detail": {}, "source": 5}, "source is text"),
        ({"detail": {}, "source": "aws.s3"}, "source 'aws.s3': only AWS itself sends from aws.*"),
        ({"detail": {}, "detail-type": "x" * 129}, "detail-type has more than 128 characters"),
        ({"detail": {}, "detail-type": ""}, "source and detail-type are not empty"),
        ({"detail": {}, "time": "yesterday"}, "time is 'yesterday', not ISO 8601"),
        ({"detail": {}, "time": "2026-11-22T03:00:00"}, "time is '2026-11-22T03:00:00', without an offset"),
        ({"detail": {}, "resources": "arn"}, "resources is a list of texts"),
        ({"n": [{"x": 2**63}]}, "9223372036854775808 is larger than the 64 bits EventBridge keeps"),
        ({"x": "\ud800"}, "not valid Unicode"),
        ({"x": "y" * MOST_BYTES}, f"{MOST_BYTES + 26:,} bytes, but an event is smaller than {MOST_BYTES:,}"),
    ],
)
def test_what_eventbridge_would_refuse_is_refused_with_its_line(record: object, fault: str) -> None:
    assert complaint({"ok": 1}, record) == [f"<stdin>:2: {fault}"]


def test_many_faults_are_cut_short() -> None:
    told = complaint(*[{"detail": 1}] * 50)
    assert (len(told), told[-1]) == (21, "... and 30 more")


def test_an_empty_file_is_refused() -> None:
    assert complaint() == ["<stdin> holds no events"]


def test_the_size_is_counted_as_eventbridge_counts() -> None:
    event = Event("sé", "type", '{"a": 1}', datetime(2026, 1, 1, tzinfo=UTC), ("arn",))
    assert event.size == 3 + 4 + 8 + 3 + 14
