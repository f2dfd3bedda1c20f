"""The start of the receiver, from the command to the first 200 of its health endpoint."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence

from airflow_provider_rcs.get_provider_info import STORE_URL_VARIABLE
from airflow_provider_rcs.receiver import config
from airflow_provider_rcs.receiver.app import HEALTH_PATH
from benchmarks.measure import Measured, MeasuredTimes, Way, measure

_COMMAND = "import sys; from airflow_provider_rcs.cli.main import main; sys.exit(main())"
# What Airflow's own commands load before they run.
_WITH_AIRFLOW = f"import airflow.models, airflow.cli.cli_parser; {_COMMAND}"
_DO_NOTHING = """
import sys, uvicorn

async def answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})

uvicorn.run(answer, port=int(sys.argv[-1]), log_level="warning", lifespan="off")
"""


def run(database: str, url: str) -> Measured:
    """Measure the start, each time in a new process.

    :param url: URL of a migrated store.
    """
    given = {STORE_URL_VARIABLE: url, config.REPORTS_LOGIN: "bench", config.REPORTS_PASSWORD: "bench"}
    with tempfile.TemporaryDirectory() as folder:
        # An installed program has its modules compiled, so the first start, which compiles them, is not counted.
        environment = {**os.environ, **given, "AIRFLOW_HOME": folder, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        ways = {
            "ours": Way("airflow-rcs receiver", lambda: _start(["-c", _COMMAND, "receiver"], environment)),
            "naive": Way("with Airflow loaded", lambda: _start(["-c", _WITH_AIRFLOW, "receiver"], environment)),
            "limit": Way("a server that does nothing", lambda: _start(["-c", _DO_NOTHING], environment)),
        }
        for way in ways.values():
            way.run()
        return measure(f"receiver started on {database}", **ways, kind=MeasuredTimes)


def _start(command: Sequence[str], environment: Mapping[str, str]) -> int:
    port = _free_port()
    arguments = [sys.executable, *command, "--port", str(port)]
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            while not _answers(port):
                if process.poll() is not None:
                    raise RuntimeError(f"the server ended with {process.returncode}")
                time.sleep(0.002)
        finally:
            process.terminate()
    return 1


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", HEALTH_PATH)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
