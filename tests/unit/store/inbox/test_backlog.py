"""What has arrived in the inbox and was not applied."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.inbox import backlog
from airflow_provider_rcs.store.inbox.backlog import Backlog, read_backlog, read_waiting
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land, land_all
from tests.unit.store.given import ANA, NOON


def test_an_inbox_in_which_nothing_arrived_has_no_backlog(engine: sa.Engine) -> None:
    assert read_backlog(engine) == Backlog(unfolded=0, oldest=None, set_aside=0)


def test_refused_bodies_are_counted_each_once(engine: sa.Engine) -> None:
    bodies = [RefusedReport("unreadable", "text/plain", body) for body in (b"a", b"b", b"a")]

    land_all(engine, [ReceivedReports(NOON, refused=bodies)])

    assert read_backlog(engine).refused == 2


def test_the_oldest_report_is_the_first_that_landed(engine: sa.Engine) -> None:
    for minutes in range(3):
        land_all(engine, [ReceivedReports(NOON + timedelta(minutes=minutes), [Report("13", ANA)])])

    assert read_backlog(engine).oldest == NOON


def test_no_more_are_counted_than_the_limit(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MOST_COUNTED", 2)

    land_all(engine, [ReceivedReports(NOON, [Report("13", ANA)] * 3)])

    assert read_backlog(engine).unfolded == 2


def test_a_report_that_has_landed_is_not_a_parked_one(engine: sa.Engine) -> None:
    land(engine, [Report("13", ANA)], NOON)

    assert (read_waiting(engine).reports, read_waiting(engine).parked) == (True, False)


@pytest.mark.parametrize(("seconds", "waits"), [(-1, True), (0, True), (1, False)])
def test_parked_reports_wait_if_they_were_received_since_the_given_moment(
    engine: sa.Engine, seconds: int, waits: bool
) -> None:
    land(engine, [Report("13", ANA)], NOON)
    fold(engine)

    assert read_waiting(engine, NOON + timedelta(seconds=seconds)).parked is waits
