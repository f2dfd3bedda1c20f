from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.attempts import begin_attempt
from airflow_provider_rcs.store.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.claims import claim_batch, settle
from airflow_provider_rcs.store.folding import fold
from airflow_provider_rcs.store.landing import land
from airflow_provider_rcs.store.planning import record_list
from airflow_provider_rcs.warehouse.load import Loaded, load

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def send(store: sa.Engine, campaign: str, phones: list[str]) -> str:
    """Send a campaign to phones, all accepted, and return the request's reference."""
    opened = open_campaign(store, campaign, CampaignTerms("1", "Welcome"), {})
    attempt = begin_attempt(store, opened, "test", timedelta(minutes=1))
    record_list(store, attempt, [ListedRecipient(phone, phone, phone, f"P{phone}", "", {}) for phone in phones])
    claim = claim_batch(store, attempt, 1_000)
    assert claim is not None
    accepted = [Outcome(person.phone, MessageState.ACCEPTED, f"m{person.phone}") for person in claim.recipients]
    settle(store, claim, accepted, "77")
    return claim.reference


def report(store: sa.Engine, reference: str, phone: str, code: str) -> None:
    land(store, [Report(code, phone, reference, service="RCS", reported_at=NOW, api_message_id=f"m{phone}")], NOW)


def rows(warehouse: sa.Engine, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql))]


def test_messages_reports_and_campaigns_come_with_what_an_analyst_asks_for(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    reference = send(store, "spring", ["34600000001"])
    report(store, reference, "34600000001", "13")

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=1, reports=1)

    assert rows(
        warehouse,
        "SELECT campaign, phone, name, state, delivery_status, delivery_channel, api_message_id, api_campaign_id "
        "FROM rcs_message",
    ) == [("spring", "34600000001", "P34600000001", "accepted", "delivered", "RCS", "m34600000001", "77")]
    assert rows(warehouse, "SELECT campaign, phone, status_code, message_id FROM rcs_report") == [
        ("spring", "34600000001", "13", 1)
    ]
    assert rows(warehouse, "SELECT name, template_id, template_name FROM rcs_campaign") == [("spring", "1", "Welcome")]


def test_a_second_load_with_nothing_new_reads_and_writes_nothing(store: sa.Engine, warehouse: sa.Engine) -> None:
    report(store, send(store, "spring", ["34600000001"]), "34600000001", "13")
    load(store, warehouse, None)

    assert load(store, warehouse, None) == Loaded(campaigns=0, messages=0, reports=0)


def test_only_what_changed_is_loaded_again_and_it_replaces_its_row(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send(store, "spring", ["34600000001", "34600000002"])
    report(store, reference, "34600000001", "11")
    load(store, warehouse, None)
    report(store, reference, "34600000002", "13")

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=1, reports=1)

    assert rows(warehouse, "SELECT phone, delivery_status FROM rcs_message ORDER BY phone") == [
        ("34600000001", "sent"),
        ("34600000002", "delivered"),
    ]


def test_a_report_on_an_unknown_message_is_loaded_and_completed_once_the_message_is_known(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    report(store, "not-ours", "34600000001", "13")
    load(store, warehouse, None)
    before = rows(warehouse, "SELECT campaign, message_id FROM rcs_report")
    send(store, "spring", ["34600000001"])

    load(store, warehouse, None)

    assert before == [(None, None)]
    assert rows(warehouse, "SELECT campaign, message_id FROM rcs_report") == [("spring", 1)]
    assert rows(warehouse, "SELECT delivery_status FROM rcs_message") == [("delivered",)]


def test_a_load_that_was_killed_half_way_is_made_good_by_the_next(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send(store, "spring", [f"3460000000{number}" for number in range(5)])
    for number in range(5):
        report(store, reference, f"3460000000{number}", "13")
    fold(store)
    load(store, warehouse, None)
    with warehouse.begin() as connection:
        connection.execute(sa.text("DELETE FROM rcs_message WHERE id > 2"))
        connection.execute(sa.text("DELETE FROM rcs_campaign"))
        connection.execute(sa.text("DELETE FROM rcs_report WHERE id > 2"))

    load(store, warehouse, None)

    assert rows(warehouse, "SELECT COUNT(*) FROM rcs_message WHERE delivery_status = 'delivered'") == [(5,)]
    assert rows(warehouse, "SELECT COUNT(*) FROM rcs_report") == [(5,)]


def test_the_store_itself_is_refused_as_the_warehouse(store: sa.Engine) -> None:
    with pytest.raises(RcsInputError, match="target_conn_id: it is the store itself"):
        load(store, store, None)
