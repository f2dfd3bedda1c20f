"""The garbage collector runs rarely for the length of a block only."""

from __future__ import annotations

import gc

import pytest

from airflow_provider_rcs.api.garbage import infrequent_collections


def test_the_collector_runs_less_often_in_the_block_than_after_it() -> None:
    before, *others = gc.get_threshold()

    with infrequent_collections():
        threshold = gc.get_threshold()

    assert threshold[0] > before
    assert threshold[1:] == tuple(others)
    assert gc.get_threshold() == (before, *others)


def test_the_collector_runs_as_often_as_before_after_a_failure() -> None:
    before = gc.get_threshold()

    with pytest.raises(KeyError), infrequent_collections():
        raise KeyError

    assert gc.get_threshold() == before


def test_cycles_are_still_collected_in_the_block() -> None:
    with infrequent_collections():
        assert gc.isenabled()


def test_the_first_of_two_overlapping_blocks_to_end_leaves_the_threshold_to_the_other() -> None:
    before = gc.get_threshold()
    first, second = infrequent_collections(), infrequent_collections()

    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    while_one_runs = gc.get_threshold()
    second.__exit__(None, None, None)

    assert while_one_runs[0] > before[0]
    assert gc.get_threshold() == before
