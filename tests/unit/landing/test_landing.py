from __future__ import annotations

import json
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.errors import RcsRefusedDataError, RcsStoreUnavailable
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.landing import landing as module
from airflow_provider_rcs.landing.landing import Landing
from airflow_provider_rcs.landing.raw_bodies import RawBody
from airflow_provider_rcs.store.db.inbox_tables import inbound, report, report_refused
from airflow_provider_rcs.store.db.tables import suppression
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all

ANA, BEA, EVA = "+34600000001", "+34600000002", "+34600000003"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def pushed(*phones: str) -> RawBody:
    reports = [{"Estado": "13", "Destinatario": phone.removeprefix("+")} for phone in phones]
    return RawBody(json.dumps(reports if len(reports) > 1 else reports[0]).encode(), "", NOON)


def landing(engine: sa.Engine, *words: str) -> Landing:
    return Landing(engine, SERVICE_TIMEZONE, words)


def column(engine: sa.Engine, wanted: sa.Column[str]) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(wanted).order_by(wanted)))


@pytest.fixture
def _a_phone_that_no_database_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the reports about Bea refused, as a database refuses data."""

    def land(engine: sa.Engine, received: list[ReceivedReports], words: tuple[str, ...]) -> None:
        if any(each.phone == BEA for push in received for each in push.reports):
            raise RcsRefusedDataError("store: refused")
        land_all(engine, received, words)

    monkeypatch.setattr(module, "land_all", land)


@pytest.mark.usefixtures("_a_phone_that_no_database_stores")
def test_a_report_that_the_database_refuses_costs_no_other(engine: sa.Engine) -> None:
    land = landing(engine)

    land.land_bodies([pushed(ANA), pushed(BEA, EVA), pushed(ANA)])

    assert column(engine, report.c.phone) == [ANA, ANA, EVA]
    assert column(engine, report_refused.c.reason) == ["the database rejected it"]
    assert land.counts() == {"files": 0, "bodies": 3, "reports": 3, "inbound": 0, "refused": 1}


@pytest.mark.usefixtures("_a_phone_that_no_database_stores")
def test_nothing_is_refused_where_the_database_accepts_no_report_at_all(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "accepts_another_report", Mock(return_value=False))

    with pytest.raises(RcsRefusedDataError):
        landing(engine).land_bodies([pushed(ANA), pushed(BEA)])

    assert column(engine, report_refused.c.reason) == []


@pytest.mark.parametrize("content_type", ["text/\0plain", "text/\ud800plain"])
def test_a_content_type_that_no_database_stores_costs_no_body(engine: sa.Engine, content_type: str) -> None:
    landing(engine).land_bodies([pushed(ANA), RawBody(b"unreadable", content_type, NOON), pushed(BEA)])

    assert column(engine, report.c.phone) == [ANA, BEA]
    assert column(engine, report_refused.c.content_type) == ["text/plain"]


def test_bodies_before_a_store_that_fails_are_committed(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BODIES_PER_COMMIT", 2)
    commits = Mock(side_effect=[None, RcsStoreUnavailable("store: gone")])
    monkeypatch.setattr(module, "land_all", commits)
    land = landing(sqlite_engine)

    with pytest.raises(RcsStoreUnavailable):
        land.land_bodies([pushed(ANA)] * 5)

    assert land.counts()["bodies"] == 2


def test_a_person_who_replies_with_an_opt_out_word_is_suppressed(engine: sa.Engine) -> None:
    reply = {"Servicio": "SMSRECIBIDO", "Movil": "34600000001", "Mensaje": "No más", "idR": "1"}
    land = landing(engine, "NO MAS")

    land.land_bodies([RawBody(json.dumps(reply).encode(), "", NOON)] * 2)

    assert column(engine, suppression.c.phone) == [ANA]
    assert column(engine, inbound.c.phone) == [ANA]
    assert land.counts()["inbound"] == 2


def test_dates_of_reports_are_in_the_time_zone_of_the_landing(engine: sa.Engine) -> None:
    dated = {"Estado": "13", "Destinatario": "34600000001", "Fecha": "2026-03-01 12:00:00"}

    Landing(engine, UTC, ()).land_bodies([RawBody(json.dumps(dated).encode())])

    with engine.connect() as connection:
        assert connection.scalar(sa.select(report.c.reported_at)) == NOON


def test_progress_is_logged_while_it_goes_on(
    sqlite_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_BODIES_PER_COMMIT", 2)
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", -1.0)
    caplog.set_level("INFO")

    landing(sqlite_engine).land_bodies([pushed(ANA)] * 4)

    assert "Landed so far: 0 files, 4 bodies, 4 reports, 0 inbound, 0 refused" in caplog.messages


def test_a_report_is_stored_with_the_time_of_its_body(engine: sa.Engine) -> None:
    landing(engine).land_bodies([pushed(ANA)])

    with engine.connect() as connection:
        (row,) = connection.execute(sa.select(report.c.received_at, report.c.status_code))
    assert tuple(row) == (NOON, Report("13").status_code)
