from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.receiver.looking import stored, unfolded, wait_until
from tests.integration.receiver.pushing import report_fields
from tests.stores import sqlite_store

LOGIN, PASSWORD = "panel", "panel-password"
_SECONDS_TO_START = 120
_SECONDS_TO_STOP = 60


@pytest.fixture
def airflow_store(tmp_path: Path) -> str:
    return sqlite_store(tmp_path / "store.db")


@pytest.fixture(params=["False", "True"], ids=["users", "all admins"])
def api_server(request: pytest.FixtureRequest, tmp_path: Path, airflow_store: str) -> Iterator[str]:
    """Run Airflow's API server on a database with the connection for reports; yield its URL.

    Where all users are administrators, Airflow adds an ``Authorization`` header of its own to every request.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": request.param,
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW_CONN_RCS_STORE": json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/store.db"}),
    }
    _airflow(environment, "db", "migrate")
    credentials = ("--conn-type", "generic", "--conn-login", LOGIN, "--conn-password", PASSWORD)
    _airflow(environment, "connections", "add", "rcs_reports", *credentials)
    log = tmp_path / "api-server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "airflow",
                "api-server",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--workers",
                "1",
            ],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: server.poll() is not None or _answers(f"{url}/rcs/health"), _SECONDS_TO_START)
            assert server.poll() is None, log.read_text()
            yield url
        finally:
            _end(server)


def test_reports_are_accepted_inside_airflows_api_server(api_server: str, airflow_store: str, tmp_path: Path) -> None:
    reports = f"{api_server}/rcs/reports"

    accepted = requests.post(reports, json=report_fields(1), auth=(LOGIN, PASSWORD), timeout=30)
    form = requests.post(reports, data=report_fields(2), auth=(LOGIN, PASSWORD), timeout=30)
    without = requests.post(reports, json=report_fields(3), timeout=30)
    wrong = requests.post(reports, json=report_fields(4), auth=(LOGIN, "wrong"), timeout=30)

    assert (accepted.status_code, accepted.json()) == (200, {"committed": 1})
    assert form.status_code == 200
    assert (without.status_code, wrong.status_code) == (401, 401)
    assert stored(airflow_store) == [1, 2]
    wait_until(lambda: unfolded(airflow_store) == 0)
    assert [requests.get(address, timeout=30).content for address in (reports, f"{reports}/")] == [b"", b""]
    assert requests.get(f"{api_server}/rcs/docs", timeout=30).status_code == 404
    assert PASSWORD not in (tmp_path / "api-server.log").read_text()


def _airflow(environment: dict[str, str], *arguments: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS_TO_START,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        # It runs in a session of its own, so only its own processes are killed.
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(_SECONDS_TO_STOP)
