"""Cursors, and the reports that were folded after them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.count_tables import report_count
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import campaign
from airflow_provider_rcs.store.inbox.cursors import (
    CountedReports,
    NewReports,
    count_changed_reports,
    read_cursor,
    read_new_reports,
    record_counts,
    save_cursor,
)
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.unit.store.given import ANA, BEA, EVA, NOON, count, land_and_fold, phones, report_on, sent

SPRING, SUMMER = 1, 2


def record(engine: sa.Engine, *folds: list[CountedReports]) -> None:
    with engine.begin() as connection:
        for number, counts in enumerate(folds, start=1):
            record_counts(connection, number, counts)


def recorded(engine: sa.Engine) -> list[Any]:
    columns = (report_count.c.campaign_id, report_count.c.fold, report_count.c.reports, report_count.c.received_at)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*columns[:2]))]


def test_no_reports_are_new_before_any_arrive(engine: sa.Engine) -> None:
    sent(engine)
    fold(engine)

    assert read_new_reports(engine, 0) is None


def test_reports_are_counted_by_campaign(engine: sa.Engine) -> None:
    spring, autumn = sent(engine, [ANA, BEA], "spring"), sent(engine, [EVA], "autumn", ids="n")

    land_and_fold(engine, report_on(spring), report_on(spring, BEA), report_on(autumn, EVA))

    assert read_new_reports(engine, 0) == NewReports(3, {"autumn": 1, "spring": 2}, 1)
    assert recorded(engine) == [(spring.campaign_id, 1, 2, NOON), (autumn.campaign_id, 1, 1, NOON)]


def test_parked_reports_are_counted_without_a_campaign(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine), campaign_reference="another"))

    assert read_new_reports(engine, 0) == NewReports(1, {}, 1)


def test_reports_on_a_test_are_not_new(engine: sa.Engine) -> None:
    spring, test = sent(engine, name="spring"), sent(engine, name="test", ids="n")
    with engine.begin() as connection:
        connection.execute(campaign.update().where(campaign.c.name == "test").values(test_of="spring"))

    land_and_fold(engine, report_on(test), report_on(spring))

    assert read_new_reports(engine, 0) == NewReports(1, {"spring": 1}, 1)


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


def test_reports_that_an_erasure_has_changed_are_new_again(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine)))
    first = read_new_reports(engine, 0)
    assert first is not None

    erase(engine, ANA, "a test")

    second = read_new_reports(engine, first.cursor)
    assert second is not None
    assert (second.reports, second.campaigns, second.cursor > first.cursor) == (1, {"spring": 1}, True)


def test_counts_that_no_watcher_waits_for_are_merged(engine: sa.Engine) -> None:
    taken = sent(engine, phones(6))

    for phone in phones(6):
        land_and_fold(engine, report_on(taken, phone))

    assert count(engine, report_count) == 2
    assert read_new_reports(engine, 0) == NewReports(6, {"spring": 6}, 6)


def test_counts_are_merged_only_as_far_as_every_watcher_has_handled_them(engine: sa.Engine) -> None:
    taken = sent(engine, phones(6))
    save_cursor(engine, "reports", 4)
    save_cursor(engine, "others", 2)

    for phone in phones(6):
        land_and_fold(engine, report_on(taken, phone))

    found = {after: read_new_reports(engine, after) for after in (0, 2, 4)}
    assert [each.reports for each in found.values() if each] == [6, 4, 2]
    assert count(engine, report_count) == 5


def test_counts_that_a_watcher_has_not_handled_stay_when_earlier_ones_are_merged(engine: sa.Engine) -> None:
    taken = sent(engine, phones(5))
    save_cursor(engine, "reports", 0)
    for phone in phones(5)[:4]:
        land_and_fold(engine, report_on(taken, phone))

    save_cursor(engine, "reports", 2)
    land_and_fold(engine, report_on(taken, phones(5)[4]))

    assert [row[1:3] for row in recorded(engine)] == [(2, 2), (3, 1), (4, 1), (5, 1)]


def test_a_watcher_is_registered_before_it_handles_its_first_reports(engine: sa.Engine) -> None:
    taken = sent(engine, phones(6))
    for phone in phones(6)[:3]:
        land_and_fold(engine, report_on(taken, phone))
    first = read_new_reports(engine, read_cursor(engine, "reports"))
    assert first is not None

    for phone in phones(6)[3:]:
        land_and_fold(engine, report_on(taken, phone))
    save_cursor(engine, "reports", first.cursor)

    second = read_new_reports(engine, read_cursor(engine, "reports"))
    assert second is not None
    assert (first.reports, second.reports) == (3, 3)


def test_merged_counts_keep_when_the_last_of_their_reports_arrived(engine: sa.Engine) -> None:
    later = NOON + timedelta(minutes=1)

    record(
        engine,
        [CountedReports(SPRING, 2, later)],
        [CountedReports(SPRING, 3, NOON)],
        [CountedReports(SPRING, 1, NOON)],
    )

    assert recorded(engine) == [(SPRING, 2, 5, later), (SPRING, 3, 1, NOON)]


def test_only_the_counts_of_campaigns_with_new_reports_are_merged(engine: sa.Engine) -> None:
    spring, summer = CountedReports(SPRING, 1, NOON), CountedReports(SUMMER, 4, NOON)

    record(engine, [spring, summer], [spring, summer], [spring])

    assert [row[:3] for row in recorded(engine)] == [(SPRING, 2, 2), (SPRING, 3, 1), (SUMMER, 1, 4), (SUMMER, 2, 4)]


def test_the_only_counts_of_a_campaign_stay_when_those_of_another_are_merged(engine: sa.Engine) -> None:
    spring, summer = CountedReports(SPRING, 1, NOON), CountedReports(SUMMER, 4, NOON)

    record(engine, [spring, summer], [spring], [spring, summer])

    assert [row[:3] for row in recorded(engine)] == [(SPRING, 2, 2), (SPRING, 3, 1), (SUMMER, 1, 4), (SUMMER, 3, 4)]


def test_reports_changed_without_a_fold_are_counted_by_campaign_with_their_last_arrival(engine: sa.Engine) -> None:
    spring, summer = sent(engine, [ANA, BEA], "spring"), sent(engine, [EVA], "summer", ids="n")
    reports = [report_on(spring), report_on(spring, BEA), report_on(summer, EVA)]
    land(engine, [*reports, report_on(spring, campaign_reference="another")], NOON)
    fold(engine)

    with engine.begin() as connection:
        connection.execute(report.update().values(fold=2))
        count_changed_reports(connection, 2)

    assert [row for row in recorded(engine) if row[1] == 2] == [
        (0, 2, 1, NOON),
        (spring.campaign_id, 2, 2, NOON),
        (summer.campaign_id, 2, 1, NOON),
    ]
