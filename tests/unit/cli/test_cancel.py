"""``airflow-rcs cancel``."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from tests.unit.store.given import ANA, BEA, claim_next, dispatched, expire_lease, planned, row, sent, states

DECISION = ["--by", "Mar", "--reason", "the price is wrong"]


def cancel(store_url: str, campaign: str, *options: str) -> int:
    return main(["cancel", campaign, "--store-url", store_url, *options])


def test_it_prints_how_many_messages_are_not_sent(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(engine, [ANA, BEA])

    assert cancel(store_url, "spring", *DECISION) == 0

    assert capsys.readouterr().out == "Campaign spring is cancelled: 2 planned messages are not sent.\n"
    assert row(engine).reason == "cancelled: the price is wrong"


def test_it_prints_how_many_messages_cannot_be_recalled(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    sent(engine, [ANA])

    cancel(store_url, "spring", *DECISION)

    assert "1 message was already handed to the service and cannot be recalled." in capsys.readouterr().out


def test_messages_that_a_dead_task_was_sending_become_in_doubt(store_url: str, engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_next(engine, dead)
    expire_lease(engine, dead)

    cancel(store_url, "spring", *DECISION)

    assert states(engine) == {ANA: "in_doubt"}


def test_a_second_cancellation_changes_nothing_and_shows_the_first(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatched(engine, [ANA])
    cancel(store_url, "spring", *DECISION)
    capsys.readouterr()

    cancel(store_url, "spring", "--by", "Pau", "--reason", "again")

    assert "It was already cancelled by Mar on " in capsys.readouterr().out


def test_a_campaign_is_not_cancelled_without_a_reason(
    store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(engine, [ANA])

    assert cancel(store_url, "spring", "--reason", " ") == 2

    assert "reason: it is empty" in capsys.readouterr().err
    assert states(engine) == {ANA: "planned"}


def test_an_unknown_campaign_is_named(store_url: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert cancel(store_url, "autumn", *DECISION) == 2

    assert "the store has no campaign 'autumn'" in capsys.readouterr().err
