"""What a new attempt at a campaign must know of it, read in one round trip."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import Campaign, unknown_reference
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancellation_of_row
from airflow_provider_rcs.store.db.clock import sql_now
from airflow_provider_rcs.store.db.engine import reading_once
from airflow_provider_rcs.store.db.leases import is_dead_at
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import cancellation as cancellations


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign stands before an attempt at it begins.

    :param has_dead_attempts: whether an earlier attempt has died and is not recovered.
    :param cancellation: the decision to cancel it; ``None`` if it is not cancelled.
    :param unknown_reference: the reference of a report on a request that the store does not know; ``None`` for none.
    """

    has_dead_attempts: bool
    cancellation: Cancellation | None
    unknown_reference: str | None


def read_standing(engine: sa.Engine, campaign: Campaign) -> Standing:
    """Return how a campaign stands."""
    with reading_once(engine) as connection:
        now = sql_now(connection)
        row = connection.execute(
            sa.select(
                sa.exists().where(attempts.c.campaign_id == campaign.id, is_dead_at(now)).label("has_dead"),
                unknown_reference(campaign).label("unknown"),
                cancellations.c.decided_by,
                cancellations.c.reason,
                cancellations.c.decided_at,
            )
            .select_from(campaigns)
            .outerjoin(cancellations, cancellations.c.campaign_id == campaigns.c.id)
            .where(campaigns.c.id == campaign.id)
        ).one()
    return Standing(row.has_dead, cancellation_of_row(row), row.unknown)
