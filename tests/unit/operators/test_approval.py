"""What a person is asked, and with which plan."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Context

from airflow_provider_rcs.operators.approval import RcsApprovalOperator
from airflow_provider_rcs.operators.links import page_url
from tests.unit.sending.test_preview import preview


def body_shown(monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> str:
    """Execute the operator until Airflow would ask, and return the text that it would show."""
    operator = RcsApprovalOperator(task_id="approve", **arguments)
    monkeypatch.setattr(operator, "_require_plan_is_shown", lambda *_: None)
    monkeypatch.setattr("airflow.providers.standard.operators.hitl.ApprovalOperator.execute", lambda *_: None)
    ti = SimpleNamespace(id="1", xcom_push=lambda *_, **__: None)
    operator.execute(cast("Context", {"ti": ti}))
    return str(operator.body)


def answer_to(monkeypatch: pytest.MonkeyPatch, option: str, *, plan_then: Any) -> dict[str, Any]:
    """Ask about a plan, answer, and return the XComs of the task.

    :param plan_then: what the argument ``plan`` is rendered to once the question is answered.
    """
    xcoms: dict[str, Any] = {}
    ti = SimpleNamespace(id="1", map_index=-1, xcom_push=xcoms.__setitem__, xcom_pull=lambda key, **_: xcoms.get(key))
    monkeypatch.setattr("airflow_provider_rcs.operators.approval.show_link", lambda *_: None)
    monkeypatch.setattr("airflow.providers.standard.operators.hitl.ApprovalOperator.execute", lambda *_: None)
    monkeypatch.setattr(RcsApprovalOperator, "_require_plan_is_shown", lambda *_: None)
    context = cast("Context", {"ti": ti})
    RcsApprovalOperator(task_id="approve", plan=preview()).execute(context)
    assert "plan_hash" not in xcoms
    event = {"chosen_options": [option], "params_input": {}, "responded_at": datetime.now(UTC)}
    resumed = RcsApprovalOperator(task_id="approve", plan=plan_then)
    resumed.execute_complete(context, {**event, "responded_by_user": None})
    return xcoms


def test_the_hash_of_a_plan_is_pushed_once_that_plan_is_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = preview() | {"plan_hash": "of another plan"}

    assert answer_to(monkeypatch, "Approve", plan_then=changed)["plan_hash"] == preview()["plan_hash"]


def test_the_hash_of_a_rejected_plan_is_not_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "plan_hash" not in answer_to(monkeypatch, "Reject", plan_then=preview())


@pytest.mark.parametrize("plan", [None, "", {"accepted": 3}, {}], ids=repr)
def test_a_value_that_is_no_plan_is_refused_before_anyone_is_asked(plan: Any) -> None:
    operator = RcsApprovalOperator(task_id="approve", plan=plan)

    with pytest.raises(AirflowFailException, match=f"plan: a {type(plan).__name__} is not a plan"):
        operator.execute(cast("Context", {}))


def test_the_question_shows_dates_in_the_zone_of_those_who_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = preview() | {"send_at": "2090-12-01T09:00+01:00"}

    body = body_shown(monkeypatch, plan=plan, timezone="America/Lima")

    assert "**2090-12-01 08:00 UTC (2090-12-01 03:00 in America/Lima)**" in body
    assert body.endswith(f"Plan {plan['plan_hash']}")


def test_a_zone_that_does_not_exist_is_refused_before_anyone_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowFailException, match="timezone: 'Madrid' is not a time zone"):
        body_shown(monkeypatch, plan=preview(), timezone="Madrid")


def test_a_link_is_complete_where_airflow_knows_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert page_url("spring sale/1") == "rcs/campaigns/spring%20sale/1"

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/base/")

    assert page_url("spring sale/1") == "https://airflow.example/base/rcs/campaigns/spring%20sale/1"


def test_test_phones_without_a_dry_run_are_refused_where_the_dag_is_parsed() -> None:
    from airflow_provider_rcs.api.errors import RcsInputError
    from airflow_provider_rcs.operators.rcs import RcsSendOperator

    with pytest.raises(RcsInputError, match="test_phones: only a dry run sends to them"):
        RcsSendOperator(task_id="send", recipients=[], template_id="1", test_phones=["+34600000001"])
