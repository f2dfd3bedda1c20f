"""The maintenance DAG, by ``airflow dags test`` and under a running Airflow."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_rcs.store.campaign.cancellations import read_cancellations
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.outbox.suppression_list import suppressions
from examples.demo.home import Home, free_port
from tests.running_airflow import RunningAirflow, all_logs, running_airflow
from tests.system.conftest import DAGS, AirflowCommands
from tests.unit.store.given import ANA, BEA, planned, row, sent, states

MAINTENANCE = "rcs_maintenance"
VARIABLE = "rcs_phones_secret"
DIGITS = ANA.removeprefix("+34")


@pytest.fixture(scope="module")
def dag_file() -> Any:
    """The DAG's module."""
    spec = importlib.util.spec_from_file_location(MAINTENANCE, DAGS / f"{MAINTENANCE}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def choose(dag_file: Any, **filled: str) -> Any:
    params = dict.fromkeys(dag_file.dag.params, "") | filled
    return dag_file.dag.get_task("choose").python_callable(params=params)


def test_every_action_has_its_task(dag_file: Any) -> None:
    assert set(dag_file.dag.task_ids) == {"choose", *dag_file.ACTIONS}


@pytest.mark.parametrize(
    "filled",
    [
        {"action": "campaigns"},
        {"action": "cancel", "campaign": "spring", "reason": "wrong", "confirm": "spring"},
        {"action": "erase", "phones_variable": VARIABLE, "confirm": "erase"},
        {"action": "erase_and_suppress", "phones_variable": VARIABLE, "confirm": "erase", "default_region": "ES"},
        {"action": "prune", "older_than": "180d", "confirm": "prune"},
        {"action": "suppress", "reason": "said STOP", "sql": "SELECT 1", "sql_conn_id": "warehouse"},
    ],
    ids=lambda filled: filled["action"],
)
def test_a_complete_form_chooses_the_task_of_its_action(dag_file: Any, filled: dict[str, str]) -> None:
    assert choose(dag_file, **filled) == filled["action"]


@pytest.mark.parametrize(
    ("filled", "text"),
    [
        ({"action": "cancel", "campaign": "spring"}, "cancel needs confirm, reason. Nothing was done."),
        (
            {"action": "cancel", "campaign": "spring", "reason": "wrong", "confirm": "summer"},
            "confirm is not 'spring'. Nothing was done.",
        ),
        ({"action": "migrate", "campaign": "spring"}, "migrate does not use campaign; leave it empty."),
        ({"action": "prune", "older_than": "180d", "confirm": "yes"}, "confirm is not 'prune'. Nothing was done."),
        ({"action": "erase", "confirm": "erase"}, "erase needs phones_variable. Nothing was done."),
    ],
)
def test_a_form_that_lacks_something_or_has_too_much_is_refused(
    dag_file: Any, filled: dict[str, str], text: str
) -> None:
    with pytest.raises(AirflowFailException, match=text):
        choose(dag_file, **filled)


def test_a_campaign_is_cancelled_by_the_form_and_no_other_task_runs(airflow: AirflowCommands) -> None:
    store = engine_from_url(f"sqlite:///{airflow.store}")
    planned(store, [ANA, BEA], "to cancel")

    refused = airflow.run_dag(MAINTENANCE, {"action": "cancel", "campaign": "to cancel", "reason": "wrong"})
    assert states(store, "to cancel") == {ANA: "planned", BEA: "planned"}
    form = {"action": "cancel", "campaign": "to cancel", "reason": "wrong", "confirm": "to cancel"}
    completed = airflow.run_dag(MAINTENANCE, form)

    assert "cancel needs confirm. Nothing was done." in refused.stdout + refused.stderr
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert states(store, "to cancel") == {ANA: "suppressed", BEA: "suppressed"}
    assert read_cancellations(store)["to cancel"].decided_by == "dag_test"
    store.dispose()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    folder = tmp_path_factory.mktemp("maintenance")
    home = Home(folder, folder / "dags")
    home.dags.mkdir()
    shutil.copy(DAGS / f"{MAINTENANCE}.py", home.dags)
    store = engine_from_url(home.store_url)
    migrate(store)
    store.dispose()
    with running_airflow(home, {}) as airflow:
        airflow.wait_until_healthy()
        yield airflow


def test_a_person_is_erased_by_the_user_who_triggers_and_no_phone_stays_in_airflow(system: RunningAirflow) -> None:
    store = engine_from_url(system.home.store_url)
    sent(store, [ANA, BEA])
    system.command("variables", "set", VARIABLE, ANA)

    conf = {"action": "erase_and_suppress", "phones_variable": VARIABLE, "confirm": "erase"}
    run_id = system.run_dag(MAINTENANCE, **conf)

    assert system.end_of_run(MAINTENANCE, run_id) == "success"
    assert [key for key in states(store) if key.startswith("+")] == [BEA]
    assert row(store, BEA).phone == BEA
    assert [each.phone for each in suppressions(store)] == [None]
    with store.connect() as connection:
        # What Airflow calls the user where everybody is an administrator, as in this one.
        assert connection.exec_driver_sql("SELECT erased_by FROM rcs_erasure").scalars().all() == ["Anonymous"]
    assert tables_with(system.home.folder, DIGITS) == []
    assert not [file for file in (system.home.folder / "logs").rglob("*.log") if DIGITS in file.read_text("utf-8")]
    store.dispose()


def tables_with(folder: Path, text: str) -> list[str]:
    """Return the tables of Airflow's database that contain a text."""
    (database,) = folder.rglob("airflow.db")
    found = []
    with closing(sqlite3.connect(database)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()
            found += [table] if any(text in str(value) for values in rows for value in values) else []
    return found


def test_the_doctor_sees_connections_of_airflows_database_from_a_worker(system: RunningAirflow) -> None:
    account = {"conn_type": "rcs", "host": f"http://127.0.0.1:{free_port()}", "login": "demo", "password": "demo-token"}
    system.command("connections", "add", "rcs_default", "--conn-json", json.dumps(account))

    run_id = system.run_dag(MAINTENANCE, action="doctor")

    assert system.end_of_run(MAINTENANCE, run_id) == "failed"
    found = re.findall(r'"event":"((?:ok|warning|failed) +[^"]*)"', all_logs(system.home))
    assert found[:2] == [
        "ok       connection 'rcs_default': found in what Airflow's API server knows, such as its database",
        "ok       connection 'rcs_store': found in the environment",
    ]
    assert [line for line in found if line.startswith("failed   service: ") and "could not connect" in line]
    assert "ok       reports' password: it is set, and long enough" in found
    assert "demo-token" not in all_logs(system.home)
