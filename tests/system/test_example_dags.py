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

from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.notifications.rcs import CAMPAIGN_REFERENCE
from airflow_provider_rcs.sending.scheduled import DispatchConnections, schedule_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.system.conftest import Place

CAMPAIGN = "spring"
ON_DUTY = ["34600000001", "34600000002"]
# Under `airflow dags test` of Airflow 3.2, a task's callback is not told the exception.
TOLD = "the warehouse is full" if Version(airflow_version) >= Version("3.3") else "see its log"


@pytest.fixture(scope="module")
def first_log(place: Place) -> str:
    """What ``rcs_campaign`` wrote when it was run once to its end."""
    return run(place)


@pytest.fixture(scope="module")
def campaign(first_log: str) -> str:
    """The campaign, sent, reported on and loaded."""
    return CAMPAIGN


@pytest.fixture(scope="module")
def second_log(place: Place, campaign: str) -> str:
    """What ``rcs_campaign`` wrote when it was run again for the same campaign."""
    return run(place)


def run(place: Place) -> str:
    ended = place.run_dag("rcs_campaign", {"campaign": CAMPAIGN})
    written = ended.stdout + ended.stderr
    assert ended.returncode == 0, written
    return written


def accepted_by_sandbox(place: Place, template_id: str) -> list[tuple[str, ...]]:
    return sorted(
        (
            entry["phone"],
            entry["name"],
            entry["reference"],
            entry["campaign_reference"],
            str(entry["send_id"]),
            str(entry["message_id"]),
        )
        for entry in place.sandbox.accepted()
        if entry["template_id"] == template_id
    )


def test_the_store_agrees_row_for_row_with_what_the_service_accepted(place: Place, campaign: str) -> None:
    in_store = place.rows(
        place.store,
        "SELECT m.phone, m.name, m.reference, r.reference, r.api_campaign_id, m.api_message_id FROM rcs_message m "
        "JOIN rcs_request r ON r.id = m.request_id JOIN rcs_campaign c ON c.id = m.campaign_id "
        "WHERE c.name = ? AND m.state = 'accepted' ORDER BY 1",
        campaign,
    )

    assert in_store == accepted_by_sandbox(place, "1234568")
    assert len(in_store) == 970


def test_the_warehouse_agrees_row_for_row_with_what_the_service_accepted(place: Place, campaign: str) -> None:
    in_warehouse = place.rows(
        place.warehouse,
        "SELECT phone, name, reference, request_reference, api_campaign_id, api_message_id FROM rcs_message "
        "WHERE campaign = ? AND state = 'accepted' ORDER BY 1",
        campaign,
    )

    assert in_warehouse == accepted_by_sandbox(place, "1234568")


def test_every_variable_of_every_message_is_the_one_of_the_customers_row(place: Place, campaign: str) -> None:
    sent = {
        entry["reference"]: (entry["variables"]["Pedido"], entry["variables"]["Fecha"])
        for entry in place.sandbox.accepted()
        if entry["template_id"] == "1234568"
    }

    customers = place.rows(place.warehouse, "SELECT customer_id, order_number, delivery_day FROM customer")

    assert sent == {str(number): (order, day) for number, order, day in customers if str(number) in sent}


def test_the_warehouse_accounts_for_every_customer_and_tells_why_some_were_not_sent_to(
    place: Place, campaign: str
) -> None:
    rows = place.rows(
        place.warehouse,
        "SELECT state, reason, COUNT(*), SUM(repeats) FROM rcs_message WHERE campaign = ? GROUP BY 1, 2",
        campaign,
    )

    counts = {(state, reason): count for state, reason, count, _ in rows}
    assert sum(count + repeats for *_, count, repeats in rows) == 1_000
    assert counts == {
        ("accepted", ""): 970,
        ("rejected", "phone: it is missing"): 7,
        ("rejected", "phone: it is not a phone number"): 5,
        ("rejected", "phone: it is valid neither in ES nor as an international number"): 5,
        ("rejected", "phone: it is not a whole number"): 2,
        ("rejected", "variable Fecha: it has no value"): 1,
        ("rejected", "the service rejected the phone without giving a reason; check the number"): 4,
    }


