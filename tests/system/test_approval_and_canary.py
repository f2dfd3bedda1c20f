"""The DAGs that ask a person, or try a campaign on a few first, under a running Airflow that is used as by a person."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_rcs.demo.sample import make_warehouse
from tests.system.conftest import DAGS
from tests.system.running_airflow import RunningAirflow, running_airflow

APPROVAL, CANARY = "rcs_campaign_with_approval", "rcs_campaign_canary"
README = Path(__file__).parents[2] / "README.md"
SENDABLE = 974


def dag_for_a_team() -> str:
    """The text of the README's DAG for a team, as it stands there."""
    (found,) = re.findall(r"```python\n((?:(?!```).)*RcsApprovalOperator.*?)```", README.read_text("utf-8"), re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    folder = tmp_path_factory.mktemp("team")
    dags = folder / "dags"
    dags.mkdir()
    for dag_id in (APPROVAL, CANARY):
        shutil.copy(DAGS / f"{dag_id}.py", dags)
    (dags / "team.py").write_text(dag_for_a_team(), encoding="utf-8")
    make_warehouse(folder / "warehouse.db")
    change_warehouse(
        folder / "warehouse.db",
        "ALTER TABLE customer ADD COLUMN first_name TEXT DEFAULT 'Ana'",
        "ALTER TABLE customer ADD COLUMN discount TEXT DEFAULT '10'",
        "ALTER TABLE customer ADD COLUMN may_be_messaged INTEGER DEFAULT 1",
    )
    with running_airflow(folder, dags, failed_share=0, record=folder / "accepted.jsonl") as airflow:
        yield airflow


def change_warehouse(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def loaded(airflow: RunningAirflow, campaign: str) -> dict[str, int]:
    """The messages of a campaign in the warehouse, by their state."""
    with closing(sqlite3.connect(airflow.home.warehouse)) as connection:
        counted = "SELECT state, COUNT(*) FROM rcs_message WHERE campaign = ? GROUP BY state"
        return dict(connection.execute(counted, [campaign]))


def plan_hash(question: dict[str, Any]) -> str:
    found = re.search("[0-9a-f]{16}-[0-9a-f]{32}", question["body"])
    assert found is not None
    return found[0]


def test_a_list_that_changes_after_its_approval_is_not_sent_and_a_new_run_asks_again(airflow: RunningAirflow) -> None:
    first_run = airflow.start(APPROVAL, campaign="approved")
    first = airflow.question(APPROVAL, first_run)
    change_warehouse(airflow.home.warehouse, "UPDATE customer SET order_number = 'A-1' WHERE customer_id = 1")
    airflow.person.answer(first, "Approve")

    assert airflow.end(APPROVAL, first_run) == {
        "plan": "success",
        "approve": "success",
        "send": "failed",
        "wait": "upstream_failed",
        "load": "upstream_failed",
        "run": "failed",
    }
    assert "RcsPlanChangedError: approved_plan: this is not the plan" in airflow.log("send", first_run)
    assert airflow.messages_per_phone("approved") == {}

    second_run = airflow.start(APPROVAL, campaign="approved")
    second = airflow.question(APPROVAL, second_run)
    airflow.person.answer(second, "Approve")

    assert airflow.end(APPROVAL, second_run)["run"] == "success"
    assert plan_hash(first) != plan_hash(second)
    assert set(airflow.messages_per_phone("approved").values()) == {1}
    assert loaded(airflow, "approved")["accepted"] == len(airflow.messages_per_phone("approved")) == SENDABLE


def test_a_plan_that_changes_when_it_is_cleared_is_not_approved_by_the_question_about_the_old_one(
    airflow: RunningAirflow,
) -> None:
    run_id = airflow.start(APPROVAL, campaign="cleared")
    airflow.question(APPROVAL, run_id)
    change_warehouse(airflow.home.warehouse, "UPDATE customer SET order_number = 'A-2' WHERE customer_id = 1")

    airflow.person.clear_with_downstream(APPROVAL, run_id, "plan")

    states = airflow.end(APPROVAL, run_id)
    assert (states["approve"], states["send"]) == ("failed", "upstream_failed")
    assert "RcsPlanChangedError: plan: it has changed since this run asked" in airflow.log("approve", run_id)
    assert airflow.messages_per_phone("cleared") == {}


def test_a_plan_shows_what_would_be_sent_and_nothing_of_a_person_and_its_rejection_sends_nothing(
    airflow: RunningAirflow,
) -> None:
    run_id = airflow.start(APPROVAL, campaign="rejected")
    question = airflow.question(APPROVAL, run_id)

    airflow.person.answer(question, "Reject")

    assert airflow.end(APPROVAL, run_id) == {
        "plan": "success",
        "approve": "success",
        "send": "skipped",
        "wait": "skipped",
        "load": "skipped",
        "run": "success",
    }
    assert airflow.messages_per_phone("rejected") == {}
    assert question["subject"] == f"Send {SENDABLE} messages of rejected?"
    assert "| rows of the list | 1000 |" in question["body"]
    assert f"| would be sent to | {SENDABLE} |" in question["body"]
    assert "- 7 rejected: phone: it is missing" in question["body"]
    assert not re.search("[0-9]{9}", question["body"].replace(plan_hash(question), ""))


def test_a_canary_whose_messages_arrive_is_followed_by_everybody_else(airflow: RunningAirflow) -> None:
    run_id = airflow.start(CANARY, campaign="tried")

    assert set(airflow.end(CANARY, run_id).values()) == {"success"}

    assert set(airflow.messages_per_phone("tried").values()) == {1}
    assert loaded(airflow, "tried")["accepted"] == len(airflow.messages_per_phone("tried")) == SENDABLE


def test_a_canary_whose_messages_fail_stops_before_everybody_else(airflow: RunningAirflow) -> None:
    airflow.sandbox.stop()
    airflow.sandbox.start(failed_share=1)

    run_id = airflow.start(CANARY, campaign="failed")
    states = airflow.end(CANARY, run_id)

    airflow.sandbox.stop()
    airflow.sandbox.start(failed_share=0)
    assert (states["canary"], states["watch"], states["send"]) == ("success", "failed", "upstream_failed")
    assert "RcsTooManyFailuresError: campaign 'failed':" in airflow.log("watch", run_id)
    assert 0 < len(airflow.messages_per_phone("failed")) < 30


def test_the_readmes_dag_for_a_team_sends_everyone_one_message_after_one_approval(airflow: RunningAirflow) -> None:
    run_id = airflow.start("summer_sale")
    airflow.person.answer(airflow.question("summer_sale", run_id), "Approve")

    assert set(airflow.end("summer_sale", run_id).values()) == {"success"}

    assert set(airflow.messages_per_phone("summer-sale").values()) == {1}
    assert loaded(airflow, "summer-sale")["accepted"] == len(airflow.messages_per_phone("summer-sale")) > SENDABLE
