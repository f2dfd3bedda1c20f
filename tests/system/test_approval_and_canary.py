"""The DAGs that ask for approval or send a canary first, under a running Airflow with a user who answers."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from examples.demo.home import Home
from examples.demo.sample import make_warehouse
from tests.reporting_sandbox import reporting_sandbox
from tests.running_airflow import AirflowUser, RunningAirflow, running_airflow
from tests.sandbox_process import SandboxProcess
from tests.system.conftest import DAGS

APPROVAL, CANARY = "rcs_campaign_with_approval", "rcs_campaign_canary"
TEAM_PHONE = "+34611111111"
PAGE = Path(__file__).parents[2] / "docs" / "approve-a-campaign.md"
SENDABLE = 974


@dataclass(frozen=True)
class ApprovalSystem:
    """A running Airflow, and the service and store that its DAGs use."""

    airflow: RunningAirflow
    sandbox: SandboxProcess
    store: sa.Engine

    @property
    def user(self) -> AirflowUser:
        return self.airflow.user

    @property
    def warehouse(self) -> Path:
        return self.airflow.home.warehouse

    def question(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Wait until a run asks a question that can be answered, and return it."""
        question = self.airflow.wait_for(lambda: self.user.open_question(dag_id, run_id), f"{dag_id} asks")
        task = question["task_instance"]
        key = f"task_id='{task['task_id']}', run_id='{run_id}', try_number={task['try_number']}"
        # A test answers faster than a person. If the scheduler has not processed the end of the asking process yet, it
        # takes it for the end of the process that continues after the answer, and fails the task.
        self.airflow.wait_for(lambda: self._scheduler_saw_end(key), f"the process of {dag_id} that asks has ended")
        return question

    def end(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Wait until a run has ended, and return the state of each task, and that of the run as ``"run"``."""
        state = self.airflow.end_of_run(dag_id, run_id)
        return {**{task: state for task, (state, _) in self.user.task_states(dag_id, run_id).items()}, "run": state}

    def messages_per_phone(self, campaign: str) -> dict[str, int]:
        """Return how many messages of a campaign the service accepted for each phone."""
        with self.store.connect() as connection:
            by_name = sa.text("SELECT token FROM rcs_campaign WHERE name = :name")
            token = connection.execute(by_name, {"name": campaign}).scalar_one_or_none()
        phones = [
            each["phone"] for each in self.sandbox.accepted() if each["campaign_reference"].startswith(f"{token}-")
        ]
        return {phone: phones.count(phone) for phone in phones}

    def team_messages(self) -> list[dict[str, Any]]:
        """Return the messages to the team's phone that the service accepted."""
        return [each for each in self.sandbox.accepted() if each["phone"] == TEAM_PHONE.removeprefix("+")]

    def loaded(self, campaign: str) -> dict[str, int]:
        """Count the messages of a campaign in the warehouse by state."""
        with closing(sqlite3.connect(self.warehouse)) as connection:
            query = "SELECT state, COUNT(*) FROM rcs_message WHERE campaign = ? GROUP BY state"
            return dict(connection.execute(query, [campaign]))

    def campaigns_loaded_of(self, campaign: str) -> list[str]:
        """Return the campaigns in the warehouse whose names begin with a name."""
        with closing(sqlite3.connect(self.warehouse)) as connection:
            rows = connection.execute("SELECT name FROM rcs_campaign WHERE name LIKE ? ORDER BY name", [f"{campaign}%"])
            return [name for (name,) in rows]

    def log(self, task_id: str, run_id: str) -> str:
        """Return Airflow's logs of all tries of a task."""
        files = (self.airflow.home.folder / "logs").rglob(f"run_id={run_id}/task_id={task_id}/**/*.log")
        return "\n".join(file.read_text(encoding="utf-8") for file in sorted(files))

    def _scheduler_saw_end(self, key: str) -> bool:
        log = self.airflow.processes.log("standalone").read_text(encoding="utf-8", errors="replace")
        return any("Received executor event with state success" in line and key in line for line in log.splitlines())


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApprovalSystem]:
    folder = tmp_path_factory.mktemp("approval")
    home = Home(folder, folder / "dags")
    home.dags.mkdir()
    for dag_id in (APPROVAL, CANARY):
        shutil.copy(DAGS / f"{dag_id}.py", home.dags)
    (home.dags / "page.py").write_text(dag_of_the_page(), encoding="utf-8")
    make_warehouse(home.warehouse)
    change_warehouse(
        home.warehouse,
        "ALTER TABLE customer ADD COLUMN first_name TEXT DEFAULT 'Ana'",
        "ALTER TABLE customer ADD COLUMN discount TEXT DEFAULT '10'",
        "ALTER TABLE customer ADD COLUMN may_be_messaged INTEGER DEFAULT 1",
    )
    store = engine_from_url(home.store_url)
    migrate(store)
    with (
        reporting_sandbox(home.store_url, failed_share=0, record=folder / "accepted.jsonl") as sandbox,
        running_airflow(
            home,
            {
                "AIRFLOW_CONN_RCS_DEFAULT": sandbox.connection(),
                "AIRFLOW_VAR_RCS_TEAM_PHONES": TEAM_PHONE,
                "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            },
        ) as airflow,
    ):
        airflow.wait_until_healthy()
        yield ApprovalSystem(airflow, sandbox, store)
    store.dispose()


def dag_of_the_page() -> str:
    """Return the DAG of the page on approvals, exactly as it is printed there."""
    (found,) = re.findall(r"```python\n((?:(?!```).)*with DAG\(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return str(found)


def change_warehouse(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def plan_hash(question: dict[str, Any]) -> str:
    found = re.search("[0-9a-f]{16}-[0-9a-f]{32}", question["body"])
    assert found is not None
    return found[0]


def test_list_that_changes_after_its_approval_is_not_sent_and_a_new_run_asks_again(system: ApprovalSystem) -> None:
    first_run = system.airflow.run_dag(APPROVAL, campaign="approved")
    first = system.question(APPROVAL, first_run)
    change_warehouse(system.warehouse, "UPDATE customer SET order_number = 'A-1' WHERE customer_id = 1")
    system.user.answer(first, "Approve")

    assert system.end(APPROVAL, first_run) == {
        "plan": "success",
        "approve": "success",
        "send": "failed",
        "wait": "upstream_failed",
        "load": "upstream_failed",
        "run": "failed",
    }
    assert "RcsPlanChangedError: approved_plan: this is not the plan" in system.log("send", first_run)
    assert system.messages_per_phone("approved") == {}

    second_run = system.airflow.run_dag(APPROVAL, campaign="approved")
    second = system.question(APPROVAL, second_run)
    system.user.answer(second, "Approve")

    assert set(system.end(APPROVAL, second_run).values()) == {"success"}
    assert plan_hash(first) != plan_hash(second)
    assert set(system.messages_per_phone("approved").values()) == {1}
    assert system.loaded("approved")["accepted"] == len(system.messages_per_phone("approved")) == SENDABLE


def test_question_about_an_old_plan_does_not_approve_the_changed_plan_of_a_cleared_run(
    system: ApprovalSystem,
) -> None:
    run_id = system.airflow.run_dag(APPROVAL, campaign="cleared")
    system.question(APPROVAL, run_id)
    change_warehouse(system.warehouse, "UPDATE customer SET order_number = 'A-2' WHERE customer_id = 1")

    system.user.clear_with_downstream(APPROVAL, run_id, "plan")

    states = system.end(APPROVAL, run_id)
    assert (states["approve"], states["send"]) == ("failed", "upstream_failed")
    assert "RcsPlanChangedError: plan: it has changed since this run asked" in system.log("approve", run_id)
    assert system.messages_per_phone("cleared") == {}


def test_plan_shows_counts_but_no_personal_data_and_its_rejection_sends_nothing(
    system: ApprovalSystem,
) -> None:
    run_id = system.airflow.run_dag(APPROVAL, campaign="rejected")
    question = system.question(APPROVAL, run_id)

    system.user.answer(question, "Reject")

    assert system.end(APPROVAL, run_id) == {
        "plan": "success",
        "approve": "success",
        "send": "skipped",
        "wait": "skipped",
        "load": "skipped",
        "run": "success",
    }
    assert system.messages_per_phone("rejected") == {}
    assert question["subject"] == f"Send {SENDABLE} messages of rejected?"
    assert "| rows of the list | 1000 |" in question["body"]
    assert f"| would be sent to | {SENDABLE} |" in question["body"]
    assert "- 8 rejected: phone: it is missing" in question["body"]
    assert not re.search("[0-9]{9}", question["body"].replace(plan_hash(question), ""))


def test_a_test_reaches_the_team_before_the_approval_and_everyone_gets_one_message_after_it(
    system: ApprovalSystem,
) -> None:
    before = len(system.team_messages())
    run_id = system.airflow.run_dag(APPROVAL, campaign="tested")
    question = system.question(APPROVAL, run_id)
    tests = system.team_messages()[before:]
    system.user.answer(question, "Approve")

    assert set(system.end(APPROVAL, run_id).values()) == {"success"}

    assert len(tests) == 3
    masked = r"\*" * 9 + "111"
    assert f"| {masked} | accepted | accepted | accepted |" in question["body"]
    assert f"[Its RCS page]({system.airflow.url}/rcs/campaigns/tested)" in question["body"]
    assert not re.search("[0-9]{9}", question["body"].replace(plan_hash(question), ""))
    assert "611111111" not in system.log("plan", run_id)
    assert set(system.messages_per_phone("tested").values()) == {1}
    assert system.loaded("tested")["accepted"] == len(system.messages_per_phone("tested")) == SENDABLE
    assert system.campaigns_loaded_of("tested") == ["tested"]


def test_canary_whose_messages_are_delivered_is_followed_by_all_other_messages(system: ApprovalSystem) -> None:
    run_id = system.airflow.run_dag(CANARY, campaign="tried")

    assert set(system.end(CANARY, run_id).values()) == {"success"}

    assert set(system.messages_per_phone("tried").values()) == {1}
    assert system.loaded("tried")["accepted"] == len(system.messages_per_phone("tried")) == SENDABLE


def test_canary_whose_messages_fail_stops_all_other_messages(system: ApprovalSystem) -> None:
    system.sandbox.stop()
    system.sandbox.start(failed_share=1)

    run_id = system.airflow.run_dag(CANARY, campaign="failed")
    states = system.end(CANARY, run_id)

    system.sandbox.stop()
    system.sandbox.start(failed_share=0)
    assert (states["canary"], states["watch"], states["send"]) == ("success", "failed", "upstream_failed")
    assert "RcsTooManyFailuresError: campaign 'failed':" in system.log("watch", run_id)
    assert 0 < len(system.messages_per_phone("failed")) < 30


def test_the_dag_of_a_team_sends_everyone_one_message_after_one_approval(system: ApprovalSystem) -> None:
    run_id = system.airflow.run_dag("summer_sale")
    system.user.answer(system.question("summer_sale", run_id), "Approve")

    assert set(system.end("summer_sale", run_id).values()) == {"success"}

    assert set(system.messages_per_phone("summer-sale").values()) == {1}
    assert system.loaded("summer-sale")["accepted"] == len(system.messages_per_phone("summer-sale")) > SENDABLE
