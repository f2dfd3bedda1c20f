"""The steps of the demo."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from examples.demo.airflow_api import AirflowApi
from examples.demo.home import READ_CODE, SANDBOX_LOGIN, SANDBOX_TOKEN, Home, sandbox_connection
from examples.demo.processes import Processes
from examples.demo.sample import CUSTOMERS, make_warehouse
from examples.demo.summary import funnel_table, next_steps, sample_rows, times_table

DAG_ID = "rcs_campaign"
_SECONDS_TO_START = 240.0
_SECONDS_TO_RUN = 300.0


class DemoFailedError(RuntimeError):
    """The demo did not complete."""


@dataclass
class Demo:
    """One run of the demo.

    :param home: folder and settings of its Airflow.
    :param campaign: name of the campaign.
    """

    home: Home
    campaign: str
    times: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Run the campaign, and print its results.

        :raises DemoFailedError: if the DAG fails or takes too long.
        """
        print(f"RCS demo: campaign {self.campaign!r} with {CUSTOMERS:,} customers, all on this machine.\n")
        self.home.folder.mkdir(parents=True, exist_ok=True)
        before = self._accepted_by_sandbox()
        with Processes(self.home.logs) as processes:
            environment = self._prepare()
            with self._step("start the sandbox and the receiver"):
                refused = make_warehouse(self.home.warehouse)
                url = self._start_services(processes, environment, refused)
            environment["AIRFLOW_CONN_RCS_DEFAULT"] = sandbox_connection(url)
            with self._step("start Airflow"):
                api = self._start_airflow(processes, environment)
            self._run_dag(processes, api)
        self._show(self._accepted_by_sandbox() - before)

    def _prepare(self) -> dict[str, str]:
        environment = self.home.environment()
        with self._step("create the store and Airflow's database"):
            self._command(environment, "airflow-rcs", "migrate")
            self._command(environment, "airflow", "db", "migrate")
        return environment

    def _start_services(self, processes: Processes, environment: dict[str, str], refused: list[str]) -> str:
        processes.start("receiver", ["airflow-rcs", "receiver", "--port", "0"], environment)
        reports_url = processes.wait_for_line("receiver", "receiver ready on", _SECONDS_TO_START)
        sandbox = ["airflow-rcs", "sandbox", "--port", str(self.home.sandbox_port), "--quiet"]
        sandbox += ["--record", str(self.home.sandbox_record)]
        sandbox += ["--login", SANDBOX_LOGIN, "--password", SANDBOX_TOKEN, "--code", f"read={READ_CODE}"]
        sandbox += ["--report-url", reports_url, "--report-login", environment["AIRFLOW_RCS_REPORTS_LOGIN"]]
        sandbox += ["--report-password", self.home.reports_password]
        sandbox += [argument for phone in refused for argument in ("--refused-phone", phone)]
        processes.start("sandbox", sandbox, environment)
        return processes.wait_for_line("sandbox", "sandbox ready on", _SECONDS_TO_START)

    def _start_airflow(self, processes: Processes, environment: dict[str, str]) -> AirflowApi:
        processes.start("airflow", ["airflow", "standalone"], environment)
        api = AirflowApi(environment["AIRFLOW__API__BASE_URL"])
        self._wait(processes, api.is_healthy, "Airflow did not become healthy")
        api.log_in()
        self._wait(processes, lambda: api.knows_dag(DAG_ID), f"Airflow did not parse the DAG {DAG_ID}")
        return api

    def _run_dag(self, processes: Processes, api: AirflowApi) -> None:
        api.unpause(DAG_ID)
        run_id = api.trigger(DAG_ID, {"campaign": self.campaign})
        shown: dict[str, str] = {}
        end = time.monotonic() + _SECONDS_TO_RUN
        begun = time.monotonic()
        while (state := api.run_state(DAG_ID, run_id)) not in ("success", "failed"):
            if time.monotonic() > end:
                raise DemoFailedError(f"the DAG run took more than {_SECONDS_TO_RUN:.0f} s; see {self.home.logs}")
            processes.require_running()
            self._show_progress(api, run_id, shown)
            time.sleep(0.3)
        self._show_progress(api, run_id, shown)
        for task_id, (_, seconds) in api.task_states(DAG_ID, run_id).items():
            self.times[f"  task {task_id}"] = seconds
        self.times["run the DAG"] = time.monotonic() - begun
        if state == "failed":
            raise DemoFailedError(f"the DAG run failed; the logs of its tasks are in {self.home.folder / 'logs'}")

    def _show_progress(self, api: AirflowApi, run_id: str, shown: dict[str, str]) -> None:
        for task_id, (state, _) in api.task_states(DAG_ID, run_id).items():
            if state not in (shown.get(task_id), "waiting", "scheduled", "queued"):
                print(f"    {DAG_ID}.{task_id}: {state}", flush=True)
                shown[task_id] = state

    def _show(self, sent: int) -> None:
        print(f"\n{funnel_table(self.home.warehouse, self.campaign)}")
        if sent:
            print(f"\nThe service's own record has {sent:,} new messages.")
        else:
            print("\nThis campaign was sent before, so nobody was sent a second message: the service's own record")
            print("has no new messages.")
        print(f"\nThree rows of the warehouse table rcs_message:\n\n{sample_rows(self.home.warehouse, self.campaign)}")
        print(f"\n{times_table(self.times)}\n\n{next_steps(self.home, self.campaign)}")

    def _accepted_by_sandbox(self) -> int:
        record = self.home.sandbox_record
        return len(record.read_bytes().splitlines()) if record.exists() else 0

    def _command(self, environment: dict[str, str], *command: str) -> None:
        completed = subprocess.run(  # noqa: S603 - the commands are the demo's own
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if completed.returncode:
            raise DemoFailedError(f"{' '.join(command)} failed:\n{completed.stdout[-2000:]}{completed.stderr[-2000:]}")

    def _wait(self, processes: Processes, condition: Callable[[], bool], failure: str) -> None:
        end = time.monotonic() + _SECONDS_TO_START
        while not condition():
            if time.monotonic() > end:
                raise DemoFailedError(f"{failure} within {_SECONDS_TO_START:.0f} s; see {self.home.logs}")
            processes.require_running()
            time.sleep(0.3)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        print(f"  {name} ...", flush=True)
        begun = time.monotonic()
        yield
        self.times[name] = time.monotonic() - begun
