"""Who may see what: Airflow's log-in lets people in, and its auth manager says of which DAGs they see campaigns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated

# Here and not in functions: FastAPI would take a type that it cannot resolve for a parameter of the query.
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag, requires_access_view
from airflow.models.dag import DagModel
from airflow.providers.common.compat.sdk import conf
from fastapi import Depends, HTTPException

MAY_ENTER = Depends(requires_access_view(AccessView.WEBSITE))
"""The guard of every page: who may see Airflow's own pages."""

MAY_READ_RUNS = Depends(requires_access_dag("GET", DagAccessEntity.RUN))
"""The guard of a page whose path holds a ``dag_id``; elsewhere it would take the visitor's own."""

# No DAG and no team can have this name, so that a permission on single ones does not cover it: only one on all does.
_ANY = "(any)"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a visitor may see.

    :param dag_ids: the DAGs whose campaigns; ``None`` for all campaigns, also those that were sent without a DAG.
    :param may_check_setup: whether the checks of the setup, which name connections and ask the RCS service.
    """

    dag_ids: Collection[str] | None
    may_check_setup: bool


def sight_of(user: GetUserDep) -> Sight:
    """Return what a visitor may see, as the auth manager says."""
    auth_manager = get_auth_manager()
    # All teams may read a DAG without a team; and where Airflow has no teams, no visitor is in one.
    any_team = _ANY if conf.getboolean("core", "multi_team", fallback=False) else None
    any_dag = DagDetails(id=_ANY, team_name=any_team)
    sees_all = auth_manager.is_authorized_dag(method="GET", user=user, details=any_dag)
    dag_ids = None if sees_all else auth_manager.get_authorized_dag_ids(user=user, method="GET")
    return Sight(dag_ids, auth_manager.is_authorized_connection(method="GET", user=user))


SightOfVisitor = Annotated[Sight, Depends(sight_of)]


def trigger_rights_of(user: GetUserDep) -> Callable[[str], bool]:
    """Return a function that returns whether Airflow has a DAG of an id which the visitor may trigger."""

    def may_trigger(dag_id: str) -> bool:
        dag = DagModel.get_dagmodel(dag_id)
        if dag is None or dag.is_stale:
            return False
        of_dag = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
        return get_auth_manager().is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=of_dag, user=user
        )

    return may_trigger


MayTrigger = Annotated[Callable[[str], bool], Depends(trigger_rights_of)]
"""Whether Airflow has a DAG of an id which the visitor may trigger; asks Airflow's database when it is called."""


def is_logged_out(error: Exception) -> bool:
    """Return whether a request was refused because nobody is logged in, or with a cookie that cannot be used."""
    if not isinstance(error, HTTPException):
        return False
    return error.status_code == 401 or (error.status_code == 403 and "token" in str(error.detail).lower())
