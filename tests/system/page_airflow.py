"""The RCS page on a real Airflow, whose store has campaigns in every state, and whose users have every role."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import requests
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from examples.demo.home import Home
from tests.running_airflow import RunningAirflow, running_airflow
from tests.system import page_store

DAGS = Path(__file__).parent / "page_dags"
EXAMPLE_DAGS = Path(__file__).parents[2] / "dags"
ROLES = ("viewer", "user", "op", "admin")
RUN_ID = "manual__2026-05-01T06:00:00+00:00"
_SECONDS = 60
_SIMPLE_AUTH = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{role}:{role}" for role in ROLES),
}


@dataclass(frozen=True)
class PageSystem:
    """A running API server whose store has campaigns in every state.

    :param passwords: user -> password; each user is named after its role.
    """

    airflow: RunningAirflow
    passwords: Mapping[str, str]

    @property
    def url(self) -> str:
        return self.airflow.url

    def token(self, user: str) -> str:
        """Return a token of a user, as programs get one."""
        credentials = {"username": user, "password": self.passwords[user]}
        response = requests.post(f"{self.url}/auth/token", json=credentials, timeout=_SECONDS)
        response.raise_for_status()
        return str(response.json()["access_token"])

    def request(self, method: str, path: str, user: str | None = None, **more: object) -> requests.Response:
        """Make a request as a user, by the header that programs use."""
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        arguments = {"headers": headers, "timeout": _SECONDS, "allow_redirects": False, **more}
        return requests.request(method, f"{self.url}{path}", **arguments)  # type: ignore[arg-type]


def simple_passwords(airflow: RunningAirflow) -> Mapping[str, str]:
    """Return the passwords that the simple auth manager has generated."""
    file = airflow.home.folder / "simple_auth_manager_passwords.json.generated"
    passwords: Mapping[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return passwords


def ask_for_approval(system: PageSystem, task_id: str, campaign: str) -> None:
    """Leave a task of the run as an approval leaves it while a person is asked, without a worker that runs it."""
    link = {"key": "rcs_campaign_link", "value": f"rcs/campaigns/{quote(campaign)}", "map_index": -1}
    task = f"/api/v2/dags/shop_spring/dagRuns/{quote(RUN_ID)}/taskInstances/{task_id}"
    system.request("POST", f"{task}/xcomEntries", "admin", json=link).raise_for_status()
    engine = sa.create_engine(f"sqlite:///{system.airflow.home.folder}/airflow.db")
    of_task = "FROM task_instance WHERE dag_id = 'shop_spring' AND task_id = :task_id"
    question = "id, '[\"Approve\"]', 'Send?', '{}', '{}', '2026-05-01 06:05:00.000000'"
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO hitl_detail (ti_id, options, subject, params, params_input, created_at) "
                f"SELECT {question} {of_task}"
            ),
            {"task_id": task_id},
        )
        deferred = "UPDATE task_instance SET state = 'deferred' WHERE dag_id = 'shop_spring' AND task_id = :task_id"
        connection.execute(sa.text(deferred), {"task_id": task_id})
    engine.dispose()


@contextmanager
def page_system(
    folder: Path,
    path: str = "",
    auth: Mapping[str, str] = _SIMPLE_AUTH,
    passwords_of: Callable[[RunningAirflow], Mapping[str, str]] = simple_passwords,
) -> Iterator[PageSystem]:
    """Run an API server with a DAG run of three campaigns and the maintenance DAG, and a store that has two of them.

    The third waits for approval.

    :param path: the path at which Airflow is reached, such as ``/airflow``.
    :param auth: settings of the auth manager.
    :param passwords_of: creates users where there are none, and returns user -> password.
    """
    home = Home(folder, folder / "dags")
    shutil.copytree(DAGS, home.dags)
    shutil.copy(EXAMPLE_DAGS / "rcs_maintenance.py", home.dags)
    engine = engine_from_url(home.store_url)
    migrate(engine)
    page_store.fill(engine, RUN_ID, datetime.now(UTC))
    settings = {
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{home.api_port}{path}",
        **auth,
    }
    with running_airflow(home, settings, ["api-server"]) as airflow:
        airflow.command("dags", "reserialize")
        system = PageSystem(airflow, passwords_of(airflow))
        run = {"dag_run_id": RUN_ID, "logical_date": "2026-05-01T06:00:00Z"}
        system.request("POST", "/api/v2/dags/shop_spring/dagRuns", "admin", json=run).raise_for_status()
        ask_for_approval(system, "wait", "autumn & co")
        yield system
