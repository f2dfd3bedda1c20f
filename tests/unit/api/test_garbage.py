"""The collector held: off for as long as somebody holds it, and afterwards as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from airflow_provider_rcs.api.garbage import collector_held

WAIT = 10.0


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_the_collector_is_off_while_it_is_held_and_on_again_afterwards() -> None:
    with collector_held():
        assert not gc.isenabled()

    assert gc.isenabled()


def test_the_collector_is_on_again_after_a_failure() -> None:
    with pytest.raises(KeyError), collector_held():
        raise KeyError

    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()

    with collector_held(), collector_held():
        pass

    assert not gc.isenabled()


def test_the_collector_stays_off_until_the_last_thread_lets_it_go() -> None:
    both_hold, one_let_go = Barrier(2, timeout=WAIT), Barrier(2, timeout=WAIT)

    def hold_shortly() -> None:
        with collector_held():
            both_hold.wait()
        one_let_go.wait()

    def hold_longer() -> bool:
        with collector_held():
            both_hold.wait()
            one_let_go.wait()
            return gc.isenabled()

    with ThreadPoolExecutor(2) as pool:
        longer, _ = pool.submit(hold_longer), pool.submit(hold_shortly)

        assert not longer.result(WAIT)

    assert gc.isenabled()
