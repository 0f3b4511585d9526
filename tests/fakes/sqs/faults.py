"""What goes wrong on the way, scripted: a rule says on which calls, its effect says what happens instead.

An effect (`effects.py`) wraps the call: it may fail before anything happened, let it take effect and lose the reply,
take entries out of a batch, pass time, or call back. Rules compose: one that matches wraps those added after it.

    faults.on("SendMessageBatch", reply_lost(), nth=2)          # the second one
    faults.on("ReceiveMessage", false_empty(), rate=0.3)        # three in ten, seeded
    faults.on("*", expired_credentials(), start=7)              # call 7 of all calls and every later one
    faults.on("DeleteMessageBatch", entries_fail({0, 3}))       # entries 0 and 3 of every batch
    faults.on("SendMessage", barrier(after=kill_the_child), nth=1)
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.fakes.sqs.errors import Json
from tests.fakes.sqs.waiting import AnyClock


class Call(NamedTuple):
    """One request that reached the fake: service and operation as boto3 names them, parameters decoded."""

    service: str
    operation: str
    params: Json


class Cut(Exception):
    """The connection broke: `refused` (nothing was sent), `closed` (no answer) or `timeout` (no answer in time)."""

    def __init__(self, how: str = "closed") -> None:
        super().__init__(how)
        self.how = how


Proceed = Callable[[Call], Json]
Effect = Callable[[Call, Proceed, AnyClock], Json]


@dataclass
class Rule:
    """An effect and the calls it applies to; `seen` counts the calls that matched by name and predicate."""

    operation: str
    effect: Effect
    nth: Collection[int] | None
    start: int
    rate: float | None
    times: float
    when: Callable[[Call], bool] | None
    random: random.Random
    seen: int = 0
    done: int = 0

    def applies(self, call: Call) -> bool:
        if self.operation not in ("*", call.operation) or (self.when is not None and not self.when(call)):
            return False
        self.seen += 1
        chosen = self.seen >= self.start and self.done < self.times
        chosen = chosen and (self.nth is None or self.seen in self.nth)
        chosen = chosen and (self.rate is None or self.random.random() < self.rate)
        self.done += chosen
        return chosen


@dataclass
class Faults:
    """The rules of one fake, in the order they were added; `seed` makes every `rate` repeatable."""

    clock: AnyClock
    seed: int = 0
    rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(
        self,
        operation: str,
        effect: Effect,
        *,
        nth: int | Collection[int] | None = None,
        start: int = 1,
        rate: float | None = None,
        times: float = float("inf"),
        when: Callable[[Call], bool] | None = None,
    ) -> Rule:
        """Add a rule; `operation` is a name or `*`, counts start at 1 and count what `operation` and `when` match."""
        chosen = {nth} if isinstance(nth, int) else nth
        dice = random.Random(f"{self.seed}/{len(self.rules)}")
        rule = Rule(operation, effect, chosen, start, rate, times, when, dice)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        self.rules.clear()

    def run(self, call: Call, act: Proceed) -> Json:
        """Do the call through the effects of every rule that applies."""
        with self._lock:
            effects = [rule.effect for rule in self.rules if rule.applies(call)]
        for effect in reversed(effects):
            act = _wrapped(effect, act, self.clock)
        return act(call)


def _wrapped(effect: Effect, act: Proceed, clock: AnyClock) -> Proceed:
    return lambda call: effect(call, act, clock)
