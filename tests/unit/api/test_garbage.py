"""The collector held, and what was there before frozen: for as long as a block lasts, and afterwards as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from airflow_provider_rcs.api import garbage
from airflow_provider_rcs.api.garbage import existing_objects_frozen, gc_paused

WAIT = 10.0


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    gc.enable()
    gc.unfreeze()
    garbage._is_heap_frozen_by_others.cache_clear()
    yield
    gc.enable()
    garbage._is_heap_frozen_by_others.cache_clear()
    # As the tests' heap was before: else the collector walks over it in all tests that follow.
    gc.freeze()


def test_the_collector_is_off_while_it_is_held_and_on_again_afterwards() -> None:
    with gc_paused():
        assert not gc.isenabled()

    assert gc.isenabled()


def test_the_collector_is_on_again_after_a_failure() -> None:
    with pytest.raises(KeyError), gc_paused():
        raise KeyError

    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()

    with gc_paused(), gc_paused():
        pass

    assert not gc.isenabled()


def test_the_collector_stays_off_until_the_last_thread_lets_it_go() -> None:
    both_hold, one_let_go = Barrier(2, timeout=WAIT), Barrier(2, timeout=WAIT)

    def hold_shortly() -> None:
        with gc_paused():
            both_hold.wait()
        one_let_go.wait()

    def hold_longer() -> bool:
        with gc_paused():
            both_hold.wait()
            one_let_go.wait()
            return gc.isenabled()

    with ThreadPoolExecutor(2) as pool:
        longer, _ = pool.submit(hold_longer), pool.submit(hold_shortly)

        assert not longer.result(WAIT)

    assert gc.isenabled()


def test_what_was_there_before_is_out_of_the_collectors_way_and_what_is_made_is_not() -> None:
    before: list[object] = []

    with existing_objects_frozen():
        made: list[object] = []
        watched = [id(each) for each in gc.get_objects()]

    assert id(before) not in watched
    assert id(made) in watched


def test_the_collector_has_everything_back_after_a_failure() -> None:
    with pytest.raises(KeyError), existing_objects_frozen():
        raise KeyError

    assert gc.get_freeze_count() == 0


def test_what_somebody_else_has_frozen_stays_so() -> None:
    gc.freeze()

    with existing_objects_frozen():
        pass

    assert gc.get_freeze_count() > 0
