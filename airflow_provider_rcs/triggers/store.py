"""The store as triggers use it, without blocking their event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow.providers.common.compat.connection import get_async_connection

from airflow_provider_rcs.hooks.store import default_store_conn_id, engine_from_connection

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Connection


async def open_store(store_conn_id: str | None) -> sa.Engine:
    """Return an engine for the store that keeps no connection open between queries, after checking its tables.

    :param store_conn_id: the connection; by default ``[rcs] store_conn_id``.
    :raises RcsStoreError: if the store cannot be used, or reached.
    """
    connection = await get_async_connection(store_conn_id or default_store_conn_id())
    return await asyncio.to_thread(_open, connection)


def _open(connection: Connection) -> sa.Engine:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.db.migrate import require_migrated

    # Polls are seconds apart and can be cancelled: a pooled connection would idle, or outlive its trigger.
    engine = engine_from_connection(connection, poolclass=sa.NullPool)
    require_migrated(engine)
    return engine
