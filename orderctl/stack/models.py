"""What packaging the reference stack makes (files to upload, and a template with parameters that name them),
what its overlay says, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file for S3. The key carries the SHA-256 of the body, so a changed body is a new key."""

    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Package:
    """The stack, ready to deploy but for the bucket.

    `parameters` name the artifacts by their keys; `digest` is the SHA-256 of everything in here.
    """

    template: str
    parameters: Mapping[str, str]
    artifacts: tuple[Artifact, ...]
    digest: str

    def placed(self, bucket: str, prefix: str = "") -> Package:
        """The same package, its parameters saying that the artifacts lie below `prefix` in `bucket`."""
        keys = {artifact.key for artifact in self.artifacts}
        moved = {name: prefix + value if value in keys else value for name, value in self.parameters.items()}
        return replace(self, parameters={**moved, "ArtifactBucket": bucket})


@dataclass(frozen=True, slots=True)
class Cors:
    """Who may call an HTTP API from a browser, and how. `max_age` is in seconds."""

    origins: tuple[str, ...] = ("http://localhost:3000",)
    methods: tuple[str, ...] = ("POST", "OPTIONS")
    headers: tuple[str, ...] = ("authorization", "content-type")
    max_age: int = 600


@dataclass(frozen=True, slots=True)
class Place:
    """Where things go: the stack's name and the account's bucket for artifacts."""

    stack: str
    account_id: str
    region: str

    @property
    def bucket(self) -> str:
        """Where its artifacts go."""
        return artifact_bucket(self.account_id, self.region)

    @property
    def prefix(self) -> str:
        """Below it everything is this stack's."""
        return f"{self.stack}/"


def artifact_bucket(account_id: str, region: str) -> str:
    """One bucket for an account and Region, whatever the stacks."""
    return f"orderctl-artifacts-{account_id}-{region}"
