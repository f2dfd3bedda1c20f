"""Engines and transactions of the store."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsRefusedDataError, RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db import engine as engine_module
from airflow_provider_rcs.store.db.engine import (
    SUPPORTED_DRIVERS,
    engine_from_url,
    prepare_engine,
    reading,
    reading_once,
    transaction,
    writing_once,
)
from airflow_provider_rcs.store.inbox.landing import land
from tests.database_settings import database_setting
from tests.early_commits import early_commits
from tests.round_trips import counted_round_trips
from tests.unit.store.given import NOON


@pytest.mark.parametrize("url", ["", "not a url", "nosuchdatabase://host/db", "sqlite+nosuchdriver://"])
def test_an_unusable_url_is_refused_with_two_usable_examples(url: str) -> None:
    with pytest.raises(RcsStoreError, match=r"sqlite:////absolute/path\.db or postgresql"):
        engine_from_url(url)


def test_a_refused_url_is_not_shown_because_it_may_contain_a_password() -> None:
    with pytest.raises(RcsStoreError) as refused:
        engine_from_url("nosuchdatabase://user:secret@host/db")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_url_without_a_driver_gets_the_one_that_is_installed(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setattr(engine_module, "find_spec", lambda name: name == "psycopg2" or None)

    assert engine_from_url(f"{scheme}://me@host/db").url.drivername == "postgresql+psycopg2"


def test_another_database_is_refused_by_its_name_also_if_its_driver_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "MySQLdb", None)

    with pytest.raises(RcsStoreError, match="it runs on sqlite and postgresql, not on mysql"):
        engine_from_url("mysql://me@host/db")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_a_url_whose_driver_is_not_installed_is_refused_with_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(engine_module, "find_spec", {}.get)
    for name in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(RcsStoreError, match=r"driver.*pip install 'airflow-provider-rcs\[postgres\]'") as refused:
        engine_from_url(f"{scheme}://me:secret@host/db")

    assert "secret" not in str(refused.value)


def test_an_unsupported_database_is_refused_by_name() -> None:
    engine = sa.create_engine("sqlite://")
    engine.dialect.name = "mysql"

    with pytest.raises(RcsStoreError, match="not on mysql"):
        prepare_engine(engine)


@pytest.mark.parametrize(
    ("setting", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 60_000)]
)
def test_a_commit_on_sqlite_is_durable_and_writers_wait(tmp_path: Path, setting: str, value: object) -> None:
    engine = engine_from_url(f"sqlite:///{tmp_path}/store.db")

    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {setting}").scalar_one() == value


@pytest.mark.postgresql
@pytest.mark.parametrize("driver", SUPPORTED_DRIVERS)
def test_a_commit_on_postgresql_is_durable_where_the_database_confirms_early(
    postgres_engine: sa.Engine, driver: str
) -> None:
    with early_commits(postgres_engine) as seen_at_commit:
        engine = engine_from_url(postgres_engine.url.set(drivername=f"postgresql+{driver}"))
        land(engine, [Report("11", phone="+34600000001")], NOON)
        engine.dispose()

        assert seen_at_commit() == ["on"]


@pytest.mark.postgresql
@pytest.mark.parametrize("driver", SUPPORTED_DRIVERS)
@pytest.mark.parametrize("block", [transaction, reading])
def test_a_transaction_sees_what_it_waited_for_whatever_isolation_the_database_defaults_to(
    postgres_engine: sa.Engine, driver: str, block: Callable[[sa.Engine], Any]
) -> None:
    with database_setting(postgres_engine, "default_transaction_isolation", "repeatable read"):
        engine = engine_from_url(postgres_engine.url.set(drivername=f"postgresql+{driver}"))
        with block(engine) as connection:
            assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
        engine.dispose()


@pytest.mark.postgresql
@pytest.mark.parametrize("driver", SUPPORTED_DRIVERS)
def test_any_text_is_sent_whatever_encoding_the_database_sets_for_its_clients(
    postgres_engine: sa.Engine, driver: str
) -> None:
    with database_setting(postgres_engine, "client_encoding", "LATIN1"):
        engine = engine_from_url(postgres_engine.url.set(drivername=f"postgresql+{driver}"))
        with reading(engine) as connection:
            answer = connection.execute(sa.text("SELECT :text"), {"text": "Łódź, 5 €"}).scalar_one()
        engine.dispose()

    assert answer == "Łódź, 5 €"


@pytest.mark.postgresql
def test_a_durable_transaction_takes_no_more_round_trips_than_one_that_reads(
    postgres_engine: sa.Engine,
) -> None:
    writing = round_trips(postgres_engine, transaction)

    assert writing == round_trips(postgres_engine, reading) == 3  # begin, query, commit


@pytest.mark.postgresql
def test_a_statement_by_itself_takes_one_round_trip(postgres_engine: sa.Engine) -> None:
    writing = round_trips(postgres_engine, writing_once)

    assert writing == round_trips(postgres_engine, reading_once) == 1


@pytest.mark.postgresql
def test_no_statement_stays_prepared_however_often_it_runs(postgres_engine: sa.Engine) -> None:
    with transaction(postgres_engine) as connection:
        for number in range(20):
            connection.execute(sa.text("SELECT :number"), {"number": number})
            connection.execute(sa.text("SELECT :number"), [{"number": number}, {"number": number + 1}])

        assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one() == 0


def test_a_driver_that_prepares_statements_is_refused() -> None:
    engine = sa.create_engine("postgresql+psycopg://host/database")
    engine.dialect.driver = "pg8000"

    with pytest.raises(RcsStoreError, match=r"its driver is pg8000.*Use one of postgresql\+psycopg, "):
        prepare_engine(engine)


def round_trips(engine: sa.Engine, begin: Callable[..., Any]) -> int:
    """Return how often a transaction with one query waits for the server."""
    with counted_round_trips(engine) as count:
        with begin(engine) as connection:
            connection.execute(sa.text("SELECT :number"), {"number": 1})
        return count()


@pytest.mark.postgresql
def test_a_connection_that_died_while_it_rested_is_replaced(
    postgres_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_SECONDS_OF_REST", 0.0)
    with reading(postgres_engine) as connection:
        died = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    other = sa.create_engine(postgres_engine.url, poolclass=sa.NullPool)
    with other.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({died}, 5000)")

    with reading(postgres_engine) as connection:
        assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != died


def test_readers_on_sqlite_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    engine = engine_from_url(f"sqlite:///{tmp_path}/store.db")

    with transaction(engine) as writer:
        writer.exec_driver_sql("CREATE TABLE t (n INTEGER)")
        with reading(engine) as reader:
            assert reader.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one() == 0


def test_an_unreachable_database_raises_store_unavailable(tmp_path: Path) -> None:
    engine = engine_from_url(f"sqlite:///{tmp_path}/no/such/folder/store.db")

    with pytest.raises(RcsStoreUnavailable, match="OperationalError"), transaction(engine):
        pass


def test_a_pool_whose_connections_are_all_in_use_raises_store_unavailable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    engine = prepare_engine(sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.01))

    with reading(engine), pytest.raises(RcsStoreUnavailable, match="in use"), reading(engine):
        pass


def test_the_error_of_a_failed_statement_does_not_show_its_parameters(engine: sa.Engine) -> None:
    with pytest.raises(RcsStoreError) as failed, transaction(engine) as connection:
        connection.execute(sa.text("INSERT INTO nosuchtable VALUES (:phone)"), {"phone": "34600000001"})

    assert "34600000001" not in str(failed.value)


def test_a_failed_read_raises_a_store_error(engine: sa.Engine) -> None:
    with pytest.raises(RcsStoreError), reading(engine) as connection:
        connection.execute(sa.text("SELECT * FROM nosuchtable"))


def test_an_exception_rolls_the_transaction_back(engine: sa.Engine) -> None:
    def change_and_fail() -> None:
        with transaction(engine) as connection:
            connection.execute(sa.text("UPDATE rcs_store SET fold = 99"))
            raise KeyError("fold")

    with pytest.raises(KeyError):
        change_and_fail()

    with reading(engine) as connection:
        assert connection.execute(sa.text("SELECT fold FROM rcs_store")).scalar_one() == 0


def test_exceptions_that_are_not_the_databases_pass_unchanged(engine: sa.Engine) -> None:
    with pytest.raises(KeyError), transaction(engine):
        raise KeyError("x")


def test_an_integrity_error_says_that_a_retry_does_not_help(engine: sa.Engine) -> None:
    with pytest.raises(RcsRefusedDataError, match="IntegrityError") as failed, transaction(engine) as connection:
        connection.execute(sa.text("INSERT INTO rcs_store (id, fold, identity) VALUES (1, 0, '')"))

    assert not failed.value.retry_may_help


def test_a_column_that_a_statement_does_not_know_is_no_fault_of_its_data(engine: sa.Engine) -> None:
    with pytest.raises(RcsStoreError, match="IntegrityError") as failed, transaction(engine) as connection:
        connection.execute(sa.text("INSERT INTO rcs_store (id, fold) VALUES (2, 0)"))

    assert type(failed.value) is RcsStoreError


@pytest.mark.postgresql
@pytest.mark.parametrize("driver", SUPPORTED_DRIVERS)
def test_moments_are_read_whatever_date_style_the_database_is_set_to(postgres_engine: sa.Engine, driver: str) -> None:
    moment = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    with database_setting(postgres_engine, "DateStyle", "German, DMY"):
        engine = engine_from_url(postgres_engine.url.set(drivername=f"postgresql+{driver}"))

        with reading_once(engine) as connection:
            assert connection.execute(sa.select(sa.cast(moment, sa.DateTime(timezone=True)))).scalar_one() == moment
        engine.dispose()
