"""Seeing that a store is older than what was sent from it: a report echoes a request that it does not know."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.store.campaigns import Campaign
from airflow_provider_rcs.store.engine import reading
from airflow_provider_rcs.store.tables import report, request


def require_not_restored(engine: sa.Engine, campaign: Campaign) -> None:
    """Check that no report echoes a request of the campaign that the store has lost.

    :raises RcsStoreError: if one does. The store was restored from a backup that is older than that request, so it has
        forgotten whom it messaged.
    """
    unknown = (
        sa.select(report.c.campaign_reference)
        .where(
            report.c.message_id.is_(None),
            report.c.campaign_reference.startswith(f"{campaign.token}-", autoescape=True),
            ~sa.exists().where(request.c.reference == report.c.campaign_reference),
        )
        .limit(1)
    )
    with reading(engine) as connection:
        reference = connection.execute(unknown).scalar_one_or_none()
    if reference is not None:
        raise RcsStoreError(
            f"store: a delivery report came on request {reference} of campaign {campaign.name!r}, which the store does "
            "not know: it was restored from a backup that is older, and has forgotten whom it messaged. Nothing "
            "was sent. Restore a newer backup, or send to whom is certain under another campaign name."
        )
