"""Importing without looking for garbage.

What an import makes is there to stay, but Python's collector is set off by every so many new objects and looks
through all of them again and again: a tenth of the CPU a command starts with. So it rests meanwhile, and what
stands after it is never looked at again, which also makes every later collection of a long run cheaper.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage is collected inside. May be nested, and used by several threads at once."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()
