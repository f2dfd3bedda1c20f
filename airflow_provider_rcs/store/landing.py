"""Landing: delivery reports are kept as they came, before anyone makes anything of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.engine import transaction
from airflow_provider_rcs.store.tables import report


def land(engine: sa.Engine, reports: Sequence[Report], received_at: datetime) -> None:
    """Commit reports to the store; repeated ones too.

    :param reports: the reports, in the order in which they came.
    :param received_at: when they came.
    :raises RcsStoreUnavailable: if they could not be committed; then none of them is.
    """
    rows = [{**asdict(each), "extra": dict(each.extra), "received_at": received_at} for each in reports]
    with transaction(engine) as connection:
        connection.execute(report.insert(), rows)
