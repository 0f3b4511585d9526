"""What SIGINT, SIGTERM and SIGHUP do: unwind, say so in time, and leave in time.

The first one is raised in the main thread as a KeyboardInterrupt, so that the services' own clean-up runs: the
batch in hand is ended, what was not sent is given back, temporary rules are removed. That may wait for a slow
answer, so a thread watches: after `SPEAKS_AFTER` it says that orderctl is stopping, after `LEAVES_AFTER` it ends
the process, as a second signal does at once. Whatever is cut off then is what a SIGKILL would cut off, and
journals are made for that. Speaking and the last steps have threads of their own: a terminal that is stopped, or a
pipe that nobody reads, lets nobody go who writes to it.

A signal that is ignored when orderctl starts (nohup, a background job of a script) stays ignored.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

SPEAKS_AFTER = 0.12
"""Seconds; within 0.2 s of the signal something is on the screen."""
LEAVES_AFTER = 1.8
"""Seconds; within 2 s of the signal the process is gone."""
LEAVING = 0.15
"""Seconds the last steps may take: the record of the end, and what is still to be written."""


class Terminated(KeyboardInterrupt):
    """A signal said stop: unwinds like Ctrl-C, ends with 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class Stopping:
    """Takes the signals; `speak` and `leave` (with the exit code, never returning) are called at most once."""

    def __init__(self, speak: Callable[[], None], leave: Callable[[int], None]) -> None:
        self._speak = speak
        self._leave = leave
        self._number: int | None = None

    def listen(self) -> None:
        """Take the signals from now on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._arrived)

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        from threading import Thread

        if self._number is not None:
            self._go(128 + self._number)
            return
        self._number = number
        Thread(target=self._watch, args=(128 + number,), daemon=True).start()
        raise Terminated(number)

    def _watch(self, code: int) -> None:
        """Ends with the process; until then, whatever the main thread waits for."""
        from threading import Thread
        from time import sleep

        sleep(SPEAKS_AFTER)
        Thread(target=self._speak, daemon=True).start()
        sleep(LEAVES_AFTER - SPEAKS_AFTER)
        self._go(code)

    def _go(self, code: int) -> None:
        """`leave`, and where that hangs the end without it."""
        from threading import Thread

        leaving = Thread(target=self._leave, args=(code,), daemon=True)
        leaving.start()
        leaving.join(LEAVING)
        os._exit(code)
