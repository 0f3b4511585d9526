"""Many looks at a time, and none waited for longer than allowed.

A thread each, because almost all of a look is waiting and there are a few dozen; daemons, so that one which hangs in
a connection cannot keep the command from ending. The findings come in the order of the checks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orderctl.clock import Clock
from orderctl.doctor.models import Finding, Outcome, Status, failure
from orderctl.errors import OrderctlError


@dataclass(frozen=True, slots=True)
class Check:
    """One look that settles one or more subjects; what `look` leaves out was not looked at."""

    check: str
    subjects: tuple[str, ...]
    look: Callable[[], Mapping[str, Outcome]]


@dataclass(slots=True)
class _Running:
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    crash: BaseException | None = None
    is_done: threading.Event = field(default_factory=threading.Event)


def single(check: str, subject: str, look: Callable[[], Outcome]) -> Check:
    """A check of one subject."""
    return Check(check, (subject,), lambda: {subject: look()})


def run(checks: Sequence[Check], clock: Clock, *, seconds: float) -> Iterator[Finding]:
    """Look at everything at once, for at most `seconds`; one finding a subject, in order."""
    running = [_started(check) for check in checks]
    until = clock.monotonic() + seconds
    for check, state in zip(checks, running, strict=True):
        state.is_done.wait(max(0.0, until - clock.monotonic()))
        for subject in check.subjects:
            outcome = _outcome(state, subject, seconds)
            yield Finding(check.check, subject, outcome.status, outcome.detail, outcome.hint, outcome.exit_code)


def _started(check: Check) -> _Running:
    state = _Running()
    threading.Thread(target=_look, args=(check, state), daemon=True, name=f"doctor {check.check}").start()
    return state


def _look(check: Check, state: _Running) -> None:
    try:
        state.outcomes = check.look()
    except OrderctlError as error:
        state.outcomes = dict.fromkeys(check.subjects, failure(error))
    except OSError as error:
        said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        state.outcomes = dict.fromkeys(check.subjects, Outcome(Status.FAIL, said, None, 1))
    except BaseException as crash:
        state.crash = crash
    finally:
        state.is_done.set()


def _outcome(state: _Running, subject: str, seconds: float) -> Outcome:
    if state.crash is not None:
        raise state.crash
    if not state.is_done.is_set():
        return Outcome(
            Status.FAIL, f"no answer within {seconds:g} seconds", "check the network; --timeout waits longer", 1
        )
    return state.outcomes.get(subject) or Outcome(Status.SKIPPED, "not looked at")
