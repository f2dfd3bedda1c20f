"""The counts of the funnel view."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.read.funnel import read_funnel
from airflow_provider_rcs.warehouse.load import load
from tests.unit.warehouse.test_load import report, rows, send


def test_the_funnel_view_counts_each_day_as_the_store_does(store: sa.Engine, warehouse: sa.Engine) -> None:
    phones = [f"+3460000000{number}" for number in range(6)]
    reference = send(store, "spring", phones)
    for phone, code, service in zip(
        phones, ("13", "13", "13", "50", "12"), ("RCS", "sms", "?", "RCS", "RCS"), strict=False
    ):
        report(store, reference, phone, code, service)
    attempt = begin_attempt(
        store,
        open_campaign(store, "spring", CampaignTerms("1"), {}),
        StartedBy(started_by="test"),
        timedelta(minutes=1),
    )
    twice = ListedRecipient("+34600000007", "+34600000007", "+34600000007", "", "", {})
    record_list(
        store,
        attempt,
        prepare_list_part(store, [twice, twice, ListedRecipient("x", None, "x", "", "", {}, rejection="phone: wrong")]),
    )
    send(store, "autumn", phones[:1])

    load(store, warehouse, None)

    counts = read_funnel(store, "spring")
    assert counts is not None
    names = "requested, planned, accepted, rejected, duplicate, in_doubt, sent, failed, delivered, unreported"
    of_the_day = rows(warehouse, f"SELECT {names} FROM rcs_campaign_funnel WHERE campaign = 'spring'")
    assert of_the_day == [(9, 1, 6, 1, 1, 0, 1, 1, 3, 1)]
    assert of_the_day[0][:2] == (counts.requested, counts.states[MessageState.PLANNED])
    assert rows(
        warehouse,
        "SELECT delivered_rcs, delivered_sms, delivered_otherwise FROM rcs_campaign_funnel WHERE campaign = 'spring'",
    ) == [(1, 1, 1)]
    assert rows(warehouse, "SELECT requested FROM rcs_campaign_funnel WHERE campaign = 'autumn'") == [(1,)]


def test_sms_of_every_kind_count_as_delivered_by_sms(store: sa.Engine, warehouse: sa.Engine) -> None:
    phones = [f"+3460000000{number}" for number in range(4)]
    reference = send(store, "spring", phones)
    for phone, service in zip(phones, ("SMS", "SMSMASIVO", "rcs", "VOICE"), strict=True):
        report(store, reference, phone, "13", service)

    load(store, warehouse, None)

    assert rows(
        warehouse, "SELECT delivered_rcs, delivered_sms, delivered_otherwise, delivered FROM rcs_campaign_funnel"
    ) == [(1, 2, 1, 4)]


def test_a_message_counts_on_the_day_of_its_request(store: sa.Engine, warehouse: sa.Engine) -> None:
    send(store, "spring", ["+34600000001"])
    with store.begin() as connection:
        connection.execute(sa.text("UPDATE rcs_request SET claimed_at = '2026-01-31 23:59:59.000000+00:00'"))

    load(store, warehouse, None)

    assert [str(day) for (day,) in rows(warehouse, "SELECT day FROM rcs_campaign_funnel")] == ["2026-01-31"]
