"""Fixtures of the pages: a store in SQLite, and Airflow's auth manager."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
import sqlalchemy as sa
from airflow.api_fastapi import app as airflow_app
from airflow.models.dag import DagModel

from tests.store_engines import postgres_engine, shared_postgres_engine, shared_sqlite_engine, sqlite_engine
from tests.unit.ui.visitors import DagsByUser, Site

__all__ = ["postgres_engine", "shared_postgres_engine", "shared_sqlite_engine", "sqlite_engine"]


@pytest.fixture
def may_read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets which DAGs users may read; by default all may read all."""
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of the tests, which is long enough")

    def set_permissions(strangers: Collection[str] = (), **readable: Collection[str]) -> None:
        monkeypatch.setattr(airflow_app._AuthManagerState, "instance", DagsByUser(readable, strangers))

    set_permissions()
    # Airflow's own database has no tables here.
    monkeypatch.setattr(DagModel, "get_team_name", lambda _dag_id: None)
    monkeypatch.setattr(DagModel, "get_dagmodel", lambda _dag_id: None)
    return set_permissions


@pytest.fixture
def site(sqlite_engine: sa.Engine, may_read: Callable[..., None]) -> Site:
    return Site(sqlite_engine)
