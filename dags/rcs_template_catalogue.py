"""The account's templates and their variables, kept in a warehouse table."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import Any

import pendulum
from airflow.sdk import dag, task
from airflow.sdk.bases.hook import BaseHook

from airflow_provider_rcs.operators.rcs import RcsGetTemplateOperator, RcsListTemplatesOperator

CREATE = """
    CREATE TABLE IF NOT EXISTS rcs_template_variable (
        template_id TEXT NOT NULL, template_name TEXT NOT NULL, variable TEXT NOT NULL, type TEXT NOT NULL
    )
"""
INSERT = "INSERT INTO rcs_template_variable (template_id, template_name, variable, type) VALUES (?, ?, ?, ?)"


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    tags=["rcs", "example"],
    doc_md=__doc__,
)
def rcs_template_catalogue() -> None:
    @task
    def ids(templates: list[dict[str, str]]) -> list[str]:
        """Name the templates to look up."""
        return [template["id"] for template in templates]

    @task
    def keep(templates: list[dict[str, Any]]) -> int:
        """Replace the table's rows by what the account has now."""
        rows = [
            (template["id"], template["name"], variable["name"], variable["type"])
            for template in templates
            for variable in template["variables"] or [{"name": "", "type": ""}]
        ]
        with closing(BaseHook.get_connection("warehouse").get_hook().get_conn()) as connection:
            connection.execute(CREATE)
            connection.execute("DELETE FROM rcs_template_variable")
            connection.executemany(INSERT, rows)
            connection.commit()
        return len(rows)

    listed = RcsListTemplatesOperator(task_id="list_templates")
    looked_up = RcsGetTemplateOperator.partial(task_id="get_template").expand(template_id=ids(listed.output))  # type: ignore[arg-type]
    keep(looked_up.output)  # type: ignore[arg-type]


rcs_template_catalogue()
