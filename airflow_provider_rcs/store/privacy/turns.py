"""Turns with other writers, for work that commits one batch after the other."""

from __future__ import annotations

import time

import sqlalchemy as sa

# SQLite has no queue: a writer who waits looks again at intervals that grow to this in the first tenth of a second.
_SECONDS_ON_SQLITE = 0.025


def let_others_write(engine: sa.Engine) -> None:
    """Pause between two batches, so that writers who wait get their turn; PostgreSQL gives it to them by itself."""
    if engine.dialect.name == "sqlite":
        time.sleep(_SECONDS_ON_SQLITE)
