"""The campaigns that wait for a person's approval, as Airflow's database has them: the store does not know them yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

import sqlalchemy as sa
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session

from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.read.campaign_list import DagIds

LINK_KEY = "rcs_campaign_link"
"""The XCom of a task with the address of its campaign; the approval pushes it before it waits."""
LINK_PREFIX = "rcs/campaigns/"
# Before Airflow 3.3, a task that asks is deferred. Of one that has ended, the question may stay unanswered.
_WAITING_STATES = ("deferred", "awaiting_input")


@dataclass(frozen=True, slots=True)
class WaitingCampaign:
    """A campaign whose plan a person has not answered yet.

    :param asked_by: the task that asks.
    """

    name: str
    asked_by: StartedBy
    asked_at: datetime


def read_waiting(dag_ids: DagIds, most: int = 1_000) -> Sequence[WaitingCampaign]:
    """Return the campaigns that wait for approval, the newest question first.

    :param dag_ids: the DAGs whose campaigns are read; ``None`` for all.
    :param most: how many at most.
    """
    task = TaskInstance
    is_link_of_task = sa.and_(
        XComModel.dag_id == task.dag_id,
        XComModel.run_id == task.run_id,
        XComModel.task_id == task.task_id,
        XComModel.map_index == task.map_index,
        XComModel.key == LINK_KEY,
    )
    questions = (
        sa.select(task.dag_id, task.task_id, task.run_id, task.map_index, HITLDetail.created_at, XComModel.value)
        .join(HITLDetail, HITLDetail.ti_id == task.id)
        .join(XComModel, is_link_of_task)
        .where(HITLDetail.responded_at.is_(None), task.state.in_(_WAITING_STATES))
        .where(sa.true() if dag_ids is None else task.dag_id.in_(dag_ids))
        .order_by(HITLDetail.created_at.desc())
        .limit(most)
    )
    with create_session(scoped=False) as session:
        rows = session.execute(questions).all()
    links = [str(XComModel.deserialize_value(row)) for row in rows]
    return [
        WaitingCampaign(unquote(link.removeprefix(LINK_PREFIX)), StartedBy(*row[:4]), row.created_at)
        for row, link in zip(rows, links, strict=True)
        if link.startswith(LINK_PREFIX)  # An XCom backend may keep it elsewhere: then its campaign is not known here.
    ]
