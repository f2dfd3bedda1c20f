from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from airflow_provider_rcs.operators.approval import RcsApprovalOperator
from airflow_provider_rcs.operators.links import LINK_KEY, RcsCampaignLink, show_link
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

NAME = "shop/send/manual__2026-05-01T12:00:00+00:00"
LINK = "rcs/campaigns/shop/send/manual__2026-05-01T12%3A00%3A00%2B00%3A00"


def send(**arguments: Any) -> RcsSendOperator:
    return RcsSendOperator(**{"task_id": "send", "template_id": "1", "recipients": [], "campaign": NAME, **arguments})


LINKED: list[Any] = [
    send(),
    SqlToRcsOperator(task_id="sql", template_id="1", sql="SELECT 1", sql_conn_id="w", campaign=NAME),
    RcsCampaignSensor(task_id="wait", campaign=NAME),
    RcsApprovalOperator(task_id="approve", plan={"campaign": NAME, "plan_hash": "x"}),
]


def pushed_by(operator: Any) -> dict[str, str]:
    """Return the XComs that a task pushes to show its link."""
    pushed: dict[str, str] = {}
    context: Any = {"ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))}
    show_link(operator, context)
    return pushed


@pytest.mark.parametrize("operator", LINKED, ids=lambda operator: operator.task_id)
def test_the_link_while_a_task_runs_is_that_after_its_end(operator: BaseOperator) -> None:
    assert pushed_by(operator) == {LINK_KEY: LINK}
    assert RcsCampaignLink().get_link(operator, ti_key=None) == LINK


def test_airflow_knows_where_to_look_for_the_link() -> None:
    with DAG("linked", schedule=None) as dag:
        send()

    [task] = DagSerialization.to_dict(dag)["dag"]["tasks"]

    assert task["__var"]["_operator_extra_links"] == {"RCS campaign": LINK_KEY}


@pytest.mark.parametrize(
    "operator",
    [send(dry_run=True), send(campaign=None), RcsApprovalOperator(task_id="approve", plan={})],
    ids=["dry run", "no name", "no plan"],
)
def test_a_task_without_a_campaign_has_no_link(operator: Any) -> None:
    assert pushed_by(operator) == {}
    assert RcsCampaignLink().get_link(operator, ti_key=None) == ""


def test_a_task_without_a_context_can_be_executed_all_the_same() -> None:
    show_link(send(), {})
