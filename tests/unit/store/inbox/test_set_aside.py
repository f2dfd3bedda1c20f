"""Reports that the database refuses to fold are set aside, and stop neither the others nor a send."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db.inbox_tables import message_channel, report
from airflow_provider_rcs.store.inbox import folding
from airflow_provider_rcs.store.inbox.backlog import Backlog, read_backlog
from airflow_provider_rcs.store.inbox.cursors import read_new_reports
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    land_and_fold,
    phones,
    report_on,
    row,
    rows,
    sent,
)

# Random, so that no database can compress it below the limits of its indexes.
LONG = secrets.token_hex(4_000)
FIELDS = [name for name in Report._fields if name not in ("status_code", "reported_at", "extra")]
REFUSED_CODE = "66"


@contextmanager
def refusing_to_fold(engine: sa.Engine, code: str = REFUSED_CODE) -> Iterator[None]:
    """Have the database refuse, as wrong data, every message whose delivery code becomes the given one."""
    with engine.begin() as connection:
        for statement in _TRIGGER[engine.dialect.name]:
            connection.exec_driver_sql(statement.format(code=code))
    try:
        yield
    finally:
        with engine.begin() as connection:
            on = "" if engine.dialect.name == "sqlite" else " ON rcs_message"
            connection.exec_driver_sql(f"DROP TRIGGER refuse{on}")


_REFUSE = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger AS $$ BEGIN
RAISE EXCEPTION 'refused' USING ERRCODE = 'program_limit_exceeded'; END $$ LANGUAGE plpgsql
"""
_WHEN = "WHEN (NEW.delivery_code = '{code}')"
_TRIGGER = {
    # Larger than SQLite allows a value to be.
    "sqlite": [f"CREATE TRIGGER refuse BEFORE UPDATE ON rcs_message {_WHEN} BEGIN SELECT zeroblob(2000000000); END"],
    "postgresql": [
        _REFUSE,
        f"CREATE TRIGGER refuse BEFORE UPDATE ON rcs_message FOR EACH ROW {_WHEN} EXECUTE FUNCTION refuse()",
    ],
}


def set_aside(engine: sa.Engine) -> list[str]:
    """Return the phones of the reports that are set aside, in the order of their arrival."""
    are_set_aside = sa.select(report.c.phone).where(report.c.fold_error.is_not(None)).order_by(report.c.id)
    with engine.connect() as connection:
        return list(connection.execute(are_set_aside).scalars())


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_any_length_is_folded_and_stored_whole(engine: sa.Engine, field: str) -> None:
    taken = sent(engine, [ANA, BEA])
    changes: dict[str, Any] = {field: LONG}
    poisoned = report_on(taken, ANA)._replace(**changes)
    on_unknown = Report("13", phone="600", campaign_reference="unknown")._replace(**changes)

    land_and_fold(engine, poisoned, on_unknown, report_on(taken, BEA))

    with engine.connect() as connection:
        assert LONG in connection.execute(sa.select(report.c[field]).order_by(report.c.id)).scalars().all()
    assert set_aside(engine) == []
    assert row(engine, BEA).delivery_status == "delivered"


def test_services_with_long_names_become_channels_of_a_message(engine: sa.Engine) -> None:
    taken = sent(engine)

    land_and_fold(engine, report_on(taken, code="50"), report_on(taken, code="13", service=LONG))

    assert row(engine, ANA).delivery_status == "delivered"
    with engine.connect() as connection:
        channels = connection.execute(sa.select(message_channel.c.channel)).scalars()
        assert set(channels) == {"RCS", LONG[:100].upper()}


@pytest.mark.slow
@pytest.mark.parametrize("refused", [{0}, {6}, {2, 3}, set(range(7))])
def test_only_the_refused_reports_are_set_aside(engine: sa.Engine, refused: set[int]) -> None:
    people = phones(7)
    taken = sent(engine, people)
    land(
        engine,
        [report_on(taken, phone, REFUSED_CODE if at in refused else "13") for at, phone in enumerate(people)],
        NOON,
    )

    with refusing_to_fold(engine):
        assert fold(engine) == 7

    assert set_aside(engine) == [people[at] for at in sorted(refused)]
    delivered = [phone for phone, each in rows(engine).items() if each.delivery_status == "delivered"]
    assert delivered == [phone for at, phone in enumerate(people) if at not in refused]


