"""What programs read of each command that lists something."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.doctor import setup
from airflow_provider_rcs.doctor.findings import Finding, Level
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from tests.unit.cli.terminal import Terminal
from tests.unit.cli.test_check import spoil_counts
from tests.unit.cli.test_refused import refuse
from tests.unit.store.campaign.test_schedules import scheduled
from tests.unit.store.given import ANA, dispatched, planned, suppress

PAGE = Path(__file__).parents[3] / "docs" / "use-the-command-line.md"
KEYS = {
    command: re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", keys))
    for command, keys in re.findall(r"^\| `([a-z ]+)` \| (`.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
}
OPTIONS = {"prune": ["--older-than", "180d", "--dry-run"], "resolve": ["spring"]}
MAIN = "import sys; from airflow_provider_rcs.cli.main import main; sys.exit(main())"


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(_: object) -> Iterator[Finding]:
        yield Finding(Level.WARNING, "spool", "there is none")
        yield Finding(Level.OK, "store", "reached")

    monkeypatch.setattr(setup, "examine", examine)


def rows_of(capsys: pytest.CaptureFixture[str], store_url: str, command: str, *options: str) -> list[dict[str, Any]]:
    main([*command.split(), *OPTIONS.get(command, []), *options, "--output", "json", "--store-url", store_url])
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


@pytest.mark.usefixtures("examined")
@pytest.mark.parametrize("command", KEYS)
@pytest.mark.slow
def test_rows_have_the_keys_of_the_page_in_their_order(
    command: str, store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    suppress(engine, ANA, account="a1b2c3d4" * 4)
    refuse(engine, b"secret")
    spoil_counts(engine)

    first, *_ = rows_of(capsys, store_url, command)

    assert list(first) == KEYS[command]


def test_the_page_has_the_keys_of_every_command_that_lists_something() -> None:
    assert set(KEYS) == {
        *("campaigns", "accounts list", "refused list", "suppress list", "resolve", "check", "prune", "doctor")
    }


def test_a_campaign_has_its_date_and_its_cancellation(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduled(engine)
    planned(engine, [ANA], "summer")
    main(["cancel", "summer", "--by", "Mar", "--reason", "the price is wrong", "--store-url", store_url])
    capsys.readouterr()

    spring, summer = rows_of(capsys, store_url, "campaigns")

    assert (spring["due_at"], spring["cancelled_at"]) == ("2026-05-01T12:00:00+00:00", None)
    assert (summer["due_at"], summer["cancelled_by"], summer["cancel_reason"]) == (None, "Mar", "the price is wrong")
    assert datetime.fromisoformat(summer["cancelled_at"]) > datetime.fromisoformat(spring["due_at"])


def test_what_is_below_the_table_of_campaigns_is_not_among_the_rows(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(engine, b"secret")

    main(["campaigns", "--output", "json", "--store-url", store_url])

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("[]\n", "1 body could not be read. See: airflow-rcs refused list\n")


def test_programs_too_get_whole_phones_only_if_they_are_asked_for(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    suppress(engine, ANA)

    [masked] = rows_of(capsys, store_url, "suppress list")
    [whole] = rows_of(capsys, store_url, "suppress list", "--show-phones")

    assert (masked["phone"], whole["phone"]) == ("*********001", ANA)


@pytest.mark.usefixtures("examined")
def test_doctor_has_the_exit_code_of_its_worst_finding_in_every_form(
    store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {main(["doctor", "--output", each, "--store-url", store_url]) for each in ("table", "json", "plain")} == {1}

    assert capsys.readouterr().out.startswith("warning  spool: there is none\nok       store: reached\n[\n")


@pytest.mark.slow
def test_a_list_has_colours_on_a_terminal_alone(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    command = ("campaigns", "--store-url", store_url)

    main([*command])
    with Terminal(MAIN, *command, columns=200) as terminal:
        shown = terminal.show_all()

    assert re.search(r"\x1b\[33m +1\x1b\[0m", shown)
    assert "\x1b" not in capsys.readouterr().out
