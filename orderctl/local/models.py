"""What the local stack's commands talk about: the server that runs, and the steps of bringing it up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class LocalState:
    """The server orderctl started, as remembered in `server.json`; everything needed to find exactly it again.

    `process_mark` is the kernel's birth mark of `pid` and `instance` a random name the server repeats in its
    health answer: a process id alone may by now belong to somebody else.
    """

    port: int
    pid: int
    started_at: datetime
    persist: bool
    region: str
    process_mark: str
    instance: str
    deployed: str | None = None
    """Digest of the package the reference stack was last deployed from; None until `up` went through."""

    @property
    def endpoint_url(self) -> str:
        """Where every AWS service of the local stack answers."""
        return f"http://127.0.0.1:{self.port}"


class Health(StrEnum):
    """What is left of the server we remember."""

    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    """The process lives but does not answer."""
    STOPPED = "stopped"
    """It was killed, or the machine restarted: only the file is left."""
    ABSENT = "absent"
    """Never started, or stopped by `down`."""


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """One line of `orderctl local status`."""

    status: Health
    endpoint_url: str | None
    pid: int | None
    started_at: datetime | None
    persist: bool | None
    deployed: bool
    log_file: str
    state_dir: str


class StepState(StrEnum):
    """Where a step stands."""

    STARTED = "started"
    PROGRESS = "progress"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class StepEvent:
    """One sign of life of a step; `seconds` is how long it has been going."""

    step: str
    state: StepState
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DemoUser:
    """The user made in the local pool; the password itself only ever stands in `password_file`, mode 0600."""

    username: str
    password_file: str
