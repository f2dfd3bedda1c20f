from __future__ import annotations

import asyncio
from base64 import b64encode

import pytest

from airflow_provider_rcs.receiver import auth
from airflow_provider_rcs.receiver.credentials import Credentials
from airflow_provider_rcs.receiver.gate import Gate
from airflow_provider_rcs.receiver.responses import RefusedError
from tests.unit.receiver.clock import Clock


def status_of(gate: Gate, password: str, address: str = "192.0.2.1") -> int:
    try:
        asyncio.run(gate.check(b"Basic " + b64encode(f"reports:{password}".encode()), address))
    except RefusedError as refusal:
        return refusal.answer.status
    return 200


def test_right_password_is_let_in_and_a_wrong_one_is_not() -> None:
    gate = Gate(lambda: Credentials.of("reports", "secret", where="the test"))

    assert (status_of(gate, "secret"), status_of(gate, "wrong")) == (200, 401)


def test_nobody_is_let_in_while_there_is_nothing_to_check_against() -> None:
    gate = Gate(lambda: None)

    assert (status_of(gate, "secret"), status_of(gate, "")) == (503, 503)


def test_address_that_guesses_is_shut_out_and_others_are_not() -> None:
    gate = Gate(lambda: Credentials.of("reports", "secret", where="the test"))

    for _ in range(20):
        status_of(gate, "guess")

    assert status_of(gate, "secret") == 429
    assert status_of(gate, "secret", "192.0.2.2") == 200


def test_password_that_was_right_before_it_was_changed_is_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(auth, "time", clock)
    passwords = iter(["old", "new"])
    gate = Gate(lambda: Credentials.of("reports", next(passwords), where="the test"))

    assert status_of(gate, "old") == 200
    clock.now += 61

    assert (status_of(gate, "old"), status_of(gate, "new")) == (401, 200)
