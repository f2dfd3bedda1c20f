"""``airflow-rcs cancel``, and what ``airflow-rcs campaigns`` tells of the cancelled and the scheduled."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.stores import sqlite_store
from tests.unit.store.campaign.test_schedules import kept
from tests.unit.store.given import ANA, BEA, claim_next, dispatched, expire_lease, planned, row, sent, states

WORDS = ["--by", "Mar", "--reason", "the price is wrong"]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return sqlite_store(tmp_path / "store.db")


@pytest.fixture
def engine(store_url: str) -> sa.Engine:
    return engine_from_url(store_url)


def run(store_url: str, *words: str) -> int:
    return main([*words, "--store-url", store_url])


def test_it_tells_how_many_are_not_sent(store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    planned(engine, [ANA, BEA])

    assert run(store_url, "cancel", "spring", *WORDS) == 0

    assert capsys.readouterr().out == "Campaign spring is cancelled: 2 planned messages are not sent.\n"
    assert row(engine).reason == "cancelled: the price is wrong"


def test_it_tells_how_many_cannot_be_called_back(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    sent(engine, [ANA])

    run(store_url, "cancel", "spring", *WORDS)

    assert "1 messages were handed to the service before; it has no call to take them back" in capsys.readouterr().out


def test_what_a_dead_task_was_sending_is_in_doubt_from_then_on(store_url: str, engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_next(engine, dead)
    expire_lease(engine, dead)

    run(store_url, "cancel", "spring", *WORDS)

    assert states(engine) == {ANA: "in_doubt"}


def test_a_second_word_changes_nothing_and_is_told_the_first(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatched(engine, [ANA])
    run(store_url, "cancel", "spring", *WORDS)
    capsys.readouterr()

    run(store_url, "cancel", "spring", "--by", "Pau", "--reason", "again")

    assert "It was cancelled by Mar on " in capsys.readouterr().out


def test_without_a_reason_nothing_is_cancelled(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(engine, [ANA])

    assert run(store_url, "cancel", "spring", "--reason", " ") == 2

    assert "reason: it is empty" in capsys.readouterr().err
    assert states(engine) == {ANA: "planned"}


def test_a_campaign_that_is_not_there_is_named(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(store_url, "cancel", "autumn", *WORDS) == 2

    assert "the store has no campaign 'autumn'" in capsys.readouterr().err


def test_campaigns_tells_when_a_scheduled_one_is_due_and_who_cancelled_another(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(engine)
    kept(engine, name="summer")
    run(store_url, "cancel", "summer", *WORDS)
    capsys.readouterr()

    run(store_url, "campaigns")

    told = capsys.readouterr().out
    assert "\nspring: kept in the store, due 2026-05-01 12:00 UTC\n" in told
    assert "\nsummer: cancelled by Mar, 20" in told
    assert "summer: kept" not in told
