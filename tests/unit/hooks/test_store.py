from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.hooks.store import store_engine, unchecked_store_engine
from airflow_provider_rcs.store.db.migrate import migrate, require_migrated
from tests.stores import sqlite_store


def define_connection(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps(fields))


def test_a_missing_connection_is_an_error_with_the_remedy() -> None:
    with pytest.raises(RcsStoreError, match="'nowhere' is not defined.*airflow-rcs migrate --store-conn-id nowhere"):
        store_engine("nowhere")


def test_a_store_without_tables_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    define_connection(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/store.db")

    with pytest.raises(RcsStoreError, match="its tables are missing. Make them with: airflow-rcs migrate"):
        store_engine()


def test_a_migrated_sqlite_store_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    define_connection(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/store.db")
    migrate(unchecked_store_engine())

    assert store_engine().url.database == f"{tmp_path}/store.db"


def test_a_postgres_url_has_the_fields_and_driver_options_of_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    define_connection(
        monkeypatch,
        conn_type="postgres",
        host="db.example",
        port=6432,
        login="rcs",
        password="p@ss/word",
        schema="ledger",
        extra={"sslmode": "verify-full"},
    )

    url = unchecked_store_engine().url

    assert (url.drivername, url.host, url.port, url.username, url.password, url.database) == (
        "postgresql+psycopg",
        "db.example",
        6432,
        "rcs",
        "p@ss/word",
        "ledger",
    )
    assert dict(url.query) == {"sslmode": "verify-full"}


def test_other_databases_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    define_connection(monkeypatch, conn_type="mysql", host="db.example")

    with pytest.raises(RcsStoreError, match="of type 'mysql', but the store runs on SQLite and PostgreSQL only"):
        unchecked_store_engine()


def test_tables_are_created_at_the_first_use_of_an_empty_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "store.db").touch()
    define_connection(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/store.db")

    require_migrated(store_engine())


def test_a_sqlite_file_that_is_missing_may_be_lost_and_is_not_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    define_connection(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/store.db")

    with pytest.raises(RcsStoreError, match="its tables are missing"):
        store_engine()

    assert not (tmp_path / "store.db").exists()


def test_tables_are_not_created_if_auto_migrate_is_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    define_connection(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/store.db")
    monkeypatch.setenv("AIRFLOW__RCS__AUTO_MIGRATE", "False")

    with pytest.raises(RcsStoreError, match="or by the DAG rcs_maintenance"):
        store_engine()


def test_old_tables_are_not_upgraded_by_their_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sqlite_store(tmp_path / "store.db")
    define_connection(monkeypatch, conn_type="sqlite", host=f"{tmp_path}/store.db")
    with unchecked_store_engine().begin() as connection:
        connection.exec_driver_sql("UPDATE rcs_alembic_version SET version_num = '0000'")

    with pytest.raises(RcsStoreError, match="version 0000, .*airflow-rcs migrate, or by the DAG rcs_maintenance"):
        store_engine()
