"""Reports pushed to a real API server whose store is away, before it is killed and its disk is gone, as a pod's is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import sqlalchemy as sa

from examples.demo.home import Home
from tests.integration.receiver.looking import stored, wait_until
from tests.integration.receiver.pushing import report_fields
from tests.integration.receiver.stoppable_postgres import StoppablePostgres, stoppable_store
from tests.receiver_process import ReceiverProcess
from tests.running_airflow import RunningAirflow, database_connection, running_airflow


@pytest.fixture
def store() -> Iterator[StoppablePostgres]:
    with stoppable_store() as server:
        yield server


@contextmanager
def api_server(folder: Path, store: StoppablePostgres, **settings: str) -> Iterator[RunningAirflow]:
    """Run an API server in a home of its own; at the end it is killed, and its home is deleted."""
    home = Home(folder / "home", folder / "dags")
    home.folder.mkdir()
    settings = {"AIRFLOW_CONN_RCS_STORE": database_connection(sa.make_url(store.url)), **settings}
    with running_airflow(home, settings, ["api-server"]) as airflow:
        yield airflow
        for server in _listening_on(home.api_port):
            server.kill()
            server.wait()
    shutil.rmtree(home.folder)


def _listening_on(port: int) -> list[psutil.Process]:
    sockets = psutil.net_connections("tcp")
    pids = {each.pid for each in sockets if each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,)}
    assert pids
    return [psutil.Process(pid) for pid in pids]


def push(airflow: RunningAirflow, number: int) -> requests.Response:
    return requests.post(
        f"{airflow.url}/rcs/reports",
        json=report_fields(number),
        auth=("rcs", airflow.home.reports_password),
        timeout=30,
    )


def health(airflow: RunningAirflow) -> tuple[int, Any]:
    response = requests.get(f"{airflow.url}/rcs/health", timeout=30)
    return response.status_code, response.json()


def test_an_api_server_without_a_spool_promises_nothing_that_is_lost_with_its_disk(
    tmp_path: Path, store: StoppablePostgres
) -> None:
    with api_server(tmp_path, store) as airflow:
        first = push(airflow, 0)
        store.stop()
        refused = [push(airflow, number) for number in range(1, 13)]
        while_away = health(airflow)
        store.start()
        wait_until(lambda: push(airflow, 13).json() == {"committed": 1})
        spooled = list(airflow.home.folder.rglob("*.spool"))

    assert first.json() == {"committed": 1}
    assert [response.status_code for response in refused] == [503] * 12
    assert while_away == (503, {"status": "not ready"})
    assert spooled == []
    assert stored(store.url) == [0, 13]


def test_what_an_api_server_answered_as_spooled_outlives_it_in_the_folder_that_is_set(
    tmp_path: Path, store: StoppablePostgres
) -> None:
    spool = tmp_path / "volume" / "spool"
    store.stop()
    with api_server(tmp_path, store, AIRFLOW__RCS__REPORTS_SPOOL=str(spool)) as airflow:
        answers = [push(airflow, number) for number in range(12)]
        status, state = health(airflow)
    store.start()

    with ReceiverProcess(store.url, environment={"AIRFLOW_RCS_SPOOL": str(spool)}):
        wait_until(lambda: stored(store.url) == list(range(12)))

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"spooled": 1})] * 12
    assert (status, state["status"], state["spool"]["entries"]) == (200, "degraded", 12)
    wait_until(lambda: not list(spool.iterdir()))
