"""One attempt sends the whole list to a service that takes only some requests a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsRateLimited
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from tests.sandbox_process import SandboxProcess
from tests.stores import sqlite_store
from tests.unit.store.given import funnel, phones


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = engine_from_url(sqlite_store(tmp_path / "store.db"))
    yield engine
    engine.dispose()


@contextmanager
def limited_service(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[SandboxProcess]:
    with SandboxProcess(**options) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", sandbox.connection())
        yield sandbox


def send(store: sa.Engine, requests: int) -> dict[str, Any]:
    """Send two recipients in each request, with default settings otherwise."""
    return send_campaign(
        store,
        RcsHook(),
        Template("1234569", "Plain greeting"),
        SendSettings("1234569", "spring", batch_size=2),
        [{"phone": phones(2 * requests)}],
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(seconds=5),
    )


@pytest.mark.parametrize(
    ("per_second", "requests", "retry_after"),
    [(1, 3, "none"), (3, 8, "none"), (20, 45, "none"), (3, 7, "seconds"), (20, 41, "date")],
)
def test_one_attempt_sends_the_whole_list_at_the_pace_of_the_service(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, per_second: int, requests: int, retry_after: str
) -> None:
    options = {"requests_per_second": per_second, "retry_after": retry_after}
    with limited_service(monkeypatch, **options) as sandbox:
        sent = send(store, requests)

        assert sandbox.statistics()["too_many_requests"] > 0
        assert sandbox.messages_per_phone() == {phone[1:]: 1 for phone in phones(2 * requests)}
    assert (sent["accepted"], sent["in_doubt"]) == (2 * requests, 0)


def test_a_longer_pause_than_an_attempt_waits_stops_it_with_the_pause_and_leaves_the_rest_planned(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited_service(monkeypatch) as sandbox:
        sandbox.faults([{"request": 2, "kind": "status", "status": 429, "retry_after": 3600}])

        with pytest.raises(RcsRateLimited, match=r"It asks to wait 3600 seconds\..* next request should wait 3600 s"):
            send(store, 40)
        accepted = sandbox.statistics()["accepted"]

    states = funnel(store).states
    assert (states[MessageState.ACCEPTED], states[MessageState.PLANNED]) == (accepted, 80 - accepted)
    with store.connect() as connection:
        assert set(connection.execute(sa.select(request.c.state)).scalars()) <= {"accepted", "refused", "unsent"}
