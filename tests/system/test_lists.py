"""Lists of people under a real scheduler: what Airflow renders, stores and shows of them, and how they are named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from examples.demo.home import Home
from tests.reporting_sandbox import reporting_sandbox
from tests.running_airflow import RunningAirflow, all_logs, running_airflow
from tests.sandbox_process import SandboxProcess

DAGS = Path(__file__).parent / "lists"
TOKEN = "a-secret-token-of-the-account"
SECRET, BROKEN = "{{ conn.rcs_default.password }}", "{{ oops"

Message = dict[str, Any]


@dataclass(frozen=True)
class ListsSystem:
    """A running Airflow, the service, and what the runs of its DAGs left behind."""

    airflow: RunningAirflow
    sandbox: SandboxProcess

    def run(self, dag_id: str) -> dict[str, list[str]]:
        """Run a DAG, and return the states of the instances of its tasks."""
        run_id = self.airflow.run_dag(dag_id)
        self.airflow.end_of_run(dag_id, run_id)
        states: dict[str, list[str]] = {}
        for task_id, state in self.rows(
            "SELECT task_id, state FROM task_instance WHERE dag_id = ? ORDER BY task_id, map_index", dag_id
        ):
            states.setdefault(task_id, []).append(state)
        return states

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.airflow.home.folder / "airflow.db", timeout=60)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def messages(self, way: int) -> list[Message]:
        """Return the messages that the service accepted for the phones of one list, in their order."""
        beginning = f"34600{way:02d}"
        accepted = [entry for entry in self.sandbox.accepted() if entry["phone"].startswith(beginning)]
        return sorted(accepted, key=lambda entry: str(entry["phone"]))

    def shown(self, dag_id: str, task_id: str) -> list[dict[str, Any]]:
        """Return the rendered fields that Airflow has stored, for each instance of a task."""
        query = (
            "SELECT rendered_fields FROM rendered_task_instance_fields WHERE dag_id = ? AND task_id = ? "
            "ORDER BY map_index"
        )
        return [json.loads(fields) for (fields,) in self.rows(query, dag_id, task_id)]

    def log(self, task_id: str) -> str:
        folder = self.airflow.home.folder / "logs"
        return "\n".join(
            file.read_text(encoding="utf-8") for file in sorted(folder.rglob(f"task_id={task_id}/**/*.log"))
        )


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListsSystem]:
    home = Home(tmp_path_factory.mktemp("lists") / "home", DAGS)
    home.folder.mkdir()
    migrate(engine_from_url(home.store_url))
    with (
        reporting_sandbox(home.store_url, password=TOKEN, agent=["007"]) as sandbox,
        running_airflow(home, {"AIRFLOW_CONN_RCS_DEFAULT": sandbox.connection()}) as airflow,
    ):
        airflow.wait_until_healthy()
        yield ListsSystem(airflow, sandbox)


@pytest.fixture(scope="module")
def lists(system: ListsSystem) -> dict[str, list[str]]:
    return system.run("rcs_lists")


@pytest.fixture(scope="module")
def native(system: ListsSystem) -> dict[str, list[str]]:
    return system.run("rcs_native_lists")


@pytest.fixture(scope="module")
def mapped(system: ListsSystem) -> dict[str, list[str]]:
    return system.run("rcs_mapped_lists")


SENDING = {
    "of_a_task": 1,
    "of_a_frame": 1,
    "written_and_returned": 1,
    "of_kwargs": 2,
    "of_expand": 2,
    "written_kwargs": 1,
}


@pytest.mark.parametrize(("task_id", "instances"), SENDING.items())
def test_a_list_whose_names_look_like_templates_is_sent(
    system: ListsSystem, lists: dict[str, list[str]], task_id: str, instances: int
) -> None:
    assert lists[task_id] == ["success"] * instances, system.log(task_id)[-4_000:]


@pytest.mark.parametrize("way", [1, 2, 5, 6, 7, 8, 9])
def test_a_name_is_sent_as_it_is_written_however_the_list_is_given(
    system: ListsSystem, lists: dict[str, list[str]], way: int
) -> None:
    assert [message["name"] for message in system.messages(way)[:2]] == [SECRET, BROKEN]


def test_the_result_of_a_task_inside_a_written_list_is_resolved(
    system: ListsSystem, lists: dict[str, list[str]]
) -> None:
    assert [message["name"] for message in system.messages(4)] == ["3 errors in {{ oops", BROKEN]


def test_constants_that_a_task_returned_are_no_templates_and_those_of_the_dag_are(
    system: ListsSystem, lists: dict[str, list[str]]
) -> None:
    sent = {way: system.messages(way)[0]["variables"]["Importe"] for way in (5, 6, 7, 8)}

    assert sent == {5: SECRET, 6: BROKEN, 7: "7", 8: "7"}


def test_the_token_of_the_account_is_sent_to_nobody_and_nowhere_in_the_logs(
    system: ListsSystem, lists: dict[str, list[str]]
) -> None:
    assert TOKEN not in json.dumps(system.sandbox.accepted())
    assert TOKEN not in "".join(system.log(task_id) for task_id in SENDING)


@pytest.mark.parametrize(
    ("task_id", "shown"),
    [
        ("of_a_task", ["<1,000 recipients: phone, name, city>"]),
        ("of_a_frame", ["<2 recipients: phone, name, city>"]),
        ("written_and_returned", ["<3 recipients: phone, name>"]),
        ("of_kwargs", ["<2 recipients: phone, name, city>"] * 2),
        ("of_expand", ["<2 recipients: phone, name, city>"] * 2),
        ("written_kwargs", ["<2 recipients: phone, name, city>"]),
    ],
)
def test_airflow_stores_a_count_and_the_columns_of_a_list(
    system: ListsSystem, lists: dict[str, list[str]], task_id: str, shown: list[str]
) -> None:
    fields = system.shown("rcs_lists", task_id)

    assert [each["recipients"] for each in fields] == shown
    assert "34600" not in json.dumps(fields)
    assert "oops" not in json.dumps(fields)


def test_the_logs_of_the_tasks_name_nobody(system: ListsSystem, lists: dict[str, list[str]]) -> None:
    logs = "".join(system.log(task_id) for task_id in SENDING)

    assert "oops" not in logs
    assert "34600" not in logs


def test_texts_stay_texts_under_native_rendering_and_only_recipients_become_a_list(
    system: ListsSystem, native: dict[str, list[str]]
) -> None:
    assert native["send"] == native["again"] == ["success"], all_logs(system.airflow.home)[-6_000:]
    assert [message["variables"]["Importe"] for message in system.messages(20)] == ["12.50", "12.50"]
    assert {message["agent"] for message in system.messages(20)} == {"007"}


def test_sensors_find_a_campaign_of_digits_under_native_rendering(
    system: ListsSystem, native: dict[str, list[str]]
) -> None:
    assert (native["poked"], native["deferred"]) == (["success"], ["success"]), system.log("deferred")[-4_000:]


def test_a_notification_sends_an_exception_as_text_under_native_rendering(
    system: ListsSystem, native: dict[str, list[str]]
) -> None:
    (message,) = system.airflow.wait_for(lambda: system.messages(21), "the notification was sent")

    assert message["variables"]["Importe"] == "12.50"


def test_mapped_tasks_that_do_not_name_their_campaign_send_nothing_and_say_how(
    system: ListsSystem, mapped: dict[str, list[str]]
) -> None:
    assert mapped["unnamed"] == mapped["by_index"] == ["failed", "failed"]
    assert "Name it by what its list is: expand_kwargs" in system.log("unnamed")
    assert "it is named by the map index" in system.log("by_index")
    assert system.messages(30) == system.messages(31) == []


def test_a_list_with_other_terms_than_its_campaign_is_refused_with_both_values(
    system: ListsSystem, mapped: dict[str, list[str]]
) -> None:
    assert mapped["by_night"] == ["failed", "success"]
    assert "was started with none and cannot continue with 22:00-09:00 (action 1)" in system.log("by_night")
    assert (len(system.messages(32)), system.messages(33), len(system.messages(34))) == (2, [], 2)


def test_a_mapped_group_whose_task_does_not_name_its_campaign_is_an_import_error(system: ListsSystem) -> None:
    def errors() -> list[tuple[str]]:
        return system.rows("SELECT stacktrace FROM import_error WHERE filename LIKE '%rcs_unnamed_group.py'")

    ((error,),) = system.airflow.wait_for(errors, "the error is shown")

    assert "Name it by what its list is: expand_kwargs" in error
