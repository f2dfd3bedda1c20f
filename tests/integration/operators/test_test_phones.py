"""A dry run that sends a test to the team's phones, through the operators."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, Context

from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.store.read.funnel import read_funnel
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess

MARIO, LUCIA = "+34611111111", "+34622222222"
PEOPLE = [{"phone": f"+3460000000{number}", "name": f"Person {number}"} for number in range(1, 6)]


def dry_run(context: Context, test_phones: Any = (MARIO, LUCIA), **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "task_id": "plan",
        "template_id": "1234569",
        "campaign": "spring",
        "recipients": PEOPLE,
        "dry_run": True,
        "test_phones": list(test_phones) if isinstance(test_phones, tuple) else test_phones,
    }
    return RcsSendOperator(**(arguments | changes)).execute(context)


@pytest.fixture
def own_sandbox(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Any:
    with SandboxProcess() as sandbox:
        connect(monkeypatch, sandbox)
        yield sandbox


def test_only_the_test_phones_get_messages_and_a_retry_sends_none(
    own_sandbox: SandboxProcess, store: sa.Engine, context: Context
) -> None:
    plan = dry_run(context)
    again = dry_run(context)

    assert own_sandbox.messages_per_phone() == {MARIO[1:]: 3, LUCIA[1:]: 3}
    assert plan["test"] == again["test"]
    assert [each["outcomes"] for each in plan["test"]["phones"]] == [["accepted"] * 3] * 2
    assert read_funnel(store, "spring") is None


def test_the_campaign_is_sent_to_everyone_after_the_test_also_to_a_member_of_the_team(
    own_sandbox: SandboxProcess, store: sa.Engine, context: Context
) -> None:
    plan = dry_run(context, (PEOPLE[0]["phone"],))

    sent = RcsSendOperator(
        task_id="send",
        template_id="1234569",
        campaign="spring",
        recipients=PEOPLE,
        approved_plan=plan["plan_hash"],
    ).execute(context)

    assert (sent["requested"], sent["accepted"]) == (5, 5)
    messages = own_sandbox.messages_per_phone()
    assert messages.pop(PEOPLE[0]["phone"][1:]) == 4
    assert set(messages.values()) == {1}


def test_a_test_whose_reply_was_lost_is_not_sent_again(
    own_sandbox: SandboxProcess, store: sa.Engine, context: Context
) -> None:
    own_sandbox.faults([{"request": 1, "kind": "reset_after"}])

    plan = dry_run(context, (MARIO,))
    dry_run(context, (MARIO,))

    assert own_sandbox.messages_per_phone() == {MARIO[1:]: 3}
    [phone] = plan["test"]["phones"]
    assert [each.partition(":")[0] for each in phone["outcomes"]] == ["in doubt", "accepted", "accepted"]


def test_neither_the_log_nor_the_result_has_a_phone_or_a_value(
    own_sandbox: SandboxProcess, store: sa.Engine, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="airflow_provider_rcs")

    plan = dry_run(context)

    for secret in (MARIO[1:], LUCIA[1:], "Person", "60000000"):
        assert secret not in caplog.text
        assert secret not in json.dumps(plan)


def test_phones_may_be_a_text_with_commas(own_sandbox: SandboxProcess, store: sa.Engine, context: Context) -> None:
    dry_run(context, f"{MARIO}, {LUCIA}")

    assert own_sandbox.messages_per_phone() == {MARIO[1:]: 3, LUCIA[1:]: 3}


@pytest.mark.parametrize(
    ("test_phones", "error"),
    [
        ("", "test_phones: it is empty"),
        ({"a": 1}, "test_phones: a dict is not a list"),
        (["+3461"], "test_phones.0."),
    ],
)
def test_unusable_phones_are_refused(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, test_phones: Any, error: str
) -> None:
    before = sandbox.statistics()["send_requests"]

    with pytest.raises(AirflowFailException, match=error):
        dry_run(context, test_phones)

    assert sandbox.statistics()["send_requests"] == before


def test_a_test_needs_the_store(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, context: Context) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "sqlite", "host": "/nowhere/store.db"}))
    before = sandbox.statistics()["send_requests"]

    with pytest.raises(AirflowException, match="store"):
        dry_run(context)

    assert sandbox.statistics()["send_requests"] == before
