from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_rcs import __version__
from airflow_provider_rcs.cli.main import main
from tests.stores import sqlite_store

COMMANDS = ["sandbox", "receiver", "migrate", "preview", "campaigns", "cancel", "resolve", "erase", "prune"]


@pytest.fixture
def empty_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return sqlite_store(tmp_path / "store.db")


def test_migrate_creates_the_tables_and_can_be_run_again(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [main(["migrate", "--store-url", empty_url]) for _ in range(2)]

    assert codes == [0, 0]
    assert capsys.readouterr().out.startswith("The store's tables are at version ")


def test_a_store_without_tables_is_an_error_with_the_remedy(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["campaigns", "--store-url", empty_url])

    assert code == 2
    assert capsys.readouterr().err == (
        "airflow-rcs campaigns: store: its tables are missing. Make them with: airflow-rcs migrate\n"
    )


def test_campaigns_prints_a_line_per_campaign(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from tests.unit.warehouse.test_load import report, send

    engine = engine_from_url(store_url)
    report(engine, send(engine, "spring", ["34600000001", "34600000002"]), "34600000001", "13")

    main(["campaigns", "--store-url", store_url])

    headings, _, line = capsys.readouterr().out.splitlines()
    assert headings.split()[0] == "campaign"
    assert [*line.split()[:1], *line.split()[3:-2]] == ["spring", "2", "2", "0", "0", "0", "1", "RCS", "1", "0", "1"]
    assert headings.endswith("last report (UTC)")
    assert re.search(r"2\d{3}-\d\d-\d\d \d\d:\d\d$", line)


def test_campaigns_shows_what_each_channel_delivered(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from tests.unit.store.given import land_and_fold, report_on, sent

    engine = engine_from_url(store_url)
    people = [f"346{number:08d}" for number in range(3)]
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
def test_campaigns_marks_a_campaign_whose_reports_are_overdue(
    store_url: str,
    capsys: pytest.CaptureFixture[str],
    minutes_ago: int,
    due_in_minutes: int | None,
    requested: bool,
    shown: str,
) -> None:
    from airflow_provider_rcs.store.db import tables
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from tests.unit.warehouse.test_load import send

    engine = engine_from_url(store_url)
    send(engine, "spring", ["34600000001"])
    now = datetime.now(UTC)
    send_at = None if due_in_minutes is None else now + timedelta(minutes=due_in_minutes)
    with engine.begin() as connection:
        sent_at = now - timedelta(minutes=minutes_ago)
        connection.execute(tables.request.update().values(claimed_at=sent_at))
        connection.execute(
            tables.campaign.update().values(send_at=send_at, reports_since=sent_at if requested else None)
        )

    main(["campaigns", "--store-url", store_url])

    printed = capsys.readouterr().out
    assert printed.splitlines()[2].split()[-1] == shown
    assert ("reports are overdue" in printed) == (shown == "NONE")


def test_an_unusable_store_url_is_an_error_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["migrate", "--store-url", "oracle-of-delphi://me:secret@host/db"])

    assert code == 2
    error = capsys.readouterr().err
    assert "its URL cannot be used" in error
    assert "secret" not in error


def test_version_prints_the_version_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])

    assert capsys.readouterr().out == f"airflow-provider-rcs {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"usage: airflow-rcs {command}")
    assert printed.err == ""


def test_resolve_without_a_verdict_shows_the_requests_in_doubt(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
    from tests.unit.store.given import ANA, dispatched

    engine = engine_from_url(store_url)
    claim = dispatched(engine, [ANA])
    mark_in_doubt(engine, claim, "the connection broke")

    main(["resolve", "spring", "--store-url", store_url])

    assert capsys.readouterr().out.splitlines()[2].split()[0] == claim.reference


def test_resolve_requires_a_reason(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
    from tests.unit.store.given import ANA, dispatched

    engine = engine_from_url(store_url)
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")

    without = main(["resolve", "spring", "--as", "accepted", "--store-url", store_url])
    given = main(["resolve", "spring", "--as", "accepted", "--because", "seen in the panel", "--store-url", store_url])

    assert (without, given) == (2, 0)
    printed = capsys.readouterr()
    assert "because: it is empty" in printed.err
    assert "Campaign spring: 1 messages were resolved as accepted." in printed.out


def test_resolve_names_an_unknown_campaign(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resolve", "autumn", "--store-url", store_url]) == 2

    assert "the store has no campaign 'autumn'" in capsys.readouterr().err
