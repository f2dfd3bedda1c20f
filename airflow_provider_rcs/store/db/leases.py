"""Which attempts are alive, and which have died: an attempt lives until it ends or its lease does."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from airflow_provider_rcs.store.db.tables import attempt


def is_alive_at(moment: datetime | sa.ColumnElement[datetime]) -> sa.ColumnElement[bool]:
    """Return the condition for attempts that are alive."""
    return sa.and_(attempt.c.ended_at.is_(None), attempt.c.lease_until >= moment)


def is_dead_at(moment: datetime | sa.ColumnElement[datetime]) -> sa.ColumnElement[bool]:
    """Return the condition for attempts that have died, and from which nobody has recovered yet."""
    return sa.and_(attempt.c.ended_at.is_(None), attempt.c.lease_until < moment)
