"""Where threads cannot be started, no recipient is in doubt, and none is messaged twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Thread, current_thread

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.sending.threads import start
from tests.unit.sending.test_sender import FakeService, send
from tests.unit.store.given import phones, states

PEOPLE = phones(56)


@pytest.fixture
def limit_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Return a function that limits how many threads of one name can be started."""
    start = Thread.start

    def limit(name: str, count: int) -> None:
        started = 0

        def start_or_fail(thread: Thread) -> None:
            nonlocal started
            if thread.name.startswith(name):
                started += 1
                if started > count:
                    raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(Thread, "start", start_or_fail)

    return limit


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.slow
def test_requests_for_which_no_thread_can_be_started_stay_planned(
    engine: sa.Engine, limit_threads: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    service = FakeService()
    limit_threads("rcs-send", count)

    with pytest.raises(RuntimeError, match="start new thread"):
        send(engine, service, PEOPLE, max_in_flight=32)

    assert set(states(engine).values()) <= {"planned", "accepted"}
    assert sorted(service.phones) == [phone for phone, state in states(engine).items() if state == "accepted"]
    monkeypatch.undo()
    send(engine, service, PEOPLE, max_in_flight=8)
    assert Counter(service.phones) == dict.fromkeys(PEOPLE, 1)


@pytest.mark.slow
def test_replies_are_recorded_although_no_thread_can_be_started_for_it(
    engine: sa.Engine, limit_threads: Callable[[str, int], None]
) -> None:
    limit_threads("rcs-settle", 0)

    send(engine, FakeService(), PEOPLE, max_in_flight=8)

    assert states(engine) == dict.fromkeys(PEOPLE, "accepted")


def test_nothing_is_sent_if_no_thread_can_be_started_to_claim(
    engine: sa.Engine, limit_threads: Callable[[str, int], None]
) -> None:
    limit_threads("rcs-claim", 0)

    with pytest.raises(RuntimeError, match="start new thread"):
        send(engine, FakeService(), PEOPLE)

    assert states(engine) == dict.fromkeys(PEOPLE, "planned")


def test_nothing_is_sent_if_no_thread_can_be_started_for_the_send(
    engine: sa.Engine, limit_threads: Callable[[str, int], None]
) -> None:
    limit_threads("rcs-campaign", 0)

    with pytest.raises(RuntimeError, match="start new thread"):
        send(engine, FakeService(), PEOPLE)

    assert states(engine) == dict.fromkeys(PEOPLE, "planned")


def test_a_call_returns_what_it_returns_and_raises_what_it_raises() -> None:
    def fail() -> None:
        raise KeyError("x")

    assert start(lambda: 7, "a test").result() == 7
    with pytest.raises(KeyError):
        start(fail, "a test").result()


def test_a_call_does_not_keep_the_process_from_ending() -> None:
    daemons: list[bool] = []

    start(lambda: daemons.append(current_thread().daemon), "a test").result()

    assert daemons == [True]
