"""Campaigns that begin only if the account has enough credit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowFailException, Context

from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.store.read.funnel import read_funnel
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    """A sandbox whose credit no test of this file spends."""
    with SandboxProcess(credit=10) as sandbox:
        yield sandbox


def people(count: int) -> list[dict[str, str]]:
    return [{"phone": f"+346{number:08d}", "name": f"Person {number}"} for number in range(count)]


def operator(count: int, min_credits: object, **changes: Any) -> RcsSendOperator:
    arguments: dict[str, Any] = {"task_id": "send", "template_id": "1234569", "campaign": "spring"}
    return RcsSendOperator(**arguments, recipients=people(count), min_credits=min_credits, **changes)


def test_too_little_credit_fails_the_task_before_anything_is_recorded_or_sent(
    sandbox: SandboxProcess, store: sa.Engine, context: Context
) -> None:
    with pytest.raises(AirflowFailException, match="RcsCreditError: .* has 10 credits left, but 11 are required"):
        operator(3, 11).execute(context)

    assert read_funnel(store, "spring") is None
    assert sandbox.statistics()["send_requests"] == 0


@pytest.mark.parametrize("min_credits", [10, "10"])
def test_a_campaign_with_enough_credit_begins_and_continues_with_what_is_left(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, min_credits: object
) -> None:
    with SandboxProcess(credit=10) as sandbox:
        connect(monkeypatch, sandbox)
        sandbox.faults([{"request": 2, "kind": "status", "status": 404}])
        with pytest.raises(AirflowFailException, match="6 accepted; 4 are left"):
            operator(10, min_credits, batch_size=6, max_in_flight=1).execute(context)

        assert operator(10, min_credits).execute(context)["accepted"] == 10


def test_a_dry_run_fails_with_too_little_credit_as_well(
    sandbox: SandboxProcess, store: sa.Engine, context: Context
) -> None:
    with pytest.raises(AirflowFailException, match="RcsCreditError"):
        operator(3, 11, dry_run=True).execute(context)


def test_nothing_is_recorded_or_sent_if_the_credit_cannot_be_looked_up(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, extra={"paths": {"credits": "/nowhere"}})

    with pytest.raises(AirflowFailException, match="RcsParameterError: .*no such address at the service"):
        operator(3, 5).execute(context)

    assert read_funnel(store, "spring") is None


def test_an_unreadable_amount_of_credit_is_refused(sandbox: SandboxProcess, store: sa.Engine, context: Context) -> None:
    with pytest.raises(AirflowFailException, match="min_credits: '' is not an amount of credit"):
        operator(3, "").execute(context)
