from __future__ import annotations

from dataclasses import replace

from orderctl.top.choices import choices, moved, place_of
from tests.top.situation import NIGHT, QUIET


def test_each_choice_is_a_command_that_looks_closer_and_changes_nothing() -> None:
    verbs = {each.command[:2] for each in choices(NIGHT)}
    assert verbs == {("dlq", "inspect"), ("orders", "show"), ("orders", "watch"), ("inventory", "get")}


def test_moving_stops_at_both_ends() -> None:
    found = choices(NIGHT)
    first = moved(found, None, 1)
    assert first == found[0]
    assert moved(found, first, -1) == found[0]
    assert moved(found, first, 1) == found[1]
    assert moved(found, found[-1], 1) == found[-1]
    assert moved([], first, 1) is None


def test_what_is_chosen_stays_chosen_when_the_list_is_sorted_anew() -> None:
    chosen = choices(NIGHT)[1]
    turned = choices(replace(NIGHT, dead_letter_queues=NIGHT.dead_letter_queues[::-1]))
    place = place_of(turned, chosen)
    assert place == 3
    assert turned[place].command == chosen.command


def test_what_is_gone_is_chosen_no_more() -> None:
    assert place_of(choices(QUIET), choices(NIGHT)[0]) is None
    assert moved(choices(QUIET), choices(NIGHT)[0], 1) is None
