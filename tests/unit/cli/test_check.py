"""``airflow-rcs check``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.db.count_tables import campaign_count
from airflow_provider_rcs.store.maintenance import long_work
from tests.unit.store.given import BEA, planned, sent

Check = Callable[..., int]


@pytest.fixture
def run(store_url: str) -> Check:
    return lambda *options: main(["check", "--store-url", store_url, *options])


def spoil_counts(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        is_planned = campaign_count.c.state == "planned"
        connection.execute(campaign_count.update().where(is_planned).values(messages=1_200))


@pytest.mark.slow
def test_it_succeeds_if_all_counts_are_right(engine: sa.Engine, run: Check, capsys: pytest.CaptureFixture[str]) -> None:
    sent(engine)

    assert run() == 0

    assert capsys.readouterr() == ("1 campaign with 1 message checked: all counts are right.\n", "")


def test_it_names_each_difference_and_fails(engine: sa.Engine, run: Check, capsys: pytest.CaptureFixture[str]) -> None:
    sent(engine)
    planned(engine, [BEA], "summer")
    spoil_counts(engine)

    assert run() == 1

    headings, _, *found, last = capsys.readouterr().out.splitlines()
    assert headings.split() == ["campaign", "kept", "counted", "of"]
    assert found == [
        "spring    1,200        0  messages of state=planned",
        "summer    1,200        1  messages of state=planned",
    ]
    assert last.startswith("2 campaigns with 2 messages checked: the counts of 2 campaigns are wrong. Replace them ")


def test_a_program_reads_the_differences_alone(
    engine: sa.Engine, run: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    sent(engine)
    right = run("--output", "json"), capsys.readouterr().out
    spoil_counts(engine)

    wrong = run("--output", "json"), json.loads(capsys.readouterr().out)

    assert right == (0, "[]\n")
    assert wrong == (1, [{"campaign": "spring", "of": "messages of state=planned", "kept": 1200, "counted": 0}])


def test_it_puts_counts_right_if_asked(engine: sa.Engine, run: Check, capsys: pytest.CaptureFixture[str]) -> None:
    planned(engine, [BEA])
    spoil_counts(engine)

    assert run("--repair") == 0

    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "1 campaign with 1 message checked: the counts of 1 campaign were wrong, and are replaced."
    assert run() == 0


def test_it_prints_its_progress_on_standard_error(
    engine: sa.Engine, run: Check, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(engine)
    monkeypatch.setattr(long_work, "_SECONDS_BEFORE_PROGRESS", 0.0)

    run()

    assert capsys.readouterr().err == "Checked so far: 1 campaigns\n"
