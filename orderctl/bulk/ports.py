"""What a bulk asks of S3 and of Step Functions, in its own words. Adapters in `orderctl.aws.bulk` answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from orderctl.bulk.models import Looked


class BulkStore(Protocol):
    """S3. The bucket has to be this account's own, in every call."""

    def check(self, bucket: str) -> None:
        """Raise NotFoundError where it is not there, RefusedError where it is somebody else's."""

    def prove(self, bucket: str) -> None:
        """Raise UsageError where a mark that can be written once can be written twice; leaves nothing behind."""

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Store one object; again changes nothing."""

    def claim(self, bucket: str, key: str) -> bool:
        """Write a mark that can be written once; False where somebody else has. Strongly consistent."""

    def keys(self, bucket: str, prefix: str) -> frozenset[str]:
        """Every key that starts with the prefix."""

    def read(self, bucket: str, key: str) -> bytes | None:
        """The object, or None where it is not there."""

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        """Delete objects, in that order as far as thousands of them go; a missing one is deleted already."""


class BulkMachine(Protocol):
    """Step Functions: the state machine with the Distributed Map."""

    def check(self, machine_arn: str) -> None:
        """Raise NotFoundError where it is not there, UsageError where it is no STANDARD one that can be started."""

    def start(self, machine_arn: str, name: str, document: Mapping[str, object]) -> None:
        """Start the execution of that name; started before, nothing happens, whether it runs or has ended."""

    def look(self, execution_arn: str) -> Looked | None:
        """The execution now; None where Step Functions does not know it (yet: this is eventually consistent)."""

    def stop(self, execution_arn: str) -> None:
        """Stop it; what its functions have in hand they end. Stopping one that has ended changes nothing."""
