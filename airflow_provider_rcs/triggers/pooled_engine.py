"""One engine per store, shared by all triggers of an event loop."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow.providers.common.compat.connection import get_async_connection

from airflow_provider_rcs.hooks.store import engine_from_connection

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Connection


@dataclass
class _Pooled:
    users: int = 0
    engine: sa.Engine | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


_pools: WeakKeyDictionary[AbstractEventLoop, dict[str, _Pooled]] = WeakKeyDictionary()


@asynccontextmanager
async def pooled_engine(store_conn_id: str) -> AsyncIterator[sa.Engine]:
    """Yield the shared engine of a store, and dispose of it after its last user.

    :raises RcsStoreError: if the store cannot be used, or reached.
    """
    pool = _pools.setdefault(asyncio.get_running_loop(), {})
    pooled = pool.setdefault(store_conn_id, _Pooled())
    pooled.users += 1
    try:
        async with pooled.opening:
            if pooled.engine is None:
                pooled.engine = await asyncio.to_thread(_open, await get_async_connection(store_conn_id))
        yield pooled.engine
    finally:
        pooled.users -= 1
        if not pooled.users:
            del pool[store_conn_id]
            if pooled.engine is not None:
                await asyncio.to_thread(pooled.engine.dispose)


def _open(connection: Connection) -> sa.Engine:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.db.engine import prepare_engine
    from airflow_provider_rcs.store.db.migrate import require_migrated

    # Polls are seconds apart and can be cancelled: a pooled connection would idle, or outlive its engine.
    engine = prepare_engine(sa.create_engine(engine_from_connection(connection).url, poolclass=sa.NullPool))
    require_migrated(engine)
    return engine
