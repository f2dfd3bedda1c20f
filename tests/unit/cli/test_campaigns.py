"""``airflow-rcs campaigns``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.db import tables
from tests.unit.store.campaign.test_schedules import scheduled
from tests.unit.store.given import land_and_fold, report_on, sent
from tests.unit.warehouse.test_load import report, send


def test_it_prints_a_line_per_campaign(store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    report(engine, send(engine, "spring", ["+34600000001", "+34600000002"]), "+34600000001", "13")

    main(["campaigns", "--store-url", store_url])

    headings, _, line = capsys.readouterr().out.splitlines()
    assert headings.split()[0] == "campaign"
    assert [*line.split()[:1], *line.split()[3:-2]] == ["spring", "2", "2", "0", "0", "0", "1", "RCS", "1", "0", "1"]
    assert headings.endswith("last report (UTC)")
    assert re.search(r"2\d{3}-\d\d-\d\d \d\d:\d\d$", line)


def test_it_shows_what_each_channel_delivered(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    people = [f"+346{number:08d}" for number in range(3)]
    claim = sent(engine, people)
    land_and_fold(
        engine, *(report_on(claim, phone, service=by) for phone, by in zip(people, ("SMS", "RCS", "RCS"), strict=True))
    )

    main(["campaigns", "--store-url", store_url])

    assert "  RCS 2, SMS 1  " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("minutes_ago", "due_in_minutes", "requested", "shown"),
    [
        (1, None, True, "-"),
        (11, None, True, "NONE"),
        (60, 5, True, "-"),
        (60, -5, True, "-"),
        (60, -11, True, "NONE"),
        (60, -11, False, "-"),
    ],
)
def test_it_marks_a_campaign_whose_reports_are_overdue(
    store_url: str,
    engine: sa.Engine,
    capsys: pytest.CaptureFixture[str],
    minutes_ago: int,
    due_in_minutes: int | None,
    requested: bool,
    shown: str,
) -> None:
    send(engine, "spring", ["+34600000001"])
    now = datetime.now(UTC)
    sent_at = now - timedelta(minutes=minutes_ago)
    send_at = None if due_in_minutes is None else now + timedelta(minutes=due_in_minutes)
    reports_since = sent_at if requested else None
    with engine.begin() as connection:
        connection.execute(tables.request.update().values(claimed_at=sent_at))
        connection.execute(tables.campaign.update().values(send_at=send_at, reports_since=reports_since))

    main(["campaigns", "--store-url", store_url])

    printed = capsys.readouterr().out
    assert printed.splitlines()[2].split()[-1] == shown
    assert ("reports are overdue" in printed) == (shown == "NONE")


def test_it_shows_when_a_campaign_is_due_and_who_cancelled_another(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduled(engine)
    scheduled(engine, name="summer")
    main(["cancel", "summer", "--by", "Mar", "--reason", "the price is wrong", "--store-url", store_url])
    capsys.readouterr()

    main(["campaigns", "--store-url", store_url])

    printed = capsys.readouterr().out
    assert "\nspring: scheduled in the store, due 2026-05-01 12:00 UTC\n" in printed
    assert "\nsummer: cancelled by Mar, 20" in printed
    assert "summer: scheduled" not in printed
