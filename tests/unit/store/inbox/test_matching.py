"""Matching of reports: which of them it reads, and what it leaves as it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.inbox import matching
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.unit.store.given import ANA, BEA, NOON, land_and_fold, report_on, rows, sent
from tests.unit.store.inbox.test_phone_matching import parked, sms

SECOND = timedelta(seconds=1)


def by_ids(recipient: str, phone: str = "") -> Report:
    """Return a report that names its message by the service's ids."""
    return Report("13", phone=phone, api_campaign_id="e-1", api_message_id=f"m-{recipient}", service="RCS")


def statuses(engine: sa.Engine) -> list[str]:
    return [each.delivery_status for each in rows(engine).values()]


def folds(engine: sa.Engine) -> list[int | None]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(report.c.fold).order_by(report.c.id)).scalars())


def test_a_report_that_commits_while_others_of_its_range_are_matched_is_matched_as_well(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land(engine, [by_ids("of-others"), report_on(taken), report_on(taken, BEA)], NOON)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rcs_report SET fold = -1 WHERE id = (SELECT min(id) + 1 FROM rcs_report)")

    def commit_second(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT rcs_report.id, rcs_report.phone"):
            connection.exec_driver_sql("UPDATE rcs_report SET fold = NULL WHERE fold = -1")

    sa.event.listen(engine, "before_cursor_execute", commit_second)
    try:
        assert fold(engine) == 3
    finally:
        sa.event.remove(engine, "before_cursor_execute", commit_second)

    assert (statuses(engine), len(set(folds(engine)))) == (["delivered", "delivered"], 1)


def test_a_report_by_ids_stays_in_its_fold_when_another_is_matched(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, by_ids(ANA))
    [first] = folds(engine)

    assert land_and_fold(engine, by_ids(BEA), report_on(taken)) == 2

    assert folds(engine) == [first, folds(engine)[1], folds(engine)[1]]
    assert statuses(engine) == ["delivered", "delivered"]


def test_the_id_of_a_request_alone_matches_none_of_its_messages(engine: sa.Engine) -> None:
    sent(engine, [ANA, BEA])

    land_and_fold(engine, by_ids("unknown"), by_ids(BEA))

    assert (statuses(engine), parked(engine)) == (["", "delivered"], 1)


def test_the_phone_of_a_report_that_its_ids_match_to_another_recipient_is_erased(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    land_and_fold(engine, by_ids(ANA, BEA))

    erase(engine, BEA, "a test")

    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.phone)).scalar_one() == ""


@pytest.mark.parametrize("phone", [ANA, ""])
def test_only_parked_reports_since_a_moment_are_folded_beside_older_ones(engine: sa.Engine, phone: str) -> None:
    for second in (0, 1):
        land(engine, [by_ids(ANA, phone)], NOON + second * SECOND)
    fold(engine)
    before = folds(engine)
    sent(engine)

    assert fold_parked(engine, since=NOON + SECOND) == 1

    assert [after == earlier for after, earlier in zip(folds(engine), before, strict=True)] == [True, False]


def test_a_parked_report_is_folded_by_its_phone_and_the_id_of_its_request_alone(engine: sa.Engine) -> None:
    land_and_fold(engine, sms(api_campaign_id="e-1"))
    sent(engine)

    assert fold_parked(engine) == 1

    assert statuses(engine) == ["delivered"]


def test_all_parked_reports_are_looked_up_however_many_at_once(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "_REPORTS_PER_LOOK_UP", 1)
    land_and_fold(engine, *(sms(phone=phone, api_message_id=f"m-{phone}") for phone in (ANA, BEA)))
    sent(engine, [ANA, BEA])

    assert fold_parked(engine) == 2


def test_a_parked_report_that_names_the_request_of_another_sender_is_not_tried_again(engine: sa.Engine) -> None:
    sent(engine)
    land_and_fold(engine, sms(api_message_id=f"m-{ANA}", campaign_reference="of another sender"))
    before = folds(engine)

    assert fold_parked(engine) == 0

    assert folds(engine) == before
