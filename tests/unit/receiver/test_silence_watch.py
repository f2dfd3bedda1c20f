from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.receiver import silence_watch
from airflow_provider_rcs.receiver.silence_watch import SilenceWatch
from airflow_provider_rcs.store.db.tables import campaign, request
from airflow_provider_rcs.store.inbox.silence import SILENT_AFTER
from tests.unit.receiver.pushing import wait_until
from tests.unit.store.given import sent


class Counted:
    """Notes what is counted."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def count(self, name: str, number: int = 1) -> None:
        self.names += [name] * number

    def took(self, name: str, seconds: float) -> None:
        raise AssertionError(name, seconds)


def test_a_silent_campaign_is_marked_once_by_all_receivers_together(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(silence_watch, "_SECONDS_BETWEEN_LOOKS", 0.01)
    for name in ("spring", "autumn"):
        sent(engine, name=name)
    then = datetime.now(UTC) - 2 * SILENT_AFTER
    with engine.begin() as connection:
        connection.execute(request.update().values(claimed_at=then))
        connection.execute(campaign.update().where(campaign.c.name == "spring").values(reports_since=then))
    looks: list[sa.Engine] = []
    counted = Counted()

    def look_at() -> sa.Engine:
        looks.append(engine)
        return engine

    for _ in range(2):
        SilenceWatch(look_at, counted).begin()
    wait_until(lambda: counted.names)
    seen = len(looks)
    wait_until(lambda: len(looks) > seen + 4)

    assert counted.names == ["rcs.campaign.silent"]
    assert caplog.text.count("campaign 'spring': messages were accepted") == 1
    assert "autumn" not in caplog.text
