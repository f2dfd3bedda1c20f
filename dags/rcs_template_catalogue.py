"""Copy the account's templates and their variables into a warehouse table every day.

Use it to look up the ids and the variables of templates, or to join them with the outcomes of campaigns. Connections:
``rcs_default`` (the RCS account) and ``warehouse`` (any SQL database).
"""

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
INSERT = "INSERT INTO rcs_template_variable (template_id, template_name, variable, type) VALUES ({0}, {0}, {0}, {0})"


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3},
    tags=["rcs", "example"],
    doc_md=__doc__,
)
def rcs_template_catalogue() -> None:
    @task
    def ids(templates: list[dict[str, str]]) -> list[str]:
        """Return the ids of the templates to look up."""
        return [template["id"] for template in templates]

    @task
    def save(templates: list[dict[str, Any]]) -> int:
        """Replace the rows of the table with the templates that the account has now."""
        rows = [
            (template["id"], template["name"], variable["name"], variable["type"])
            for template in templates
            for variable in template["variables"] or [{"name": "", "type": ""}]
        ]
        hook = BaseHook.get_connection("warehouse").get_hook()
        with closing(hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(CREATE)
            cursor.execute("DELETE FROM rcs_template_variable")
            # Drivers differ in how they spell a bound parameter ("?", "%s"); the hook knows.
            cursor.executemany(INSERT.format(hook.placeholder), rows)
            connection.commit()
        return len(rows)

    listed = RcsListTemplatesOperator(task_id="list_templates")
    looked_up = RcsGetTemplateOperator.partial(task_id="get_template").expand(template_id=ids(listed.output))  # type: ignore[arg-type]
    save(looked_up.output)  # type: ignore[arg-type]


rcs_template_catalogue()
