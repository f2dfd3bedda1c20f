"""Who was told that no report comes on a campaign."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.inbox.silence import record_silence_warning
from tests.unit.store.given import campaign


def test_each_is_told_once_of_each_campaign(engine: sa.Engine) -> None:
    for name in ("spring", "autumn"):
        campaign(engine, name)

    told = [
        record_silence_warning(engine, name, who)
        for name in ("spring", "autumn")
        for who in ("a task", "another", "a task")
    ]

    assert told == [True, True, False] * 2


def test_of_a_campaign_that_is_not_known_nobody_is_told(engine: sa.Engine) -> None:
    assert not record_silence_warning(engine, "spring", "a task")
