"""``airflow-rcs cancel``, and how ``airflow-rcs campaigns`` shows cancelled and scheduled campaigns."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.stores import sqlite_store
from tests.unit.store.campaign.test_schedules import scheduled
from tests.unit.store.given import ANA, BEA, claim_next, dispatched, expire_lease, planned, row, sent, states

DECISION = ["--by", "Mar", "--reason", "the price is wrong"]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return sqlite_store(tmp_path / "store.db")


@pytest.fixture
def engine(store_url: str) -> sa.Engine:
    return engine_from_url(store_url)


def run(store_url: str, *options: str) -> int:
    return main([*options, "--store-url", store_url])


def test_it_prints_how_many_messages_are_not_sent(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(engine, [ANA, BEA])

    assert run(store_url, "cancel", "spring", *DECISION) == 0

    assert capsys.readouterr().out == "Campaign spring is cancelled: 2 planned messages are not sent.\n"
    assert row(engine).reason == "cancelled: the price is wrong"


def test_it_prints_how_many_messages_cannot_be_recalled(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    sent(engine, [ANA])

    run(store_url, "cancel", "spring", *DECISION)

    assert "1 messages were already handed to the service and cannot be recalled." in capsys.readouterr().out


def test_messages_that_a_dead_task_was_sending_become_in_doubt(store_url: str, engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_next(engine, dead)
    expire_lease(engine, dead)

    run(store_url, "cancel", "spring", *DECISION)

    assert states(engine) == {ANA: "in_doubt"}


def test_a_second_cancellation_changes_nothing_and_shows_the_first(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatched(engine, [ANA])
    run(store_url, "cancel", "spring", *DECISION)
    capsys.readouterr()

    run(store_url, "cancel", "spring", "--by", "Pau", "--reason", "again")

    assert "It was already cancelled by Mar on " in capsys.readouterr().out


def test_a_campaign_is_not_cancelled_without_a_reason(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(engine, [ANA])

    assert run(store_url, "cancel", "spring", "--reason", " ") == 2

    assert "reason: it is empty" in capsys.readouterr().err
    assert states(engine) == {ANA: "planned"}


def test_an_unknown_campaign_is_named(store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(store_url, "cancel", "autumn", *DECISION) == 2

    assert "the store has no campaign 'autumn'" in capsys.readouterr().err


def test_campaigns_shows_when_a_campaign_is_due_and_who_cancelled_another(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduled(engine)
    scheduled(engine, name="summer")
    run(store_url, "cancel", "summer", *DECISION)
    capsys.readouterr()

    run(store_url, "campaigns")

    printed = capsys.readouterr().out
    assert "\nspring: scheduled in the store, due 2026-05-01 12:00 UTC\n" in printed
    assert "\nsummer: cancelled by Mar, 20" in printed
    assert "summer: scheduled" not in printed
