"""A call that Ctrl-C must not abandon.

A receive whose answer nobody waits for still takes effect: SQS hides the messages of a long poll that was cut
off, and nobody has their receipt handles to give them back. So the call runs beside the main thread, and an
interrupt waits the second it takes, keeps what it brought, and goes on unwinding.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds an interrupt waits for the answer; a long poll here is one second long."""


def finished(call: Callable[[], T], keep: Callable[[T], object]) -> T:
    """What `call` answers or raises. When interrupted, its answer goes to `keep` before the interrupt goes on."""
    answers: SimpleQueue[Callable[[], T]] = SimpleQueue()
    threading.Thread(target=lambda: answers.put(_tried(call)), daemon=True).start()
    try:
        return answers.get()()
    except KeyboardInterrupt:
        with suppress(Empty):
            keep(answers.get(timeout=PATIENCE)())
        raise


def _tried(call: Callable[[], T]) -> Callable[[], T]:
    try:
        answer = call()
    except BaseException as error:
        failure = error

        def fail() -> T:
            raise failure

        return fail
    return lambda: answer
