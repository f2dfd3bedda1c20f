"""The garbage collector is paused, and existing objects are frozen, for the length of a block only."""

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
    # As the tests' conftest leaves it: otherwise the collector scans the heap in all tests that follow.
    gc.freeze()


def test_the_collector_is_disabled_during_a_pause_and_enabled_after_it() -> None:
    with gc_paused():
        assert not gc.isenabled()

    assert gc.isenabled()


def test_the_collector_is_enabled_again_after_a_failure() -> None:
    with pytest.raises(KeyError), gc_paused():
        raise KeyError

    assert gc.isenabled()


def test_a_collector_that_was_disabled_stays_disabled() -> None:
    gc.disable()

    with gc_paused(), gc_paused():
        pass

    assert not gc.isenabled()


def test_the_collector_stays_disabled_until_the_last_thread_ends_its_pause() -> None:
    both_paused, one_ended = Barrier(2, timeout=WAIT), Barrier(2, timeout=WAIT)

    def pause_shortly() -> None:
        with gc_paused():
            both_paused.wait()
        one_ended.wait()

    def pause_longer() -> bool:
        with gc_paused():
            both_paused.wait()
            one_ended.wait()
            return gc.isenabled()

    with ThreadPoolExecutor(2) as pool:
        longer, _ = pool.submit(pause_longer), pool.submit(pause_shortly)

        assert not longer.result(WAIT)

    assert gc.isenabled()


def test_only_objects_that_existed_before_the_block_are_frozen() -> None:
    existing: list[object] = []

    with existing_objects_frozen():
        created: list[object] = []
        collectable = [id(each) for each in gc.get_objects()]

    assert id(existing) not in collectable
    assert id(created) in collectable


def test_everything_is_unfrozen_after_a_failure() -> None:
    with pytest.raises(KeyError), existing_objects_frozen():
        raise KeyError

    assert gc.get_freeze_count() == 0


def test_objects_frozen_by_others_stay_frozen() -> None:
    gc.freeze()

    with existing_objects_frozen():
        pass

    assert gc.get_freeze_count() > 0
