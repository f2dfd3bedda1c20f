"""The few calls to Airflow's REST API that the demo makes."""

from __future__ import annotations

from typing import Any

import requests

_SECONDS_TO_ANSWER = 60
_OK = 200


class AirflowApi:
    """Airflow's REST API of one server.

    :param url: where the API server listens.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def is_healthy(self) -> bool:
        """Tell whether database, scheduler, triggerer and DAG processor are all up."""
        try:
            answer = self._session.get(f"{self._url}/api/v2/monitor/health", timeout=_SECONDS_TO_ANSWER)
        except requests.RequestException:
            return False
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return answer.status_code == _OK and all(answer.json()[part]["status"] == "healthy" for part in parts)

    def log_in(self) -> None:
        """Get the token of the administrator."""
        answer = self._session.get(f"{self._url}/auth/token", timeout=_SECONDS_TO_ANSWER)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def knows_dag(self, dag_id: str) -> bool:
        """Tell whether the DAG has been read from its file."""
        return self._session.get(self._dag(dag_id), timeout=_SECONDS_TO_ANSWER).status_code == _OK

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run the DAG."""
        answer = self._session.patch(self._dag(dag_id), json={"is_paused": False}, timeout=_SECONDS_TO_ANSWER)
        answer.raise_for_status()

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run of a DAG, and return its id."""
        answer = self._session.post(
            f"{self._dag(dag_id)}/dagRuns",
            json={"logical_date": None, "conf": conf},
            timeout=_SECONDS_TO_ANSWER,
        )
        answer.raise_for_status()
        return str(answer.json()["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self._get(f"{self._dag(dag_id)}/dagRuns/{run_id}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, tuple[str, float]]:
        """Return for each task of a run its state, and how many seconds it took."""
        tasks = self._get(f"{self._dag(dag_id)}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: (task["state"] or "waiting", float(task["duration"] or 0)) for task in tasks}

    def _dag(self, dag_id: str) -> str:
        return f"{self._url}/api/v2/dags/{dag_id}"

    def _get(self, url: str) -> dict[str, Any]:
        answer = self._session.get(url, timeout=_SECONDS_TO_ANSWER)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content
