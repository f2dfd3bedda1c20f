"""Who was told that no report comes on a campaign."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.silences import note_told
from tests.unit.store.given import campaign


def test_each_is_told_once_of_each_campaign(engine: sa.Engine) -> None:
    for name in ("spring", "autumn"):
        campaign(engine, name)

    told = [note_told(engine, name, who) for name in ("spring", "autumn") for who in ("a task", "another", "a task")]

    assert told == [True, True, False] * 2


def test_of_a_campaign_that_is_not_known_nobody_is_told(engine: sa.Engine) -> None:
    assert not note_told(engine, "spring", "a task")
