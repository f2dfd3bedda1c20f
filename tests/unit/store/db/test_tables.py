"""What the tables promise on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.tables import attempt, campaign, message, metadata, report, request
from tests.unit.store.given import NOON, dispatched, land_and_fold, report_on, row


@pytest.mark.parametrize("zone", ["UTC", "Europe/Madrid", "America/Lima"])
def test_a_moment_comes_back_in_utc_whatever_zone_it_was_written_in(engine: sa.Engine, zone: str) -> None:
    taken = dispatched(engine)

    land_and_fold(engine, report_on(taken, reported_at=NOON.astimezone(ZoneInfo(zone))))

    assert row(engine).delivery_at == NOON
    assert row(engine).delivery_at.utcoffset() == timedelta(0)


def test_a_moment_keeps_its_microseconds(engine: sa.Engine) -> None:
    moment = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)

    land_and_fold(engine, report_on(dispatched(engine), reported_at=moment))

    assert row(engine).delivery_at == moment


def test_a_number_of_a_deleted_row_is_never_given_again(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(dispatched(engine)))

    with engine.begin() as connection:
        first = connection.execute(report.delete().returning(report.c.id)).scalar_one()
    land_and_fold(engine, report_on(dispatched(engine, name="summer")))

    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.id)).scalar_one() > first


@pytest.mark.parametrize("table", [campaign, attempt, request])
def test_what_others_refer_to_cannot_be_deleted(engine: sa.Engine, table: sa.Table) -> None:
    dispatched(engine)

    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(table.delete())


def test_every_table_says_what_it_is_for() -> None:
    assert all(table.comment for table in metadata.tables.values())


def test_no_index_on_postgresql_has_to_be_written_anew_by_a_claim() -> None:
    changed = {"state", "request_id", "revision", "updated_at"}
    written = {column.name for index in message.indexes for column in index.columns}
    for index in message.indexes:
        where = index.dialect_options["postgresql"]["where"]
        parts = [] if where is None else sa.sql.visitors.iterate(where)
        written |= {part.name for part in parts if isinstance(part, sa.Column)}

    assert not changed & written
