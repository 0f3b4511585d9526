"""Fail states are found wherever they stand."""

from __future__ import annotations

import json

from orderctl.dlq.fail_states import fail_states


def test_fail_states_are_found_inside_map_and_parallel() -> None:
    inner = {"States": {"Deep": {"Type": "Fail", "Error": "DeepError"}}}
    states = {
        "Top": {"Type": "Fail", "Error": "TopError"},
        "Each": {"Type": "Map", "ItemProcessor": inner},
        "Both": {"Type": "Parallel", "Branches": [{"States": {"Bare": {"Type": "Fail"}}}]},
        "Work": {"Type": "Task"},
    }
    assert fail_states(json.dumps({"States": states})) == {"Top": "TopError", "Deep": "DeepError", "Bare": None}


def test_an_error_made_at_run_time_is_none() -> None:
    assert fail_states('{"States": {"F": {"Type": "Fail", "Error": "{% $error %}"}}}') == {"F": None}


def test_what_cannot_be_read_has_none() -> None:
    assert [fail_states(text) for text in ("", "{", "[]", '{"States": 3}', '{"States": {"a": 1}}')] == [{}] * 5
