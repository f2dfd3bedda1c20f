"""``airflow-rcs campaigns``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import InboundMessage
from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.db import inbox_tables, tables
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land, land_all
from tests.unit.cli.test_refold import rcs_connection
from tests.unit.store.campaign.test_schedules import scheduled
from tests.unit.store.given import land_and_fold, report_on, sent
from tests.unit.warehouse.test_load import report, send


def test_it_prints_a_line_per_campaign(store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    report(engine, send(engine, "spring", ["+34600000001", "+34600000002"]), "+34600000001", "13")

    main(["campaigns", "--store-url", store_url])

    headings, _, line = capsys.readouterr().out.splitlines()
    assert headings.split()[0] == "campaign"
    assert [*line.split()[:2], *line.split()[4:-2]] == [
        "spring",
        "-",
        "2",
        "2",
        "0",
        "0",
        "0",
        "1",
        "RCS",
        "1",
        "0",
        "1",
    ]
    assert headings.endswith("last report (UTC)")
    assert re.search(r"2\d{3}-\d\d-\d\d \d\d:\d\d$", line)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_reports_that_are_set_aside_are_counted_with_the_way_to_see_them(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    land_and_fold(engine, report_on(sent(engine)))
    with engine.begin() as connection:
        connection.execute(inbox_tables.report.update().values(fold_error="the database refused the data"))

    main(["campaigns", "--store-url", store_url])

    assert "1 delivery report could not be folded and is set aside" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["campaigns"], ["cancel", "spring", "--by", "Mar", "--reason", "wrong list"]])
def test_a_command_goes_on_if_reports_cannot_be_folded(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    land(engine, [report_on(sent(engine))], datetime.now(UTC))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE rcs_message_channel")

    main([*command, "--store-url", store_url])

    assert "spring" in capsys.readouterr().out


@pytest.mark.slow
def test_it_warns_of_a_campaign_that_was_folded_with_other_codes(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    land_and_fold(engine, report_on(sent(engine), code="77"))
    main(["campaigns", "--store-url", store_url])
    before = capsys.readouterr().out
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", rcs_connection({"77": "read"}))

    main(["campaigns", "--store-url", store_url])

    assert "refold" not in before
    assert "with other status codes than those of now: 77 (unknown, now read)." in capsys.readouterr().out


def test_a_connection_that_cannot_be_used_does_not_keep_it_from_listing(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(engine)
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", rcs_connection({"77": "no such status"}))

    assert main(["campaigns", "--store-url", store_url]) == 0

    printed = capsys.readouterr().out
    assert "\nspring " in printed
    assert (
        "Status codes are not compared with those of the connection. status_codes of the connection 'rcs_default': "
        in printed
    )


def test_it_counts_opt_outs_that_could_not_be_applied_and_refused_bodies(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = [RefusedReport("why", "text/plain", b"?")]
    land_all(engine, [ReceivedReports(datetime.now(UTC), (), refused, [InboundMessage("?", "BAJA")])])

    main(["campaigns", "--store-url", store_url])

    printed = capsys.readouterr().out
    assert "1 person opted out by a reply that does not say which phone to suppress." in printed
    assert "1 body could not be read. See: airflow-rcs refused list" in printed