def test_reports_are_counted_right_if_ids_are_missing_between_them_and_a_refused_one(engine: sa.Engine) -> None:
    people = phones(8)
    taken = sent(engine, people)
    land(engine, [report_on(taken, people[0], REFUSED_CODE), *(report_on(taken, phone) for phone in people[1:])], NOON)
    with engine.begin() as connection:
        connection.execute(report.delete().where(report.c.phone.in_(people[1:7])))

    with refusing_to_fold(engine):
        assert fold(engine) == 2

    new = read_new_reports(engine, 0)
    assert new is not None
    assert (new.reports, new.campaigns) == (2, {"spring": 1})


def test_a_report_that_is_set_aside_says_why_and_is_not_tried_again(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    taken = sent(engine)
    land(engine, [report_on(taken, code=REFUSED_CODE, api_message_id=f"m-{ANA}")], NOON)

    with refusing_to_fold(engine):
        fold(engine)
        assert (fold(engine), fold_parked(engine)) == (0, 0)

    with engine.connect() as connection:
        assert "the database refused the data" in connection.execute(sa.select(report.c.fold_error)).scalar_one()
    assert "could not be folded and is set aside" in caplog.text
    assert ANA not in caplog.text


def test_a_report_that_was_set_aside_can_be_folded_again(engine: sa.Engine) -> None:
    taken = sent(engine)
    land(engine, [report_on(taken, code=REFUSED_CODE)], NOON)
    with refusing_to_fold(engine):
        fold(engine)

    with engine.begin() as connection:
        connection.execute(report.update().values(fold=None, fold_error=None))
    fold(engine)

    assert row(engine).delivery_code == REFUSED_CODE


def test_a_fold_that_fails_for_another_reason_sets_nothing_aside(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land(engine, [report_on(taken, ANA), report_on(taken, BEA)], NOON)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE rcs_message_channel RENAME TO elsewhere")

    try:
        with pytest.raises(RcsStoreError):
            fold(engine)
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO rcs_message_channel")

    assert set_aside(engine) == []
    assert fold(engine) == 2


def test_a_report_on_an_erased_person_is_set_aside_without_personal_data(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    erase(engine, ANA, "a test")
    land(engine, [report_on(taken, ANA, REFUSED_CODE, extra={"Nombre": "Ana"})], NOON)

    with refusing_to_fold(engine):
        fold(engine)

    with engine.connect() as connection:
        personal_data = sa.select(report.c.phone, report.c.extra).where(report.c.fold_error.is_not(None))
        assert connection.execute(personal_data).all() == [("", {})]


def test_the_backlog_counts_unfolded_reports_and_those_set_aside(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA, EVA])
    land(engine, [report_on(taken, ANA, REFUSED_CODE)], NOON)
    with refusing_to_fold(engine):
        fold(engine)
    land(engine, [report_on(taken, BEA), report_on(taken, EVA)], NOON)

    assert read_backlog(engine) == Backlog(unfolded=2, oldest=NOON, set_aside=1)
    fold(engine)
    assert read_backlog(engine) == Backlog(unfolded=0, oldest=None, set_aside=1)


def test_a_report_that_is_set_aside_is_new_without_a_campaign(engine: sa.Engine) -> None:
    land(engine, [report_on(sent(engine), code=REFUSED_CODE)], NOON)

    with refusing_to_fold(engine):
        fold(engine)

    new = read_new_reports(engine, 0)
    assert new is not None
    assert (new.reports, new.campaigns) == (1, {})


def test_a_report_that_another_process_has_folded_meanwhile_is_not_set_aside(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine)))
    with engine.connect() as connection:
        before = connection.execute(sa.select(report)).one()

    assert folding._set_aside(engine, before.id, "refused") == 0

    with engine.connect() as connection:
        assert connection.execute(sa.select(report)).one() == before
