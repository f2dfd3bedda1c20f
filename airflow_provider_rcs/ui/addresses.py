"""The addresses of the pages, and of Airflow's own."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from airflow_provider_rcs.store.outbox.attempts import StartedBy

MOUNT = "/rcs"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses, as a browser needs them.

    :param root: the path at which the pages are mounted, such as ``/airflow/rcs``.
    """

    root: str

    @property
    def airflow(self) -> str:
        """Airflow's start page."""
        return f"{self.root.removesuffix(MOUNT)}/"

    def campaigns(self, search: str = "", number: int = 1) -> str:
        """Return the address of a page of the list of campaigns."""
        query = {"search": search} if search else {}
        if number > 1:
            query["page"] = str(number)
        return f"{self.root}/" + (f"?{urlencode(query)}" if query else "")

    def campaign(self, name: str) -> str:
        """Return the address of a campaign."""
        return f"{self.root}/campaigns/{quote(name)}"

    def status(self) -> str:
        """Return the address of the page on the health of store and receiver."""
        return f"{self.root}/status"

    def asset(self, name: str, version: str) -> str:
        """Return the address of a file that the pages need."""
        return f"{self.root}/assets/{name}?v={version}"

    def log_in(self, next_path: str) -> str:
        """Return the address of Airflow's log-in, which leads back to a path."""
        return f"{self.airflow}api/v2/auth/login?{urlencode({'next': next_path})}"

    def dag(self, dag_id: str) -> str:
        """Return Airflow's address of a DAG, where it can be triggered."""
        return f"{self.airflow}dags/{_segment(dag_id)}"

    def run(self, started_by: StartedBy) -> str:
        """Return Airflow's address of a task in its run; empty if it has none."""
        if not (started_by.dag_id and started_by.run_id and started_by.task_id):
            return ""
        dag, run, task = map(_segment, (started_by.dag_id, started_by.run_id, started_by.task_id))
        mapped = "" if started_by.map_index in (None, -1) else f"/mapped/{started_by.map_index}"
        return f"{self.airflow}dags/{dag}/runs/{run}/tasks/{task}{mapped}"

    def question(self, asked_by: StartedBy) -> str:
        """Return Airflow's address at which a person answers what a task asks."""
        return f"{self.run(asked_by)}/required_actions"


def _segment(text: str) -> str:
    return quote(text, safe="")
