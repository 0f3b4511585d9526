"""The one shape of doing many small calls at a time: a crew of workers whose number follows a width.

`Pool.each` runs one kind of call over items that somebody else provides, and gives back an outcome for each. Work
that provides for itself, as receiving from a queue does, runs in a `Crew` of its own. Both are bounded, adaptive and
fair: `width.py` says how many may be at work, `crew.py` keeps to it, `each.py` feeds them.
"""

from __future__ import annotations

from orderctl.pool.crew import Crew
from orderctl.pool.each import FIRST_WAIT, LONGEST_WAIT, Pool
from orderctl.pool.load import Load
from orderctl.pool.outcome import FATAL, Done, Failed, Outcome, PartlyThrottledError
from orderctl.pool.width import START_WIDTH, Width

__all__ = [
    "FATAL",
    "FIRST_WAIT",
    "LONGEST_WAIT",
    "START_WIDTH",
    "Crew",
    "Done",
    "Failed",
    "Load",
    "Outcome",
    "PartlyThrottledError",
    "Pool",
    "Width",
]
