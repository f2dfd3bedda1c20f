from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowSensorTimeout, Context

from airflow_provider_rcs.sensors.credit import RcsCreditSensor
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess(credit=5) as sandbox:
        yield sandbox


def sensor(**changes: Any) -> RcsCreditSensor:
    arguments: dict[str, Any] = {"task_id": "wait", "min_credits": 5}
    return RcsCreditSensor(**(arguments | changes))


@pytest.mark.parametrize("wanted", [5, "5", "4.5"])
def test_it_succeeds_with_enough_credit_and_returns_the_credit_left(
    sandbox: SandboxProcess, context: Context, wanted: float | str
) -> None:
    assert sensor(min_credits=wanted).execute(context) == 5


def test_it_waits_while_the_account_has_less_credit(sandbox: SandboxProcess, context: Context) -> None:
    assert not sensor(min_credits=6).poke(context)


def test_it_fails_at_its_timeout(sandbox: SandboxProcess, context: Context) -> None:
    with pytest.raises(AirflowSensorTimeout):
        sensor(min_credits=6, timeout=0).execute(context)


def test_wrong_credentials_fail_the_task_and_are_sent_to_the_service_once(
    sandbox: SandboxProcess, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, password="wrong-token")
    before = sandbox.statistics()["refused_credentials"]

    with pytest.raises(AirflowFailException, match="RcsAuthError") as raised:
        sensor(silent_fail=True).execute(context)

    assert sandbox.statistics()["refused_credentials"] == before + 1
    assert "wrong-token" not in str(raised.value)


def test_an_unreachable_service_is_left_to_the_retries_of_the_task(
    sandbox: SandboxProcess, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, host="http://127.0.0.1:1")

    with pytest.raises(AirflowException, match="RcsUnavailable") as raised:
        sensor().execute(context)

    assert not isinstance(raised.value, AirflowFailException)


def test_an_unreadable_amount_fails_before_the_service_is_called(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_RCS_DEFAULT", raising=False)

    with pytest.raises(AirflowFailException, match="min_credits: 'many' is not an amount of credit"):
        sensor(min_credits="many").execute(context)
