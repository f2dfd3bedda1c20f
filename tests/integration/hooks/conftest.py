"""Airflow connections ``warehouse`` to real databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.postgres.hooks import postgres as postgres_hook


def postgres_fields(url: str, **extra: Any) -> dict[str, Any]:
    """Return a PostgreSQL URL as the fields of an Airflow connection."""
    parts = sa.make_url(url)
    return {
        "conn_type": "postgres",
        "host": parts.host or parts.query["host"],
        "login": parts.username,
        "password": parts.password,
        "port": parts.port,
        "schema": parts.database,
        "extra": extra,
    }


@pytest.fixture(params=["psycopg", "psycopg2"])
def postgres_warehouse(
    request: pytest.FixtureRequest, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Define ``warehouse`` as a PostgreSQL, once with each of the two drivers that Airflow's hook supports."""
    monkeypatch.setattr(postgres_hook, "USE_PSYCOPG3", request.param == "psycopg")

    def connect(**extra: Any) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(postgres_fields(postgres, **extra)))

    connect()
    return connect


@pytest.fixture(params=["sqlite", "duckdb"])
def file_warehouse(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Define ``warehouse`` as a database in a file, and return its connection type."""
    fields = {"conn_type": request.param, "host": f"{tmp_path}/warehouse.db"}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))
    return str(request.param)
