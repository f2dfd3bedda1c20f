"""Who was told that no report comes on a campaign, so that each is told once."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.store.engine import transaction
from airflow_provider_rcs.store.tables import campaign, silence
from airflow_provider_rcs.store.upsert import insert_into

# The counter of those silences, in Airflow's metrics and the receiver's.
SILENT = "rcs.campaign.silent"


def note_told(engine: sa.Engine, campaign_name: str, told_to: str) -> bool:
    """Note that somebody is told of a campaign's silence, and return whether it is the first time.

    :param told_to: who, such as the task that waits for the campaign.
    """
    columns = (campaign.c.id, sa.literal(told_to), sa.literal(datetime.now(UTC), silence.c.told_at.type))
    told = sa.select(*columns).where(campaign.c.name == campaign_name)
    with transaction(engine) as connection:
        insert = insert_into(connection, silence).from_select(["campaign_id", "told_to", "told_at"], told)
        return connection.execute(insert.on_conflict_do_nothing().returning(silence.c.told_to)).first() is not None
