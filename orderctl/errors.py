"""Every error a person can meet, each with the exit code it ends the process with.

A service raises one of these and never prints or exits; `orderctl.cli.main` alone turns them into a message
and an exit code. The class is the decision a script takes on: the codes are part of the contract and are
listed by `orderctl help exit-codes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AwsFault:
    """What AWS itself answered: kept so that support can find the request."""

    service: str
    operation: str
    code: str
    request_id: str | None = None


class OrderctlError(Exception):
    """An end that was foreseen: what happened, what to do about it, and the exit code."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "failed"

    def __init__(self, message: str, *, hint: str | None = None, aws: AwsFault | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.aws = aws


class FailedError(OrderctlError):
    """It was tried and did not work (exit 1)."""


class ThrottledError(FailedError):
    """AWS asked us to slow down (exit 1 where nobody waits and tries again)."""

    code = "throttled"


class UnreachableError(FailedError):
    """The request went out and no answer came back: whether it took effect is not known (exit 1)."""

    code = "unreachable"


class NoConnectionError(FailedError):
    """No connection was made, so nothing was sent (exit 1)."""

    code = "no_connection"


class UsageError(OrderctlError):
    """The command line, a file or the configuration is wrong; found before the first write (exit 2)."""

    exit_code = 2
    code = "usage"


class NotFoundError(OrderctlError):
    """The thing named does not exist (exit 3)."""

    exit_code = 3
    code = "not_found"


class AuthError(OrderctlError):
    """Credentials, sign-in or permission are missing or were refused (exit 4)."""

    exit_code = 4
    code = "auth"


class ConflictError(OrderctlError):
    """It exists already, is not redrivable, or a task on it is running (exit 5)."""

    exit_code = 5
    code = "conflict"


class PartlyDoneError(OrderctlError):
    """Some items failed; the output names which (exit 6)."""

    exit_code = 6
    code = "partly_done"


class RefusedError(OrderctlError):
    """A guard said no: protection, wrong account, unknown kind, or no confirmation (exit 7)."""

    exit_code = 7
    code = "refused"


class ExecutionEndedError(OrderctlError):
    """The workflow itself ended FAILED, TIMED_OUT or ABORTED (exit 8)."""

    exit_code = 8
    code = "execution_ended"


PASSING = (ThrottledError, UnreachableError, NoConnectionError)
"""Trouble that may be over when a call that can be repeated is made again."""


class TimeoutPassedError(OrderctlError):
    """`--timeout` passed while waiting; what was waited for goes on (exit 124)."""

    exit_code = 124
    code = "timeout"


EXIT_CODES: dict[int, str] = {
    0: "done",
    1: "failed",
    2: "usage or bad input, found before the first write",
    3: "not found",
    4: "credentials, sign-in or permission",
    5: "conflict: exists already, not redrivable, a task is running",
    6: "partly done: some items failed, and the output names which",
    7: "refused by a guard: protected environment, wrong account or region, unknown dead-letter kind, no confirmation",
    8: "the workflow itself ended FAILED, TIMED_OUT or ABORTED",
    124: "--timeout passed while waiting",
    129: "hung up (SIGHUP): the terminal was closed",
    130: "interrupted (SIGINT)",
    141: "the reader of the pipe went away (SIGPIPE)",
    143: "terminated (SIGTERM)",
}
