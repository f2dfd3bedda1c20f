"""Existing objects are frozen for the length of a block only."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from airflow_provider_rcs.api import garbage
from airflow_provider_rcs.api.garbage import existing_objects_frozen


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    gc.unfreeze()
    garbage._is_heap_frozen_by_others.cache_clear()
    yield
    garbage._is_heap_frozen_by_others.cache_clear()
    # As the tests' conftest leaves it: otherwise the collector scans the heap in all tests that follow.
    gc.freeze()


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
