"""How databases choose plans: statistics of the tables on PostgreSQL, and columns that they must not start from."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import reading_once, transaction

# Those that have more than doubled since they were analysed, or never were; a few pages more do not matter.
_OUTGROWN = sa.text(
    """
    SELECT relname FROM pg_class
    WHERE oid IN (to_regclass('rcs_message'), to_regclass('rcs_report'), to_regclass('rcs_request'))
        AND (reltuples < 0 OR pg_relation_size(oid) / current_setting('block_size')::int > 2 * relpages + 8)
    ORDER BY relname
    """
)

# A tenth of PostgreSQL's own: enough to choose a join by, and a tenth of the time. What it analyses later is its own.
_STATISTICS_TARGET = 10


def without_index(number: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Return a column as an expression that no index has, so that the database finds the rows by their other columns.

    Such as the campaign of a message: of a campaign that is newer than its statistics, PostgreSQL expects one message.
    """
    return number + 0


def refresh_outgrown_statistics(engine: sa.Engine) -> None:
    """Have PostgreSQL analyse the tables of messages, reports and requests that have outgrown their statistics.

    It does so by itself, but up to a minute after a large campaign has filled them, which is when its reports arrive.
    By the statistics of an almost empty store, it would look for each report among all messages of the campaign.

    A login that does not own the tables cannot do so; then nothing happens.
    """
    if engine.dialect.name != "postgresql":
        return
    with reading_once(engine) as connection:
        outgrown = connection.execute(_OUTGROWN).scalars().all()
    if outgrown:
        with transaction(engine) as connection:
            connection.exec_driver_sql(f"SET LOCAL default_statistics_target = {_STATISTICS_TARGET}")
            connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {', '.join(outgrown)}")
