"""A store behind PgBouncer, in both of its usual modes, whose few sessions it shares with a neighbour."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.databases import fresh_database
from tests.integration.operators.conftest import context, running_sandbox, sandbox
from tests.integration.pooler.neighbour import Neighbour
from tests.pgbouncer import pgbouncer
from tests.stores import postgres_store

__all__ = ["context", "running_sandbox", "sandbox"]

# Fewer sessions than clients in transaction mode, so that they are shared; in session mode, each client has its own.
_POOLS = {"transaction": 3, "session": 50}


@pytest.fixture(params=_POOLS)
def pooler(request: pytest.FixtureRequest, postgres: str) -> Iterator[str]:
    """The URL of the server's maintenance database through PgBouncer."""
    with pgbouncer(postgres, request.param, {"default_pool_size": _POOLS[request.param]}) as url:
        yield url


@pytest.fixture
def direct_url(postgres: str) -> Iterator[str]:
    """The URL of the store, past PgBouncer."""
    with postgres_store(postgres) as url:
        yield url


@pytest.fixture
def store_url(pooler: str, direct_url: str) -> str:
    """The URL of the store through PgBouncer."""
    return through(pooler, direct_url)


@pytest.fixture
def store(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """The store through PgBouncer, which is also the connection ``rcs_store``."""
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", as_connection(store_url))
    engine = engine_from_url(store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def warehouse_url(pooler: str, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty warehouse through PgBouncer, which is also the connection ``warehouse``."""
    with fresh_database(postgres) as url:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", as_connection(through(pooler, url)))
        yield url


@pytest.fixture
def neighbour(store_url: str, direct_url: str) -> Iterator[Neighbour]:
    """Another program at work in the store's database, through PgBouncer."""
    with Neighbour(store_url, direct_url) as neighbour:
        yield neighbour


def through(pooler: str, url: str) -> str:
    database = sa.make_url(url).database
    return sa.make_url(pooler).set(database=database).render_as_string(hide_password=False)


def as_connection(url: str) -> str:
    parts = sa.make_url(url)
    fields = {"host": parts.host, "port": parts.port, "login": parts.username, "schema": parts.database}
    return json.dumps({"conn_type": "postgres", **fields})
