from __future__ import annotations

import tracemalloc
import uuid

from hypothesis import given, settings
from hypothesis import strategies as st

from orderctl.dlq.ids import IdMap, IdSet

UUIDS = st.uuids().map(str)
IDS = st.one_of(UUIDS, UUIDS.map(str.upper), st.text(max_size=40), st.just(str(uuid.UUID(int=0))))


@given(st.lists(IDS), st.lists(IDS))
@settings(max_examples=60, deadline=None)
def test_a_set_of_ids_is_a_set(ids: list[str], others: list[str]) -> None:
    found = IdSet(ids)
    assert set(ids) == {*found}
    assert (len(found), set(found), sorted(found)) == (len(set(ids)), set(ids), sorted(set(ids)))
    assert [each in found for each in others] == [each in set(ids) for each in others]
    assert (found & set(others), set(others) - found) == (set(ids) & set(others), set(others) - set(ids))


@given(st.lists(st.tuples(IDS, st.one_of(st.none(), IDS))))
@settings(max_examples=60, deadline=None)
def test_a_map_of_ids_is_a_dict_and_knows_the_way_back(pairs: list[tuple[str, str | None]]) -> None:
    found, expected = IdMap(), dict[str, str | None]()
    for key, value in pairs:
        found.update({key: value})
        expected[key] = value
    assert found == expected
    assert (len(found), dict(found.items())) == (len(expected), expected)
    for key, value in expected.items():
        assert (key in found, found[key]) == (True, value)
        if value is not None and [each for _, each in pairs].count(value) == 1:
            assert found.origins[value] == key
    assert found.origins.get("nobody") is None


def test_ten_thousand_pairs_are_found_from_both_sides_and_cost_less_than_eighty_bytes_each() -> None:
    pairs = [(str(uuid.UUID(int=7 * n + 1)), str(uuid.UUID(int=2**100 + n))) for n in range(10_000)]
    tracemalloc.start()
    found = IdMap()
    for key, value in pairs:
        found.update({key: value})
    cost, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cost / len(pairs) < 80
    assert all(found[key] == value and found.origins[value] == key for key, value in pairs)


def test_ids_are_not_forgotten() -> None:
    found = IdSet(["a"])
    try:
        found.discard("a")
    except TypeError:
        assert "a" in found
    else:
        raise AssertionError


def test_ids_beyond_a_page_are_found_in_order_and_pairs_may_change() -> None:
    keys = [str(uuid.UUID(int=3 * n + 1)) for n in range(5_000)]
    values = [str(uuid.UUID(int=2**90 + n)) for n in range(5_000)]
    ids, pairs = IdSet(keys), IdMap()
    pairs.update(dict(zip(keys, values, strict=True)))
    assert (list(ids), list(pairs), list(pairs.values())) == (keys, keys, values)
    assert pairs.origins[values[4_000]] == keys[4_000]
    again = str(uuid.UUID(int=2**100))
    pairs.update({keys[4_000]: again, keys[1]: None})
    assert (pairs[keys[4_000]], pairs[keys[1]], len(pairs)) == (again, None, 5_000)
    assert pairs.origins[again] == keys[4_000]
    assert [key in ids for key in (keys[1_023], keys[1_024], values[0])] == [True, True, False]
