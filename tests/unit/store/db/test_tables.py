"""What the tables guarantee on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import attempt, campaign, message, metadata, request
from tests.unit.store.given import NOON, dispatched, land_and_fold, report_on, row


@pytest.mark.parametrize("zone", ["UTC", "Europe/Madrid", "America/Lima"])
def test_a_datetime_written_in_any_zone_is_read_in_utc(engine: sa.Engine, zone: str) -> None:
    taken = dispatched(engine)

    land_and_fold(engine, report_on(taken, reported_at=NOON.astimezone(ZoneInfo(zone))))

    assert row(engine).delivery_at == NOON
    assert row(engine).delivery_at.utcoffset() == timedelta(0)


def test_a_datetime_without_a_zone_is_refused(engine: sa.Engine) -> None:
    with engine.begin() as connection, pytest.raises(sa.exc.StatementError, match="has a time zone"):
        connection.execute(campaign.update().values(created_at=NOON.replace(tzinfo=None)))


def test_a_datetime_keeps_its_microseconds(engine: sa.Engine) -> None:
    moment = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)

    land_and_fold(engine, report_on(dispatched(engine), reported_at=moment))

    assert row(engine).delivery_at == moment


def test_the_id_of_a_deleted_row_is_never_reused(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(dispatched(engine)))

    with engine.begin() as connection:
        first = connection.execute(report.delete().returning(report.c.id)).scalar_one()
    land_and_fold(engine, report_on(dispatched(engine, name="summer")))

    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.id)).scalar_one() > first


@pytest.mark.parametrize("table", [campaign, attempt, request])
def test_rows_that_others_refer_to_cannot_be_deleted(engine: sa.Engine, table: sa.Table) -> None:
    dispatched(engine)

    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(table.delete())


def test_every_table_has_a_comment() -> None:
    assert all(table.comment for table in metadata.tables.values())


def test_no_index_on_postgresql_contains_a_column_that_a_claim_changes() -> None:
    changed_by_claims = {"state", "request_id", "revision", "updated_at"}
    indexed = {column.name for index in message.indexes for column in index.columns}
    for index in message.indexes:
        where = index.dialect_options["postgresql"]["where"]
        parts = [] if where is None else sa.sql.visitors.iterate(where)
        indexed |= {part.name for part in parts if isinstance(part, sa.Column)}

    assert not changed_by_claims & indexed
