from __future__ import annotations

import json

import pytest

from orderctl.aws.audit_events import AuditEvents
from orderctl.errors import AuthError, FailedError, NotFoundError
from tests.fakes.aws_wire import FakeAws
from tests.fakes.sqs import effects


@pytest.fixture
def aws() -> FakeAws:
    made = FakeAws()
    made.events.create_bus("audit")
    return made


def events(aws: FakeAws, name: str = "audit") -> AuditEvents:
    return AuditEvents(aws.client("events"), name)


def test_an_event_holds_the_whole_record(aws: FakeAws) -> None:
    events(aws).announce("Change Began", {"id": "1", "reason": "because"})
    (entry,) = aws.events.put
    assert (entry["Source"], entry["DetailType"], json.loads(entry["Detail"])) == (
        "orderctl",
        "Change Began",
        {"id": "1", "reason": "because"},
    )


def test_a_bus_that_does_not_exist_is_found_before_its_events_vanish(aws: FakeAws) -> None:
    with pytest.raises(NotFoundError, match="audit event bus nothere"):
        events(aws, "nothere").announce("Change Began", {"id": "1"})
    assert aws.count("PutEvents") == 0


def test_a_bus_is_looked_up_once(aws: FakeAws) -> None:
    bus = events(aws)
    bus.announce("Change Began", {"id": "1"})
    bus.announce("Change Ended", {"id": "1"})
    assert (aws.count("DescribeEventBus"), aws.count("PutEvents")) == (1, 2)


def test_an_entry_that_was_not_taken_is_an_error(aws: FakeAws) -> None:
    aws.faults.on("PutEvents", effects.entries_fail([0], "ThrottlingException"))
    with pytest.raises(FailedError, match="refused the event: ThrottlingException"):
        events(aws).announce("Change Began", {"id": "1"})


def test_a_missing_permission_is_told_as_what_it_is(aws: FakeAws) -> None:
    aws.faults.on("PutEvents", effects.access_denied())
    with pytest.raises(AuthError):
        events(aws).announce("Change Began", {"id": "1"})
