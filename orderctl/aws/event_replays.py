"""EventBridge's archives and replays behind `orderctl.events.replay.Replays`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.events.replay import Archive, Replay

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient


class EventReplays:
    """Archives and replays of one account and Region."""

    def __init__(self, client: EventBridgeClient) -> None:
        self._client: Any = client

    def archive(self, name: str) -> Archive:
        """DescribeArchive."""
        with aws_call("events", "DescribeArchive", subject=f"archive {name}"):
            found = self._client.describe_archive(ArchiveName=name)
        return Archive(found["ArchiveName"], found["ArchiveArn"], found["EventSourceArn"])

    def start(self, name: str, archive: Archive, since: datetime, until: datetime, rule_arns: Sequence[str]) -> None:
        """StartReplay: its name is unique for 90 days, so that a lost answer cannot make two."""
        with aws_call("events", "StartReplay", subject=f"replay {name}"):
            self._client.start_replay(
                ReplayName=name,
                EventSourceArn=archive.arn,
                EventStartTime=since,
                EventEndTime=until,
                Destination={"Arn": archive.bus_arn, "FilterArns": list(rule_arns)},
            )

    def describe(self, name: str) -> Replay:
        """DescribeReplay."""
        with aws_call("events", "DescribeReplay", subject=f"replay {name}"):
            return _replay(self._client.describe_replay(ReplayName=name))

    def list(self, archive: Archive | None) -> Iterator[Replay]:
        """ListReplays has a NextToken, but no paginator in boto3."""
        asked: dict[str, str] = {} if archive is None else {"EventSourceArn": archive.arn}
        while True:
            with aws_call("events", "ListReplays"):
                page = self._client.list_replays(**asked)
            yield from (_replay(said) for said in page["Replays"])
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]

    def cancel(self, name: str) -> None:
        """CancelReplay."""
        with aws_call("events", "CancelReplay", subject=f"replay {name}"):
            self._client.cancel_replay(ReplayName=name)


def _replay(said: Any) -> Replay:
    return Replay(
        said["ReplayName"],
        said["State"],
        said.get("EventStartTime"),
        said.get("EventEndTime"),
        said.get("EventLastReplayedTime"),
        said.get("StateReason"),
    )
