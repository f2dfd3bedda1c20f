"""A migrated SQLite store, and the receiver on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.receiver import app as app_module
from airflow_provider_rcs.receiver import ingest
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.store_engines import postgres_engine, shared_postgres_engine
from tests.stores import sqlite_store
from tests.unit.receiver.pushing import LOOK_UPS

__all__ = ["postgres_engine", "shared_postgres_engine"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = engine_from_url(sqlite_store(tmp_path / "store.db"))
    yield engine
    engine.dispose()


@pytest.fixture
def app(engine: sa.Engine, tmp_path: Path) -> ReportsApp:
    return ReportsApp(lambda: engine, LOOK_UPS, spool=Spool(tmp_path / "spool"))


@pytest.fixture
def no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the receiver wait for the store for as long as it takes."""
    monkeypatch.setattr(ingest, "_STORE_TIMEOUT", 30)
    monkeypatch.setattr(app_module, "_SECONDS_TO_RESPOND", 60)
