from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.store.attempts import begin_attempt
from airflow_provider_rcs.store.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.engine import engine_from_url
from airflow_provider_rcs.store.migrate import migrate
from airflow_provider_rcs.store.planning import record_list
from airflow_provider_rcs.triggers.rcs import RcsCampaignTrigger

END = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


def trigger(**changes: Any) -> RcsCampaignTrigger:
    arguments: dict[str, Any] = {
        "campaign": "spring",
        "until": "final",
        "share": 0.95,
        "store_conn_id": "rcs_store",
        "poll_interval": 0.01,
        "end_time": END,
    }
    return RcsCampaignTrigger(**(arguments | changes))


def first_event(waiting: RcsCampaignTrigger) -> dict[str, Any]:
    async def wait() -> TriggerEvent:
        return await anext(waiting.run())

    payload: dict[str, Any] = asyncio.run(asyncio.wait_for(wait(), 20)).payload
    return payload


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A store with a campaign of one recipient, planned or rejected."""
    engine = engine_from_url(f"sqlite:///{tmp_path}/store.db")
    migrate(engine)
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/store.db"}))
    for name, rejection in (("open", ""), ("done", "phone: it is missing")):
        campaign = open_campaign(engine, name, CampaignTerms("1"), {})
        attempt = begin_attempt(engine, campaign, "test", timedelta(minutes=1))
        record_list(engine, attempt, [ListedRecipient("34600000001", "34600000001", "", "", "", {}, rejection)])


def test_it_serializes_to_its_class_and_exactly_its_arguments() -> None:
    assert trigger().serialize() == (
        "airflow_provider_rcs.triggers.rcs.RcsCampaignTrigger",
        {
            "campaign": "spring",
            "until": "final",
            "share": 0.95,
            "store_conn_id": "rcs_store",
            "poll_interval": 0.01,
            "end_time": END,
        },
    )


@pytest.mark.usefixtures("store")
def test_it_fires_at_once_when_nothing_is_left_to_wait_for() -> None:
    assert first_event(trigger(campaign="done")) == {"status": "success"}


@pytest.mark.usefixtures("store")
def test_it_gives_up_at_its_end_time() -> None:
    event = first_event(trigger(campaign="open", end_time=datetime.now(UTC) + timedelta(seconds=0.1)))

    assert event == {"status": "timeout", "message": "Campaign 'open': not 95% of its messages were final in time."}


def test_a_store_that_cannot_be_used_is_told_as_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "mysql", "host": "db"}))

    event = first_event(trigger())

    assert event["status"] == "error"
    assert "the store runs on SQLite and PostgreSQL" in event["message"]
