"""Visitors of the pages: users of Airflow with roles; some may read some DAGs only."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import sqlalchemy as sa
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user

from airflow_provider_rcs.ui.app import create_app
from airflow_provider_rcs.ui.approvals import WaitingCampaign
from airflow_provider_rcs.ui.pages import FindingShown, Pages, SpoolShown


class DagsByUser(SimpleAuthManager):
    """Airflow's simple auth manager, with permissions on single DAGs, as others have them.

    :param readable: user -> the DAGs that it may read; users that are not named may read all.
    :param strangers: users that may not see Airflow's website.
    """

    def __init__(self, readable: dict[str, Collection[str]], strangers: Collection[str] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._readable = readable
        self._strangers = strangers

    def is_authorized_view(self, *, access_view: Any, user: SimpleAuthManagerUser) -> bool:
        return user.username not in self._strangers and super().is_authorized_view(access_view=access_view, user=user)

    def is_authorized_dag(
        self, *, method: Any, user: SimpleAuthManagerUser, access_entity: Any = None, details: Any = None
    ) -> bool:
        if user.username in self._readable:
            # Without details, the question is whether there is any DAG that the user may read, as in FAB.
            return (
                bool(self._readable[user.username]) if details is None else details.id in self._readable[user.username]
            )
        return super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)

    def get_authorized_dag_ids(self, *, user: SimpleAuthManagerUser, **_: Any) -> set[str]:
        return set(self._readable[user.username])


class DagsByTeam(SimpleAuthManager):
    """Airflow's simple auth manager, with DAGs of teams.

    :param teams: DAG -> its team, which Airflow's database would know.
    """

    def __init__(self, teams: Mapping[str, str | None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._teams = teams

    def get_authorized_dag_ids(self, *, user: SimpleAuthManagerUser, method: Any = "GET", **_: Any) -> set[str]:
        details = [DagDetails(id=dag_id, team_name=team) for dag_id, team in self._teams.items()]
        return {str(dag.id) for dag in details if self.is_authorized_dag(method=method, user=user, details=dag)}


@dataclass(frozen=True)
class Checked:
    level: str
    what: str
    text: str


@dataclass(frozen=True)
class Waiting:
    entries: int
    oldest: datetime | None
    has_room: bool


@dataclass
class Site:
    """The pages over a store, and their visitors.

    :param mounted_at: the path at which Airflow's API server is reached.
    :param checks: how often the setup was checked.
    :param teams: of its visitors.
    """

    engine: sa.Engine
    mounted_at: str = ""
    spool: SpoolShown | None = None
    findings: Collection[FindingShown] = ()
    waiting: Collection[WaitingCampaign] = ()
    checks: list[None] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)
    teams: list[str] = field(default_factory=list)

    def get(self, path: str, user: str | None = "viewer", role: str = "VIEWER", **request: Any) -> httpx.Response:
        """Get a page as a user; as nobody who is logged in with ``None``."""
        return self.request("GET", path, user, role, **request)

    def request(
        self, method: str, path: str, user: str | None = "viewer", role: str = "VIEWER", **request: Any
    ) -> httpx.Response:
        app = create_app(Pages(lambda: self.engine, lambda: self.spool, self._check, self._waiting))
        if user is not None:
            visitor = SimpleAuthManagerUser(username=user, role=role, teams=self.teams)
            app.dependency_overrides[get_user] = lambda: visitor
        root = f"{self.mounted_at}/rcs"

        async def ask() -> httpx.Response:
            # Errors of the application become responses, as they do on a server.
            transport = httpx.ASGITransport(app, root_path=root)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://airflow", cookies=self.cookies
            ) as client:
                return await client.request(method, f"{root}{path}", **request)

        return asyncio.run(ask())

    def _waiting(self, dag_ids: Collection[str] | None) -> list[WaitingCampaign]:
        return [each for each in self.waiting if dag_ids is None or each.asked_by.dag_id in dag_ids]

    def _check(self) -> Collection[FindingShown]:
        self.checks.append(None)
        return self.findings
