"""EventBridge behind `orderctl.audit.ports.Announcer`.

PutEvents answers 200 with an event id for a bus that does not exist, and the event is gone: so a bus that is named is
looked up before the first event. One given by its ARN may be another account's, where looking is not allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orderctl import jsontext
from orderctl.aws.errors import aws_call
from orderctl.errors import FailedError

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

SOURCE = "orderctl"


class AuditEvents:
    """Events about changes, on the bus `name` (or ARN). One may arrive twice; its `id` and `phase` tell."""

    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = client
        self._name = name
        self._is_known = name.startswith("arn:")

    def announce(self, detail_type: str, detail: Mapping[str, object]) -> None:
        """PutEvents with one entry; raises FailedError where EventBridge took the call but not the entry."""
        if not self._is_known:
            with aws_call("events", "DescribeEventBus", subject=f"audit event bus {self._name}"):
                self._client.describe_event_bus(Name=self._name)
            self._is_known = True
        with aws_call("events", "PutEvents", subject=f"audit event bus {self._name}"):
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._name,
                        "Source": SOURCE,
                        "DetailType": detail_type,
                        "Detail": jsontext.dumps(detail),
                    }
                ]
            )
        entry = answer["Entries"][0]
        if answer["FailedEntryCount"]:
            said = f"{entry.get('ErrorCode')}: {entry.get('ErrorMessage')}"
            raise FailedError(f"audit event bus {self._name} refused the event: {said}")