def test_every_accepted_message_of_the_warehouse_has_the_final_status_that_its_reports_tell(
    place: Place, campaign: str
) -> None:
    untold = place.rows(
        place.warehouse,
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

    # The sensor waits for 99%, so that up to 1% of the messages may have been reported on after the load.
    assert len(untold) <= 10


def test_a_second_run_of_the_same_campaign_sends_nobody_a_second_message_and_says_so(
    place: Place, second_log: str
) -> None:
    assert len(accepted_by_sandbox(place, "1234568")) == 970
    assert "970 are accepted already and are not sent again" in second_log


def test_recipients_of_a_data_frame_are_sent_to_and_the_missing_phone_is_rejected(place: Place) -> None:
    ended = place.run_dag("rcs_campaign_from_pandas")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    sent = {
        (entry["phone"], entry["name"], entry["variables"]["Importe"])
        for entry in place.sandbox.accepted()
        if entry["template_id"] == "1234567" and entry["campaign_reference"] != CAMPAIGN_REFERENCE
    }
    assert sent == {
        ("34600000001", "Pedro Pérez", "25.01"),
        ("34600000002", "Ana González", "19.6"),
        ("34600000003", "Núria Puig", "8.62"),
    }
    without_phone = place.rows(
        place.store,
        "SELECT m.name, m.reason FROM rcs_message m JOIN rcs_campaign c ON c.id = m.campaign_id "
        "WHERE m.phone IS NULL AND c.name LIKE 'rcs_campaign_from_pandas/%'",
    )
    assert without_phone == [("Íñigo Ruiz", "phone: it is missing")]


def test_the_catalogue_of_templates_lists_each_variable_of_the_account(place: Place) -> None:
    ended = place.run_dag("rcs_template_catalogue")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert place.rows(place.warehouse, "SELECT * FROM rcs_template_variable ORDER BY 1, 3") == [
        ("1234567", "Customer welcome", "Destinatario", "DESTINATARIO"),
        ("1234567", "Customer welcome", "Importe", "TEXTO"),
        ("1234568", "Shipping notice", "Fecha", "TEXTO"),
        ("1234568", "Shipping notice", "Pedido", "TEXTO"),
        ("1234569", "Plain greeting", "", ""),
    ]


def test_the_campaign_is_an_event_of_its_asset_with_its_name_and_counts(place: Place, campaign: str) -> None:
    events = place.rows(
        place.folder / "airflow" / "airflow.db",
        "SELECT e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.uri = 'rcs://store/campaigns'",
    )

    told = [json.loads(extra) for (extra,) in events]
    assert (CAMPAIGN, 970) in [(extra["campaign"], extra["accepted"]) for extra in told]


def test_reports_that_arrive_are_loaded_by_the_dag_that_they_start(place: Place, campaign: str) -> None:
    with closing(sqlite3.connect(place.warehouse)) as warehouse:
        warehouse.execute("DROP TABLE rcs_report")

    ended = place.run_dag("rcs_reports_on_arrival")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    (count,) = place.rows(place.store, "SELECT COUNT(*) FROM rcs_report WHERE fold IS NOT NULL")
    assert place.rows(place.warehouse, "SELECT COUNT(*) FROM rcs_report") == [count]


def test_a_campaign_that_the_store_keeps_is_sent_by_the_dag_within_the_lead_of_its_date(
    place: Place,
) -> None:
    keep(place, "soon", timedelta(minutes=20))
    keep(place, "late", timedelta(hours=2))

    ended = place.run_dag("rcs_scheduled_campaigns")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    states = place.rows(
        place.store,
        "SELECT c.name, m.state, COUNT(*) FROM rcs_message m JOIN rcs_campaign c ON c.id = m.campaign_id "
        "WHERE c.name IN ('soon', 'late') GROUP BY 1, 2 ORDER BY 1",
    )
    assert states == [("late", "planned", 2), ("soon", "accepted", 2)]
    (token,) = place.rows(place.store, "SELECT token FROM rcs_campaign WHERE name = 'soon'")
    sent = [each["phone"] for each in place.sandbox.accepted() if each["campaign_reference"].startswith(f"{token[0]}-")]
    assert sorted(sent) == ON_DUTY


def keep(place: Place, campaign: str, to_go: timedelta) -> None:
    """List a campaign in the store as a task with ``scheduled_by="store"`` does."""
    schedule_campaign(
        engine_from_url(f"sqlite:///{place.store}"),
        ApiSettings(),
        Template("1234569", "Plain greeting"),
        SendSettings("1234569", campaign, send_at=datetime.now(UTC) + to_go, scheduled_by="store"),
        [{"phone": ON_DUTY}],
        DispatchConnections("rcs_default"),
        started_by="a test",
        lease=timedelta(minutes=1),
    )


def test_who_is_on_duty_is_told_once_each_of_a_task_and_of_a_run_that_failed(place: Place) -> None:
    before = len(place.sandbox.accepted())

    ended = place.run_dag("rcs_notify_on_failure", {"fail": True})

    written = ended.stdout + ended.stderr
    told = [(entry["phone"], entry["variables"]["Importe"]) for entry in place.sandbox.accepted()[before:]]
    of_the_task, of_the_run = told[:2], told[2:]
    assert of_the_task == [(phone, f"load has failed: {TOLD}") for phone in ON_DUTY], written
    assert [phone for phone, _ in of_the_run] == ON_DUTY, written
    assert all(re.fullmatch("The run manual__.* has failed: task_failure", text) for _, text in of_the_run)
    assert not [phone for phone in ON_DUTY if phone in written]


def test_no_phone_of_a_customer_is_in_any_log(place: Place, first_log: str, second_log: str) -> None:
    phones = [phone for (phone,) in place.rows(place.store, "SELECT phone FROM rcs_message WHERE phone IS NOT NULL")]

    assert len(phones) > 900
    assert not [phone for phone in phones if phone in first_log or phone in second_log]
