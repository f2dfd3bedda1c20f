"""Landing: delivery reports are kept as they came, before anyone makes anything of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.engine import transaction
from airflow_provider_rcs.store.tables import report

# Not asdict(), which copies each value deeply: half the time of a landing.
_FIELDS = tuple(each.name for each in fields(Report))


def land(engine: sa.Engine, reports: Sequence[Report], received_at: datetime) -> None:
    """Commit reports to the store; repeated ones too.

    :param reports: the reports, in the order in which they came.
    :param received_at: when they came.
    :raises RcsStoreUnavailable: if they could not be committed; then none of them is.
    """
    rows = [{**{name: getattr(each, name) for name in _FIELDS}, "received_at": received_at} for each in reports]
    with transaction(engine) as connection:
        connection.execute(report.insert(), rows)
