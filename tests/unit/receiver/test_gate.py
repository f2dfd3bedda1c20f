from __future__ import annotations

import asyncio
import threading
from base64 import b64encode

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver import gate as gate_module
from airflow_provider_rcs.receiver.answers import RefusedError
from airflow_provider_rcs.receiver.credentials import Credentials
from airflow_provider_rcs.receiver.gate import Gate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(gate_module, "time", clock)
    return clock


def status_of(gate: Gate, password: str, address: str = "192.0.2.1") -> int:
    try:
        asyncio.run(gate.check(b"Basic " + b64encode(f"reports:{password}".encode()), address))
    except RefusedError as refusal:
        return refusal.answer.status
    return 200


def test_changed_password_is_noticed_after_a_minute(clock: Clock) -> None:
    password = "old"
    gate = Gate(lambda: Credentials.of("reports", password, where="the test"))
    assert status_of(gate, "old") == 200

    password = "new"
    clock.now += 59
    assert (status_of(gate, "old"), status_of(gate, "new")) == (200, 401)

    clock.now += 2
    assert (status_of(gate, "old"), status_of(gate, "new")) == (401, 200)


def test_credentials_that_are_taken_away_shut_the_gate(clock: Clock) -> None:
    found = iter([Credentials.of("reports", "secret", where="the test"), None])
    gate = Gate(lambda: next(found))
    assert status_of(gate, "secret") == 200

    clock.now += 61

    assert status_of(gate, "secret") == 503


def test_credentials_that_appear_are_noticed_within_seconds(clock: Clock) -> None:
    found = iter([None, Credentials.of("reports", "secret", where="the test")])
    gate = Gate(lambda: next(found))

    assert status_of(gate, "secret") == 503
    clock.now += 4
    assert status_of(gate, "secret") == 503
    clock.now += 2
    assert status_of(gate, "secret") == 200


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RcsInputError("the connection 'rcs_reports'", "its password is missing", "Set both."), "password is missing"),
        (ConnectionError("reports:secret@vault"), "ConnectionError"),
    ],
)
def test_failing_look_up_shuts_the_gate_and_the_log_says_why_without_secrets(
    clock: Clock, caplog: pytest.LogCaptureFixture, error: Exception, told: str
) -> None:
    def look_up() -> Credentials:
        raise error

    gate = Gate(look_up)

    for _ in range(3):
        assert status_of(gate, "secret") == 503
        clock.now += 10

    (record,) = caplog.records
    assert told in record.message
    assert "secret@" not in caplog.text


def test_look_up_is_made_once_for_many_requests_and_off_the_event_loop() -> None:
    threads: list[threading.Thread] = []

    def look_up() -> Credentials:
        threads.append(threading.current_thread())
        return Credentials.of("reports", "secret", where="the test")

    gate = Gate(look_up)

    async def check_many() -> None:
        await asyncio.gather(*(gate.credentials() for _ in range(50)))

    asyncio.run(check_many())

    (thread,) = threads
    assert thread is not threading.main_thread()
