"""When messages were sent, delivered and read, according to their reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.inbox.refold import refold
from airflow_provider_rcs.warehouse.load import load
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from airflow_provider_rcs.warehouse.views.message_times import MESSAGE_TIMES
from tests.unit.warehouse.test_load import rows, send

ANA, BEA = "+34600000001", "+34600000002"
NOON = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
SENT, DELIVERED, FAILED, READ = "12", "13", "50", "20"


def send_with_read_codes(store: sa.Engine, phones: list[str]) -> str:
    """Send a campaign whose code 20 means read, and return the request's reference."""
    reference = send(store, "spring", phones)
    open_campaign(store, "spring", CampaignTerms("1", "Welcome"), {READ: "read"})
    return reference


def land_at(store: sa.Engine, reference: str, phone: str, code: str, moment: datetime | None) -> None:
    land(store, [Report(code, phone, reference, service="RCS", reported_at=moment)], NOON)


def times(warehouse: sa.Engine) -> list[tuple[Any, ...]]:
    """Return the times of all messages by id: seconds after noon at which it was sent, delivered and read."""
    columns = [sa.column(name, sa.DateTime(timezone=True)) for name in ("sent_at", "delivered_at", "read_at")]
    view = sa.table("rcs_message_times", sa.column("message_id"), *columns)
    with warehouse.connect() as connection:
        found = connection.execute(sa.select(*columns).select_from(view).order_by(view.c.message_id)).all()
    return [tuple(_seconds_after_noon(cell) for cell in row) for row in found]


def _seconds_after_noon(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    in_utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return (in_utc - NOON).total_seconds()


def seconds(warehouse: sa.Engine) -> list[tuple[float | None, ...]]:
    query = "SELECT seconds_to_delivery, seconds_to_reading FROM rcs_message_times ORDER BY message_id"
    return [tuple(None if cell is None else float(cell) for cell in row) for row in rows(warehouse, query)]


def test_each_message_has_the_moments_of_its_first_reports(store: sa.Engine, warehouse: sa.Engine) -> None:
    send(store, "autumn", [ANA])
    reference = send_with_read_codes(store, [ANA, BEA])
    for code, after in ((SENT, 1), (SENT, 2), (DELIVERED, 60.25), (DELIVERED, 61), (READ, 3_600)):
        land_at(store, reference, ANA, code, NOON + timedelta(seconds=after))
    land_at(store, reference, BEA, SENT, NOON)
    land_at(store, reference, BEA, FAILED, NOON + timedelta(seconds=5))

    load(store, warehouse, None)

    assert times(warehouse) == [(None, None, None), (1, 60.25, 3_600), (0, None, None)]
    assert seconds(warehouse) == [(None, None), (59.25, 3_599), (None, None)]


def test_a_message_that_was_read_counts_as_delivered_by_then(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send_with_read_codes(store, [ANA])
    for code, after in ((SENT, 0), (READ, 30)):
        land_at(store, reference, ANA, code, NOON + timedelta(seconds=after))

    load(store, warehouse, None)

    assert times(warehouse) == [(0, 30, 30)]


def test_a_date_that_cannot_be_read_is_replaced_by_the_time_of_reception(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    reference = send(store, "spring", [ANA])
    land_at(store, reference, ANA, DELIVERED, None)

    load(store, warehouse, None)

    assert times(warehouse) == [(None, 0, None)]


def test_without_a_report_of_sent_the_seconds_count_from_the_request(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send(store, "spring", [ANA])
    with store.begin() as connection:
        claimed_at = sa.bindparam("at", NOON - timedelta(seconds=90), sa.DateTime(timezone=True))
        connection.execute(sa.text("UPDATE rcs_request SET claimed_at = :at").bindparams(claimed_at))
    land_at(store, reference, ANA, DELIVERED, NOON)

    load(store, warehouse, None)

    assert seconds(warehouse) == [(90, None)]


def test_codes_count_by_what_they_mean_now_even_if_no_message_changes(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send(store, "spring", [ANA])
    land_at(store, reference, ANA, DELIVERED, NOON + timedelta(seconds=9))
    land_at(store, reference, ANA, "77", NOON + timedelta(seconds=4))
    load(store, warehouse, None)
    before = times(warehouse)

    list(refold(store, AccountCodes("", {"77": "sent"})))
    load(store, warehouse, None)

    assert before == [(None, 9, None)]
    assert times(warehouse) == [(4, 9, None)]


@pytest.mark.parametrize(
    ("dialect", "difference"),
    [
        (
            "snowflake",
            "datediff('microsecond', coalesce(times.sent_at, rcs_message.requested_at), times.read_at)",
        ),
        ("bigquery", "timestamp_diff(times.read_at, coalesce(times.sent_at, rcs_message.requested_at), MICROSECOND)"),
        ("mssql", "datediff_big(microsecond, coalesce(times.sent_at, rcs_message.requested_at), times.read_at)"),
    ],
)
def test_seconds_are_counted_by_the_function_of_the_engine(dialect: str, difference: str) -> None:
    query = MESSAGE_TIMES.query(warehouse_tables(None), dialect)

    text = str(query.compile(compile_kwargs={"literal_binds": True}))

    assert difference in text


@pytest.mark.slow
def test_campaigns_with_the_same_codes_share_their_rows(store: sa.Engine, warehouse: sa.Engine) -> None:
    for name in ("spring", "summer"):
        send(store, name, [ANA])
    load(store, warehouse, None)
    alike = rows(warehouse, "SELECT COUNT(*), MIN(status_codes), MAX(status_codes) FROM rcs_status_code")
    open_campaign(store, "autumn", CampaignTerms("1"), {READ: "read"})

    load(store, warehouse, None)

    assert alike[0][1:] == ("{}", "{}")
    statuses = "SELECT s.code, s.status FROM rcs_status_code s JOIN rcs_campaign c ON c.status_codes = s.status_codes"
    assert rows(warehouse, f"{statuses} WHERE c.name = 'autumn' AND s.code = '{READ}'") == [(READ, "read")]
    assert rows(warehouse, f"{statuses} WHERE c.name = 'spring' AND s.code = '{READ}'") == []
