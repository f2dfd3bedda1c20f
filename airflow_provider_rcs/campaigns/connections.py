"""The connections of a notebook or a script: those of Airflow, or the store's URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, AirflowNotFoundException

from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreError
from airflow_provider_rcs.connections import connections_of_the_database
from airflow_provider_rcs.get_provider_info import STORE_URL_VARIABLE
from airflow_provider_rcs.hooks.lookup_cache import LOOKUP_CACHE
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.hooks.store import store_engine
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import require_migrated

if TYPE_CHECKING:
    import sqlalchemy as sa


def rcs_service(rcs_conn_id: str) -> RcsHook:
    """Return the hook of a connection, after reading the connection; it looks everything up afresh.

    What a task caches serves that task; a notebook lives for days, while its templates are edited.

    :raises RcsInputError: if the connection is not defined, or a field of it cannot be used.
    """
    LOOKUP_CACHE.clear()
    hook = RcsHook(rcs_conn_id)
    try:
        hook.account  # noqa: B018 - reads the connection
    except AirflowNotFoundException:
        raise RcsInputError(
            "rcs_conn_id",
            f"the connection {rcs_conn_id!r} is not defined",
            f"Define it in Airflow, or in the environment: AIRFLOW_CONN_{rcs_conn_id.upper()}.",
        ) from None
    return hook


@contextmanager
def opened_store(store_conn_id: str | None, store_url: str | None) -> Iterator[sa.Engine]:
    """Yield an engine for the store, after checking that its tables exist; close its connections at the end.

    Without arguments, it is the store of the command line: ``$AIRFLOW_RCS_STORE_URL``, or else Airflow's connection.

    :raises RcsInputError: if both a connection and a URL are given.
    :raises RcsStoreError: if the store cannot be used.
    """
    engine = _store(store_conn_id, store_url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def opened_store_if_possible(
    store_conn_id: str | None, store_url: str | None
) -> Iterator[tuple[sa.Engine, str] | tuple[None, str]]:
    """Like :func:`opened_store`, but if the store cannot be used, yield ``None`` and the reason."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(opened_store(store_conn_id, store_url)), ""
        except RcsStoreError as error:
            yield None, str(error)
        else:
            yield opened


def _store(store_conn_id: str | None, store_url: str | None) -> sa.Engine:
    if store_conn_id and store_url:
        raise RcsInputError("store_url", "store_conn_id names a store as well", "Give one of the two.")
    url = store_url or (None if store_conn_id else os.environ.get(STORE_URL_VARIABLE))
    if not url:
        return store_engine(store_conn_id)
    engine = engine_from_url(url)
    require_migrated(engine)
    return engine


@contextmanager
def outside_of_a_task() -> Iterator[None]:
    """Run a block with the connections of Airflow's database; raise errors of Airflow as the provider's own."""
    try:
        with connections_of_the_database():
            yield
    except AirflowException as error:
        problem = str(error).rstrip(".")
        raise RcsInputError("connection", problem, "Correct it in Airflow, or in the environment.") from None
