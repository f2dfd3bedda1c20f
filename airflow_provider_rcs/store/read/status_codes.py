"""The status codes of campaigns, which the warehouse reads."""

from __future__ import annotations

import json
from collections.abc import Mapping

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus, status_codes
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import campaign

OVERRIDES_AS_TEXT = sa.cast(campaign.c.status_codes, sa.Text)


def codes_of_campaigns(engine: sa.Engine) -> dict[str, Mapping[str, DeliveryStatus]]:
    """Return the different sets of codes that campaigns have: overrides, as text -> code -> status."""
    with reading(engine) as connection:
        texts = connection.execute(sa.select(OVERRIDES_AS_TEXT).distinct()).scalars().all()
    return {text: status_codes(json.loads(text)) for text in texts}
