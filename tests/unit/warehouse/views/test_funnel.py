"""The counts of the funnel view."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.read.funnel import read_funnel, read_funnels
from airflow_provider_rcs.store.read.funnel_stages import stages_of
from airflow_provider_rcs.warehouse.load import load
from tests.system import page_store
from tests.unit.warehouse.test_accounts import PORTUGAL, SPAIN, send_and_report
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
    sums = ", ".join(f"CAST(SUM({name}) AS DECIMAL)" for name in names.split(", "))
    of_the_day = rows(warehouse, f"SELECT {sums} FROM rcs_campaign_funnel WHERE campaign = 'spring' GROUP BY day")
    assert of_the_day == [(9, 1, 6, 1, 1, 0, 1, 1, 3, 1)]
    assert of_the_day[0][:2] == (counts.requested, counts.states[MessageState.PLANNED])
    assert rows(warehouse, "SELECT requested FROM rcs_campaign_funnel WHERE campaign = 'autumn'") == [(1,)]


@pytest.mark.slow
def test_the_stages_that_people_see_are_sums_of_the_view(store: sa.Engine, warehouse: sa.Engine) -> None:
    page_store.fill(store, "r1", datetime.now(UTC))

    load(store, warehouse, None)

    sums = ", ".join(
        f"CAST(SUM({each}) AS DECIMAL)"
        for each in ("requested", "accepted", "delivered", "rcs_campaign_funnel.read + clicked")
    )
    in_warehouse = {
        name: tuple(map(int, counts))
        for name, *counts in rows(warehouse, f"SELECT campaign, {sums} FROM rcs_campaign_funnel GROUP BY campaign")
    }
    shown = {
        name: tuple(stage.count for stage in stages_of(funnel))
        for name, funnel in read_funnels(store, in_warehouse.keys()).items()
    }
    assert len(shown) > 5
    assert shown == in_warehouse


def test_channels_count_apart_as_they_do_in_the_store(store: sa.Engine, warehouse: sa.Engine) -> None:
    phones = [f"+3460000000{number}" for number in range(6)]
    reference = send(store, "spring", phones)
    for phone, service in zip(phones, ("SMS", "SMSMASIVO", "rcs", "RCS", "VOICE"), strict=False):
        report(store, reference, phone, "13", service)

    load(store, warehouse, None)

    by_channel = dict(rows(warehouse, "SELECT channel, delivered FROM rcs_campaign_funnel"))
    counts = read_funnel(store, "spring")
    assert counts is not None
    assert by_channel == {**counts.delivered_by_channel, "": 0}
    assert by_channel == {"SMS": 1, "SMSMASIVO": 1, "RCS": 2, "VOICE": 1, "": 0}


@pytest.mark.slow
def test_accounts_and_templates_count_apart(store: sa.Engine, warehouse: sa.Engine) -> None:
    send_and_report(store, SPAIN)
    send_and_report(store, PORTUGAL)
    send(store, "without an account", ["+34600000001"])

    load(store, warehouse, None)

    groups = "account, campaign, template_id, template_name, requested"
    assert rows(warehouse, f"SELECT {groups} FROM rcs_campaign_funnel ORDER BY account") == [
        ("", "without an account", "1", "Welcome", 1),
        (SPAIN, SPAIN, "1", "", 1),
        (PORTUGAL, PORTUGAL, "1", "", 1),
    ]


def test_a_message_counts_on_the_day_of_its_request(store: sa.Engine, warehouse: sa.Engine) -> None:
    send(store, "spring", ["+34600000001"])
    with store.begin() as connection:
        connection.execute(request.update().values(claimed_at=datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)))

    load(store, warehouse, None)

    assert [str(day) for (day,) in rows(warehouse, "SELECT day FROM rcs_campaign_funnel")] == ["2026-01-31"]
