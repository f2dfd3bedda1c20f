"""New reports, and how far those who are told of them have come."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.inbox.cursors import NewReports, read_cursor, read_new_reports, save_cursor
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from tests.unit.store.given import ANA, BEA, EVA, NOON, land_and_fold, report_on, sent


def test_nothing_is_new_while_nothing_has_come(engine: sa.Engine) -> None:
    sent(engine)
    fold(engine)

    assert read_new_reports(engine, 0) is None


def test_reports_are_counted_by_campaign(engine: sa.Engine) -> None:
    spring, autumn = sent(engine, [ANA, BEA], "spring"), sent(engine, [EVA], "autumn", ids="n")

    land_and_fold(engine, report_on(spring), report_on(spring, BEA), report_on(autumn, EVA))

    assert read_new_reports(engine, 0) == NewReports(3, {"autumn": 1, "spring": 2}, 1)


def test_reports_on_no_known_message_count_but_are_on_no_campaign(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine), campaign_reference="another"))

    assert read_new_reports(engine, 0) == NewReports(1, {}, 1)


def test_only_what_came_after_the_cursor_is_new(engine: sa.Engine) -> None:
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


def test_reports_that_were_not_folded_yet_are_not_in(engine: sa.Engine) -> None:
    land(engine, [report_on(sent(engine))], NOON)

    assert read_new_reports(engine, 0) is None


def test_what_is_told_holds_no_phone(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine)))

    arrivals = read_new_reports(engine, 0)

    assert arrivals is not None
    assert arrivals.as_dict() == {"reports": 1, "campaigns": {"spring": 1}, "cursor": 1}


def test_a_watcher_that_was_never_told_of_anything_begins_with_the_first_report(engine: sa.Engine) -> None:
    assert read_cursor(engine, "reports") == 0


def test_each_watcher_keeps_its_own_cursor(engine: sa.Engine) -> None:
    save_cursor(engine, "reports", 3)
    save_cursor(engine, "others", 5)
    save_cursor(engine, "reports", 4)

    assert (read_cursor(engine, "reports"), read_cursor(engine, "others")) == (4, 5)
