from __future__ import annotations

import gc

import pytest

from orderctl.importing import undisturbed


def test_the_collector_rests_inside_and_works_again_after() -> None:
    with undisturbed():
        assert not gc.isenabled()
        with undisturbed():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_after_an_error() -> None:
    with pytest.raises(RuntimeError), undisturbed():
        raise RuntimeError
    assert gc.isenabled()


def test_a_collector_somebody_switched_off_stays_off() -> None:
    gc.disable()
    try:
        with undisturbed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
