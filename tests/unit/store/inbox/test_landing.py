"""Delivery reports, kept as they came."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.api.wire.report_fields import read_entry
from airflow_provider_rcs.store.db.inbox_tables import report, report_refused
from airflow_provider_rcs.store.inbox import landing
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land, land_all
from tests.unit.store.given import NOON

MINUTE = timedelta(minutes=1)

REPORT = Report(
    status_code="11",
    phone="+34600000001",
    campaign_reference="k7m2-x9q4",
    message_reference="36578294H",
    service="RCS",
    agent="my-rcs-agent",
    reported_at=NOON,
    reported_at_text="2026-05-01 14:00:00",
    api_campaign_id="10573758",
    api_message_id="33434444443",
    extra={"operador": "Año 🎉"},
)


def landed(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(report).order_by(report.c.id)))


def test_a_report_lands_with_all_its_fields(engine: sa.Engine) -> None:
    land(engine, [REPORT], NOON + timedelta(seconds=1))

    [row] = landed(engine)
    assert Report(**{name: getattr(row, name) for name in Report._fields}) == REPORT
    assert row.received_at == NOON + timedelta(seconds=1)


def test_a_landed_report_waits_to_be_folded(engine: sa.Engine) -> None:
    land(engine, [REPORT], NOON)

    assert (landed(engine)[0].fold, landed(engine)[0].message_id) == (None, None)


def test_repeated_reports_are_all_kept_in_the_order_in_which_they_came(engine: sa.Engine) -> None:
    codes = ["10", "11", "11", "10"]

    land(engine, [Report(code, phone="+34600000001") for code in codes], NOON)

    assert [row.status_code for row in landed(engine)] == codes


def test_a_report_whose_date_could_not_be_read_keeps_its_text(engine: sa.Engine) -> None:
    land(engine, [Report("11", phone="+34600000001", reported_at_text="yesterday")], NOON)

    assert (landed(engine)[0].reported_at, landed(engine)[0].reported_at_text) == (None, "yesterday")


@pytest.mark.parametrize(
    "strange",
    [
        {"Servicio": "x" * 10_000},
        {"RefMensaje": "👋🏽"},
        {"Fecha": "0001-01-01 00:00:00"},
        {"Fecha": "9999-12-31 23:59:59"},
        {"Destinatario": "9" * 100},
    ],
    ids=lambda strange: next(iter(strange)),
)
def test_no_report_however_strange_sinks_the_batch_that_it_lands_with(
    engine: sa.Engine, strange: dict[str, str]
) -> None:
    read = read_entry({"Estado": "11", "Destinatario": "34600000001", **strange})

    assert isinstance(read, Report)
    land(engine, [REPORT, read], NOON)

    assert len(landed(engine)) == 2


def test_identical_refused_bodies_are_one_row_with_a_count(engine: sa.Engine) -> None:
    same, other = RefusedReport("why", "text/plain", b"?"), RefusedReport("why", "text/html", b"?")
    land_all(engine, [ReceivedReports(NOON, refused=[same]), ReceivedReports(NOON + MINUTE, refused=[same, other])])

    land_all(engine, [ReceivedReports(NOON + 2 * MINUTE, refused=[RefusedReport("newer", "text/plain", b"?")])])

    with engine.connect() as connection:
        rows = connection.execute(sa.select(report_refused).order_by(report_refused.c.times.desc())).all()
    assert [(row.content_type, row.times, row.reason) for row in rows] == [
        ("text/plain", 3, "newer"),
        ("text/html", 1, "why"),
    ]
    assert [(row.received_at, row.last_received_at) for row in rows] == [
        (NOON, NOON + 2 * MINUTE),
        (NOON + MINUTE, NOON + MINUTE),
    ]


def test_what_was_refused_lands_with_the_reports_beside_it(engine: sa.Engine) -> None:
    refused_beside_one = ReceivedReports(NOON, [REPORT], [RefusedReport("why", "text/plain", b"\0")])

    land_all(engine, [ReceivedReports(NOON, [REPORT]), refused_beside_one])

    with engine.connect() as connection:
        refused = connection.execute(sa.select(report_refused.c.body)).scalars().all()
    assert (len(landed(engine)), refused) == (2, [b"\0"])


@pytest.mark.parametrize(
    ("tag", "count"),
    [
        ("INSERT 0 12", 12),
        ("INSERT 0 0", 0),
        ("INSERT 0 x", -1),
        ("INSERT 1 12", -1),
        ("SELECT 12", -1),
        ("12", -1),
        ("", -1),
        (None, -1),
    ],
)
def test_only_the_tag_of_an_insert_tells_how_many_rows_it_has_inserted(tag: str | None, count: int) -> None:
    assert landing._count_of(tag) == count


@pytest.mark.parametrize("inserted", [-1, 0, 1, 3])
def test_another_number_of_rows_than_was_sent_is_the_answer_to_another_statement(inserted: int) -> None:
    landing._require_inserted(2, 2)

    with pytest.raises(RcsStoreUnavailable) as raised:
        landing._require_inserted(inserted, 2)

    assert str(raised.value) == "store: the database answered another statement than the one that was sent."
