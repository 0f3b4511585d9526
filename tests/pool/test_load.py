from __future__ import annotations

from dataclasses import dataclass

from orderctl.pool import Load, Width


@dataclass
class Machine:
    """A processor whose use a test sets."""

    seconds: float = 0.0
    used: float = 0.0

    def run(self, seconds: float, share: float) -> None:
        self.seconds += seconds
        self.used += seconds * share

    @property
    def load(self) -> Load:
        return Load(lambda: self.used, lambda: self.seconds)


def test_nothing_is_known_before_the_first_look() -> None:
    load = Machine().load
    assert (load.has_room, load.is_full) == (False, False)


def test_a_process_that_waits_has_room_and_one_that_works_has_none() -> None:
    machine = Machine()
    load = machine.load
    for share, expected in ((0.1, (True, False)), (0.7, (False, False)), (1.0, (False, True)), (0.5, (True, False))):
        machine.run(0.1, share)
        assert (load.has_room, load.is_full) == expected


def test_a_look_is_good_for_a_while() -> None:
    machine = Machine()
    load = machine.load
    machine.run(0.1, 1.0)
    assert load.is_full
    machine.run(0.01, 0.0)
    assert load.is_full


def test_a_pause_says_nothing_about_what_comes_after_it() -> None:
    machine = Machine()
    load = machine.load
    machine.run(60, 0.0)
    assert (load.has_room, load.is_full) == (False, False)


def test_workers_that_wait_become_more_and_workers_that_are_in_each_others_way_become_fewer() -> None:
    machine = Machine()
    width = Width(16, machine.load)
    for _ in range(200):
        machine.run(0.06, 0.2)
        width.widen()
    assert width.now == 16
    for _ in range(400):
        machine.run(0.06, 1.0)
        width.widen()
    assert width.now == 1
    machine.run(0.06, 0.7)
    width.widen()
    assert width.now == 1


def test_a_throttle_counts_whatever_the_processor_does() -> None:
    width = Width(16, Machine().load)
    before = width.now
    width.narrow()
    assert width.now == before // 2
