"""Cursors, and the reports that were folded after them."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.inbox.cursors import NewReports, read_cursor, read_new_reports, save_cursor
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from tests.unit.store.given import ANA, BEA, EVA, NOON, land_and_fold, report_on, sent


def test_no_reports_are_new_before_any_arrive(engine: sa.Engine) -> None:
    sent(engine)
    fold(engine)

    assert read_new_reports(engine, 0) is None


def test_reports_are_counted_by_campaign(engine: sa.Engine) -> None:
    spring, autumn = sent(engine, [ANA, BEA], "spring"), sent(engine, [EVA], "autumn", ids="n")

    land_and_fold(engine, report_on(spring), report_on(spring, BEA), report_on(autumn, EVA))

    assert read_new_reports(engine, 0) == NewReports(3, {"autumn": 1, "spring": 2}, 1)


def test_parked_reports_are_counted_without_a_campaign(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine), campaign_reference="another"))

    assert read_new_reports(engine, 0) == NewReports(1, {}, 1)


def test_only_reports_after_the_cursor_are_new(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken))
    first = read_new_reports(engine, 0)
    assert first is not None

    nothing = read_new_reports(engine, first.cursor)
    land_and_fold(engine, report_on(taken, BEA))
    second = read_new_reports(engine, first.cursor)

    assert nothing is None
    assert second is not None
    assert (second.reports, second.cursor > first.cursor) == (1, True)


def test_reports_that_are_not_folded_yet_are_not_new(engine: sa.Engine) -> None:
    land(engine, [report_on(sent(engine))], NOON)

    assert read_new_reports(engine, 0) is None


def test_new_reports_are_plain_counts_without_phones(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine)))

    new = read_new_reports(engine, 0)

    assert new is not None
    assert new.as_dict() == {"reports": 1, "campaigns": {"spring": 1}, "cursor": 1}


def test_a_watcher_without_a_cursor_starts_at_the_first_report(engine: sa.Engine) -> None:
    assert read_cursor(engine, "reports") == 0


def test_each_watcher_has_its_own_cursor(engine: sa.Engine) -> None:
    save_cursor(engine, "reports", 3)
    save_cursor(engine, "others", 5)
    save_cursor(engine, "reports", 4)

    assert (read_cursor(engine, "reports"), read_cursor(engine, "others")) == (4, 5)
