from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver import auth
from airflow_provider_rcs.receiver.auth import KnownCredentials
from airflow_provider_rcs.receiver.credentials import Credentials
from tests.unit.receiver.clock import Clock

OLD = Credentials.of("reports", "old", where="the test")
NEW = Credentials.of("reports", "new", where="the test")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(auth, "time", clock)
    return clock


def get(known: KnownCredentials) -> Credentials | None:
    return asyncio.run(known.get())


def giving(*answers: Credentials | Exception | None) -> Callable[[], Credentials | None]:
    """Give these one after the other, and the last one from then on."""
    left = iter(answers)
    last = answers[-1]

    def look_up() -> Credentials | None:
        answer = next(left, last)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look_up


def test_changed_credentials_are_noticed_after_a_minute(clock: Clock) -> None:
    known = KnownCredentials(giving(OLD, NEW))
    assert get(known) is OLD

    clock.now += 59
    assert get(known) is OLD

    clock.now += 2
    assert get(known) is NEW


def test_credentials_that_are_taken_away_are_forgotten(clock: Clock) -> None:
    known = KnownCredentials(giving(OLD, None))
    assert get(known) is OLD

    clock.now += 61

    assert get(known) is None


def test_credentials_that_appear_are_noticed_within_seconds(clock: Clock) -> None:
    known = KnownCredentials(giving(None, NEW))

    assert get(known) is None
    clock.now += 4
    assert get(known) is None
    clock.now += 2
    assert get(known) is NEW


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RcsInputError("the connection 'rcs_reports'", "its password is missing", "Set both."), "password is missing"),
        (ConnectionError("reports:secret@vault"), "ConnectionError"),
    ],
)
def test_failing_look_up_gives_none_and_the_log_says_why_once_without_secrets(
    clock: Clock, caplog: pytest.LogCaptureFixture, error: Exception, told: str
) -> None:
    known = KnownCredentials(giving(error))

    for _ in range(3):
        assert get(known) is None
        clock.now += 10

    (record,) = caplog.records
    assert told in record.message
    assert "secret@" not in caplog.text


def test_look_up_that_fails_later_leaves_the_known_credentials_for_an_hour(clock: Clock) -> None:
    known = KnownCredentials(giving(OLD, ConnectionError()))
    assert get(known) is OLD

    clock.now += 3590
    assert get(known) is OLD

    clock.now += 20
    assert get(known) is None


def test_credentials_that_became_wrong_are_not_kept_for_an_hour(clock: Clock) -> None:
    wrong = RcsInputError("the connection 'rcs_reports'", "its password is missing", "Set both.")
    known = KnownCredentials(giving(OLD, wrong))
    assert get(known) is OLD

    clock.now += 61

    assert get(known) is None


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_look_up_that_hangs_leaves_the_known_credentials_and_its_answer_counts_when_it_comes(
    clock: Clock, hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_SECONDS_TO_WAIT", 0.05)
    looks: list[None] = []

    def look_up() -> Credentials:
        looks.append(None)
        if len(looks) == 1:
            return OLD
        assert hanging.wait(30)
        return NEW

    known = KnownCredentials(look_up)
    assert get(known) is OLD
    clock.now += 61
    assert get(known) is OLD
    assert get(known) is OLD

    hanging.set()
    monkeypatch.setattr(auth, "_SECONDS_TO_WAIT", 30)
    clock.now += 6

    assert get(known) is NEW


def test_look_up_is_made_once_for_many_requests_and_off_the_event_loop() -> None:
    threads: list[threading.Thread] = []

    def look_up() -> Credentials:
        threads.append(threading.current_thread())
        return OLD

    known = KnownCredentials(look_up)

    async def ask_often() -> None:
        await asyncio.gather(*(known.get() for _ in range(50)))

    asyncio.run(ask_often())

    (thread,) = threads
    assert thread is not threading.main_thread()
