"""Do by a form what the command `airflow-rcs` does, for an Airflow without a shell (MWAA, Composer, Astronomer).

Use it by hand: trigger it, choose an action, and fill in what that needs. A wrong combination is refused before
anything happens. Each action is one task; its result is in that task's log, without names and phones of persons. Who
decides is the user who triggers the run.

**Phones are not typed into this form**, because Airflow keeps what was typed, in clear, as long as the run. Put them
into a variable (Admin -> Variables) whose key ends with `_secret`, such as `rcs_phones_secret`, one a line: Airflow
encrypts it and masks it. The action deletes it. Do not write personal data into the reason either.

Connections: `rcs_store` (the ledger), and for some actions `rcs_default`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_rcs.operators.maintenance.accounts import RcsListAccountsOperator, RcsMoveAccountOperator
from airflow_provider_rcs.operators.maintenance.campaigns import (
    RcsAllowCredentialsOperator,
    RcsCancelCampaignOperator,
    RcsListCampaignsOperator,
    RcsListInDoubtOperator,
    RcsResolveOperator,
)
from airflow_provider_rcs.operators.maintenance.people import (
    RcsAllowAgainOperator,
    RcsErasePersonOperator,
    RcsFindPersonOperator,
    RcsSuppressOperator,
)
from airflow_provider_rcs.operators.maintenance.reports import (
    RcsCountPrunableOperator,
    RcsListRefusedOperator,
    RcsPruneOperator,
    RcsRefoldOperator,
    RcsRetryRefusedOperator,
)
from airflow_provider_rcs.operators.maintenance.setup import RcsDoctorOperator, RcsMigrateOperator

ACTIONS = {
    "doctor": "check the setup",
    "migrate": "create or upgrade the store's tables",
    "campaigns": "list the campaigns with their progress",
    "in_doubt": "list the requests of a campaign that are in doubt",
    "resolve": "resolve the messages of a campaign that are in doubt",
    "allow_credentials": "let a campaign use credentials that the service refused",
    "cancel": "cancel a campaign",
    "accounts": "list the accounts of the store",
    "move_account": "say that an account has another login or host by now",
    "suppress": "suppress phones",
    "allow_again": "allow messages to suppressed phones again",
    "find_person": "count what the store holds of a person",
    "erase": "erase a person",
    "erase_and_suppress": "erase a person, and never message the phone again",
    "refold": "apply changed status codes",
    "count_prunable": "count the old data that prune would remove",
    "prune": "remove old data",
    "refused": "list the bodies that could not be read",
    "retry_refused": "read refused bodies again",
}
# Action -> the fields that it needs.
NEEDS = {
    "in_doubt": {"campaign"},
    "resolve": {"campaign", "outcome", "reason", "confirm"},
    "allow_credentials": {"campaign"},
    "cancel": {"campaign", "reason", "confirm"},
    "move_account": {"account", "rcs_conn_id", "confirm"},
    "suppress": {"reason"},
    "allow_again": {"phones_variable"},
    "find_person": {"phones_variable"},
    "erase": {"phones_variable", "confirm"},
    "erase_and_suppress": {"phones_variable", "confirm"},
    "count_prunable": {"older_than"},
    "prune": {"older_than", "confirm"},
}
# Action -> the fields that it can use as well.
TAKES = {
    "doctor": {"receiver_url", "template_id", "sql", "sql_conn_id"},
    "resolve": {"request", "phones_variable"},
    "suppress": {"phones_variable", "sql", "sql_conn_id", "path", "column", "default_region"},
    "allow_again": {"default_region"},
    "find_person": {"default_region"},
    "erase": {"default_region"},
    "erase_and_suppress": {"default_region"},
    "refold": {"campaign"},
    "count_prunable": {"campaign"},
    "prune": {"campaign"},
}


def text(description: str) -> Param:
    """Return a field of the form that may stay empty."""
    return Param("", type="string", description=description)


with DAG(
    dag_id="rcs_maintenance",
    description="What airflow-rcs does, by a form",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    params={
        "action": Param("campaigns", type="string", enum=list(ACTIONS), values_display=ACTIONS),
        "campaign": text("Name of the campaign"),
        "outcome": Param(
            "",
            type="string",
            enum=["", "accepted", "not_sent"],
            description="Of the messages in doubt. not_sent sends them again: be certain that they were not sent",
        ),
        "request": text("Resolve only the messages of the request with this reference"),
        "reason": text("Why; recorded with each message. No names, no phones"),
        "phones_variable": text("Key of the Airflow variable with the phones, such as rcs_phones_secret"),
        "sql": text("A query: with one column, the phones to suppress; or that of a campaign, to check it"),
        "sql_conn_id": text("Connection of the query"),
        "path": text("A CSV or Parquet file with the phones to suppress, such as s3://connection@bucket/opt_outs.csv"),
        "column": text("Column of the phones in the file, if it is not called phone"),
        "default_region": text("Region of phones without a country, such as ES"),
        "account": text("The account as it was: the first eight letters that accounts shows, or more"),
        "rcs_conn_id": text("Connection to the account as it is now"),
        "older_than": text("Minimum age of old data, such as 180d or 26w"),
        "receiver_url": text("Address for reports in the RCS account's panel, to check it"),
        "template_id": text("Template of the campaign to check"),
        "confirm": text(
            "To resolve or cancel: the campaign's name again. To erase: erase. To prune: prune. To move: move"
        ),
    },
    tags=["rcs", "example"],
    doc_md=__doc__,
) as dag:

    @task.branch
    def choose(**context: Any) -> str:
        """Return the task of the action, if the form holds what it needs and nothing that it would ignore."""
        params = context["params"]
        action = params["action"]
        filled = {name for name, value in params.items() if value and name != "action"}
        needed = NEEDS.get(action, set())
        if missing := sorted(needed - filled):
            raise AirflowFailException(f"{action} needs {', '.join(missing)}. Nothing was done.")
        if unused := sorted(filled - needed - TAKES.get(action, set())):
            raise AirflowFailException(f"{action} does not use {', '.join(unused)}; leave it empty. Nothing was done.")
        expected = params["campaign"] if action in ("resolve", "cancel") else action.partition("_")[0]
        if "confirm" in needed and params["confirm"] != expected:
            raise AirflowFailException(f"confirm is not {expected!r}. Nothing was done.")
        return str(action)

    campaign = "{{ params.campaign }}"
    reason = "{{ params.reason }}"
    older_than = "{{ params.older_than }}"
    phones: dict[str, Any] = {
        "phones_variable": "{{ params.phones_variable }}",
        "default_region": "{{ params.default_region }}",
    }
    query: dict[str, Any] = {"sql": "{{ params.sql }}", "sql_conn_id": "{{ params.sql_conn_id }}"}

    choose() >> [
        RcsDoctorOperator(
            task_id="doctor",
            receiver_url="{{ params.receiver_url }}",
            template_id="{{ params.template_id }}",
            **query,
        ),
        RcsMigrateOperator(task_id="migrate"),
        RcsListCampaignsOperator(task_id="campaigns"),
        RcsListInDoubtOperator(task_id="in_doubt", campaign=campaign),
        RcsResolveOperator(
            task_id="resolve",
            campaign=campaign,
            outcome="{{ params.outcome }}",
            reason=reason,
            request="{{ params.request }}",
            phones_variable=phones["phones_variable"],
        ),
        RcsAllowCredentialsOperator(task_id="allow_credentials", campaign=campaign),
        RcsCancelCampaignOperator(task_id="cancel", campaign=campaign, reason=reason),
        RcsListAccountsOperator(task_id="accounts"),
        RcsMoveAccountOperator(
            task_id="move_account", account="{{ params.account }}", rcs_conn_id="{{ params.rcs_conn_id }}"
        ),
        RcsSuppressOperator(
            task_id="suppress",
            reason=reason,
            path="{{ params.path }}",
            column="{{ params.column or 'phone' }}",
            **phones,
            **query,
        ),
        RcsAllowAgainOperator(task_id="allow_again", **phones),
        RcsFindPersonOperator(task_id="find_person", **phones),
        RcsErasePersonOperator(task_id="erase", suppress=False, **phones),
        RcsErasePersonOperator(task_id="erase_and_suppress", suppress=True, **phones),
        RcsRefoldOperator(task_id="refold", campaign=campaign),
        RcsCountPrunableOperator(task_id="count_prunable", older_than=older_than, campaign=campaign),
        RcsPruneOperator(task_id="prune", older_than=older_than, campaign=campaign),
        RcsListRefusedOperator(task_id="refused"),
        RcsRetryRefusedOperator(task_id="retry_refused"),
    ]
