"""The example DAGs, run by Airflow against the sandbox, the receiver and real databases."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from airflow import __version__ as airflow_version
from packaging.version import Version

from airflow_provider_rcs.api.accounts import account_of
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.notifications.rcs import CAMPAIGN_REFERENCE
from airflow_provider_rcs.sending.scheduled import DispatchConnections, schedule_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from tests.system.conftest import AirflowCommands
from tests.unit.sending.service import Service

CAMPAIGN = "spring"
ON_DUTY = ["34600000001", "34600000002"]
# Under `airflow dags test` of Airflow 3.2, the callback of a task does not get the exception.
REASON = "the warehouse is full" if Version(airflow_version) >= Version("3.3") else "see its log"


@pytest.fixture(scope="module")
def first_log(airflow: AirflowCommands) -> str:
    """Output of the first run of ``rcs_campaign``."""
    return run(airflow)


@pytest.fixture(scope="module")
def campaign(first_log: str) -> str:
    """A campaign that is sent, reported on and loaded."""
    return CAMPAIGN


@pytest.fixture(scope="module")
def second_log(airflow: AirflowCommands, campaign: str) -> str:
    """Output of a second run of ``rcs_campaign`` for the same campaign."""
    return run(airflow)


def run(airflow: AirflowCommands) -> str:
    completed = airflow.run_dag("rcs_campaign", {"campaign": CAMPAIGN})
    written = completed.stdout + completed.stderr
    assert completed.returncode == 0, written
    return written


def accepted_by_sandbox(airflow: AirflowCommands, template_id: str) -> list[tuple[str, ...]]:
    return sorted(
        (
            f"+{entry['phone']}",
            entry["name"],
            entry["reference"],
            entry["campaign_reference"],
            str(entry["send_id"]),
            str(entry["message_id"]),
        )
        for entry in airflow.sandbox.accepted()
        if entry["template_id"] == template_id
    )


def test_the_store_agrees_row_for_row_with_what_the_service_accepted(airflow: AirflowCommands, campaign: str) -> None:
    in_store = airflow.rows(
        airflow.store,
        "SELECT m.phone, m.name, m.reference, r.reference, r.api_campaign_id, m.api_message_id FROM rcs_message m "
        "JOIN rcs_request r ON r.id = m.request_id JOIN rcs_campaign c ON c.id = m.campaign_id "
        "WHERE c.name = ? AND m.state = 'accepted' ORDER BY 1",
        campaign,
    )

    assert in_store == accepted_by_sandbox(airflow, "1234568")
    assert len(in_store) == 970


def test_the_warehouse_agrees_row_for_row_with_what_the_service_accepted(
    airflow: AirflowCommands, campaign: str
) -> None:
    in_warehouse = airflow.rows(
        airflow.warehouse,
        "SELECT phone, name, reference, request_reference, api_campaign_id, api_message_id FROM rcs_message "
        "WHERE campaign = ? AND state = 'accepted' ORDER BY 1",
        campaign,
    )

    assert in_warehouse == accepted_by_sandbox(airflow, "1234568")


def test_every_variable_of_every_message_comes_from_the_row_of_its_customer(
    airflow: AirflowCommands, campaign: str
) -> None:
    sent = {
        entry["reference"]: (entry["variables"]["Pedido"], entry["variables"]["Fecha"])
        for entry in airflow.sandbox.accepted()
        if entry["template_id"] == "1234568"
    }

    customers = airflow.rows(airflow.warehouse, "SELECT customer_id, order_number, delivery_day FROM customer")

    assert sent == {str(number): (order, day) for number, order, day in customers if str(number) in sent}


def test_the_warehouse_accounts_for_every_customer_and_shows_why_some_got_no_message(
    airflow: AirflowCommands, campaign: str
) -> None:
    rows = airflow.rows(
        airflow.warehouse,
        "SELECT state, reason, COUNT(*), SUM(repeats) FROM rcs_message WHERE campaign = ? GROUP BY 1, 2",
        campaign,
    )

    counts = {(state, reason): count for state, reason, count, _ in rows}
    assert sum(count + repeats for *_, count, repeats in rows) == 1_000
    assert counts == {
        ("accepted", ""): 970,
        ("rejected", "phone: it is missing"): 8,
        ("rejected", "phone: it is not a phone number"): 4,
        ("rejected", "phone: it is not a number of ES; if it is international, write + before it"): 5,
        ("rejected", "phone: it is not a whole number"): 2,
        ("rejected", "variable Fecha: it has no value"): 1,
        ("rejected", "the service rejected the phone without giving a reason; check the number"): 4,
    }


def test_every_accepted_message_in_the_warehouse_has_the_final_status_of_its_reports(
    airflow: AirflowCommands, campaign: str
) -> None:
    mismatched = airflow.rows(
        airflow.warehouse,
        """
        SELECT m.id, m.delivery_status, m.delivery_code FROM rcs_message m
        WHERE m.campaign = ? AND m.state = 'accepted' AND (
            m.delivery_status NOT IN ('delivered', 'read', 'failed')
            OR NOT EXISTS (SELECT 1 FROM rcs_report r WHERE r.message_id = m.id AND r.status_code = m.delivery_code)
            OR EXISTS (SELECT 1 FROM rcs_report r WHERE r.message_id = m.id AND r.status_code = '20'
                       AND m.delivery_status <> 'read')
        )
        """,
        campaign,
    )

    # The sensor waits for 99%, so up to 1% of the messages may be reported after the load.
    assert len(mismatched) <= 10


def test_a_second_run_of_the_same_campaign_sends_nobody_a_second_message_and_says_so(
    airflow: AirflowCommands, second_log: str
) -> None:
    assert len(accepted_by_sandbox(airflow, "1234568")) == 970
    assert "970 are accepted already and not sent again" in second_log


def test_recipients_of_a_data_frame_get_messages_and_a_missing_phone_is_rejected(airflow: AirflowCommands) -> None:
    completed = airflow.run_dag("rcs_campaign_from_pandas")

    assert completed.returncode == 0, completed.stdout + completed.stderr
    sent = {
        (entry["phone"], entry["name"], entry["variables"]["Importe"])
        for entry in airflow.sandbox.accepted()
        if entry["template_id"] == "1234567" and entry["campaign_reference"] != CAMPAIGN_REFERENCE
    }
    assert sent == {
        ("34600000001", "Pedro Pérez", "25.01"),
        ("34600000002", "Ana González", "19.6"),
        ("34600000003", "Núria Puig", "8.62"),
    }
    without_phone = airflow.rows(
        airflow.store,
        "SELECT m.name, m.reason FROM rcs_message m JOIN rcs_campaign c ON c.id = m.campaign_id "
        "WHERE m.phone IS NULL AND c.name LIKE 'rcs_campaign_from_pandas/%'",
    )
    assert without_phone == [("Íñigo Ruiz", "phone: it is missing")]


def test_the_template_catalogue_lists_each_variable_of_the_account(airflow: AirflowCommands) -> None:
    completed = airflow.run_dag("rcs_template_catalogue")

    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert airflow.rows(airflow.warehouse, "SELECT * FROM rcs_template_variable ORDER BY 1, 3") == [
        ("1234567", "Customer welcome", "Destinatario", "DESTINATARIO"),
        ("1234567", "Customer welcome", "Importe", "TEXTO"),
        ("1234568", "Shipping notice", "Fecha", "TEXTO"),
        ("1234568", "Shipping notice", "Pedido", "TEXTO"),
        ("1234569", "Plain greeting", "", ""),
    ]


def test_the_campaign_emits_an_asset_event_with_its_name_and_counts(airflow: AirflowCommands, campaign: str) -> None:
    events = airflow.rows(
        airflow.airflow_database,
        "SELECT e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.uri = 'rcs://store/campaigns'",
    )

    extras = [json.loads(extra) for (extra,) in events]
    assert (CAMPAIGN, 970) in [(extra["campaign"], extra["accepted"]) for extra in extras]


def test_new_reports_are_loaded_by_the_dag_that_they_start(airflow: AirflowCommands, campaign: str) -> None:
    with closing(sqlite3.connect(airflow.warehouse)) as warehouse:
        warehouse.execute("DROP TABLE rcs_report")

    completed = airflow.run_dag("rcs_reports_on_arrival")

    assert completed.returncode == 0, completed.stdout + completed.stderr
    (count,) = airflow.rows(airflow.store, "SELECT COUNT(*) FROM rcs_report WHERE fold IS NOT NULL")
    assert airflow.rows(airflow.warehouse, "SELECT COUNT(*) FROM rcs_report") == [count]


def test_a_scheduled_campaign_is_sent_by_the_dag_once_its_date_is_close(
    airflow: AirflowCommands,
) -> None:
    schedule(airflow, "soon", timedelta(minutes=20))
    schedule(airflow, "late", timedelta(hours=2))

    completed = airflow.run_dag("rcs_scheduled_campaigns")

    assert completed.returncode == 0, completed.stdout + completed.stderr
    states = airflow.rows(
        airflow.store,
        "SELECT c.name, m.state, COUNT(*) FROM rcs_message m JOIN rcs_campaign c ON c.id = m.campaign_id "
        "WHERE c.name IN ('soon', 'late') GROUP BY 1, 2 ORDER BY 1",
    )
    assert states == [("late", "planned", 2), ("soon", "accepted", 2)]
    (token,) = airflow.rows(airflow.store, "SELECT token FROM rcs_campaign WHERE name = 'soon'")
    sent = [
        each["phone"] for each in airflow.sandbox.accepted() if each["campaign_reference"].startswith(f"{token[0]}-")
    ]
    assert sorted(sent) == ON_DUTY


def schedule(airflow: AirflowCommands, campaign: str, time_left: timedelta) -> None:
    """Plan a campaign in the store, as a task with ``scheduled_by="store"`` does."""
    schedule_campaign(
        engine_from_url(f"sqlite:///{airflow.store}"),
        Service(account=account_of(airflow.sandbox.url, airflow.sandbox.login)),
        Template("1234569", "Plain greeting"),
        SendSettings("1234569", campaign, send_at=datetime.now(UTC) + time_left, scheduled_by="store"),
        [{"phone": [f"+{phone}" for phone in ON_DUTY]}],
        DispatchConnections("rcs_default"),
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(minutes=1),
    )


def test_people_on_duty_get_one_message_about_a_failed_task_and_one_about_the_run(airflow: AirflowCommands) -> None:
    before = len(airflow.sandbox.accepted())

    completed = airflow.run_dag("rcs_notify_on_failure", {"fail": True})

    written = completed.stdout + completed.stderr
    notified = [(entry["phone"], entry["variables"]["Importe"]) for entry in airflow.sandbox.accepted()[before:]]
    of_the_task, of_the_run = notified[:2], notified[2:]
    assert of_the_task == [(phone, f"load has failed: {REASON}") for phone in ON_DUTY], written
    assert [phone for phone, _ in of_the_run] == ON_DUTY, written
    assert all(re.fullmatch("The run manual__.* has failed: task_failure", text) for _, text in of_the_run)
    assert not [phone for phone in ON_DUTY if phone in written]


def test_no_phone_of_a_customer_is_in_any_log(airflow: AirflowCommands, first_log: str, second_log: str) -> None:
    phones = [
        phone for (phone,) in airflow.rows(airflow.store, "SELECT phone FROM rcs_message WHERE phone IS NOT NULL")
    ]

    assert len(phones) > 900
    assert not [phone for phone in phones if phone in first_log or phone in second_log]
