"""The calls to Airflow's REST API that the demo makes."""

from __future__ import annotations

from typing import Any

import requests

_TIMEOUT_SECONDS = 60
_OK = 200


class AirflowApi:
    """A client of Airflow's REST API.

    :param url: base URL of the API server.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def is_healthy(self) -> bool:
        """Return whether the database, scheduler, triggerer and DAG processor are all healthy."""
        try:
            response = self._session.get(f"{self._url}/api/v2/monitor/health", timeout=_TIMEOUT_SECONDS)
        except requests.RequestException:
            return False
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return response.status_code == _OK and all(response.json()[part]["status"] == "healthy" for part in parts)

    def log_in(self) -> None:
        """Log in as the administrator."""
        response = self._session.get(f"{self._url}/auth/token", timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def knows_dag(self, dag_id: str) -> bool:
        """Return whether Airflow has parsed the DAG."""
        return self._session.get(self._dag(dag_id), timeout=_TIMEOUT_SECONDS).status_code == _OK

    def unpause(self, dag_id: str) -> None:
        """Unpause a DAG."""
        response = self._session.patch(self._dag(dag_id), json={"is_paused": False}, timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run of a DAG, and return its id."""
        response = self._session.post(
            f"{self._dag(dag_id)}/dagRuns",
            json={"logical_date": None, "conf": conf},
            timeout=_TIMEOUT_SECONDS,
        )
        response.raise_for_status()
        return str(response.json()["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self._get(f"{self._dag(dag_id)}/dagRuns/{run_id}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, tuple[str, float]]:
        """Return the state and the duration in seconds of each task of a run."""
        tasks = self._get(f"{self._dag(dag_id)}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: (task["state"] or "waiting", float(task["duration"] or 0)) for task in tasks}

    def _dag(self, dag_id: str) -> str:
        return f"{self._url}/api/v2/dags/{dag_id}"

    def _get(self, url: str) -> dict[str, Any]:
        response = self._session.get(url, timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
        content: dict[str, Any] = response.json()
        return content
