"""How the databases of the store are spoken to."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.store.db.engine import engine_from_url, prepare_engine, reading, transaction


@pytest.mark.parametrize("url", ["", "not a url", "nosuchdatabase://host/db", "sqlite+nosuchdriver://"])
def test_a_url_that_cannot_be_used_is_refused_with_two_that_can(url: str) -> None:
    with pytest.raises(RcsStoreError, match=r"sqlite:////absolute/path\.db or postgresql"):
        engine_from_url(url)


def test_a_refused_url_is_not_repeated_because_it_can_hold_a_password() -> None:
    with pytest.raises(RcsStoreError) as refused:
        engine_from_url("nosuchdatabase://user:secret@host/db")

    assert "secret" not in str(refused.value)


def test_a_database_that_the_store_does_not_run_on_is_refused_by_name() -> None:
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


def test_readers_on_sqlite_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    engine = engine_from_url(f"sqlite:///{tmp_path}/store.db")

    with transaction(engine) as writer:
        writer.exec_driver_sql("CREATE TABLE t (n INTEGER)")
        with reading(engine) as reader:
            assert reader.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one() == 0


def test_a_database_that_cannot_be_reached_is_told_as_the_stores_failure(tmp_path: Path) -> None:
    engine = engine_from_url(f"sqlite:///{tmp_path}/no/such/folder/store.db")

    with pytest.raises(RcsStoreUnavailable, match="OperationalError"), transaction(engine):
        pass


def test_a_statement_that_fails_is_told_without_its_parameters(engine: sa.Engine) -> None:
    with pytest.raises(RcsStoreError) as failed, transaction(engine) as connection:
        connection.execute(sa.text("INSERT INTO nosuchtable VALUES (:phone)"), {"phone": "34600000001"})

    assert "34600000001" not in str(failed.value)


def test_a_read_that_fails_is_told_as_the_stores_failure(engine: sa.Engine) -> None:
    with pytest.raises(RcsStoreError), reading(engine) as connection:
        connection.execute(sa.text("SELECT * FROM nosuchtable"))


def test_what_was_done_before_a_failure_in_the_same_transaction_is_undone(engine: sa.Engine) -> None:
    def change_and_fail() -> None:
        with transaction(engine) as connection:
            connection.execute(sa.text("UPDATE rcs_store SET fold = 99"))
            raise KeyError("fold")

    with pytest.raises(KeyError):
        change_and_fail()

    with reading(engine) as connection:
        assert connection.execute(sa.text("SELECT fold FROM rcs_store")).scalar_one() == 0


def test_an_error_of_the_programs_own_is_not_told_as_the_databases(engine: sa.Engine) -> None:
    with pytest.raises(KeyError), transaction(engine):
        raise KeyError("x")


def test_a_row_that_the_database_refuses_is_not_worth_a_retry(engine: sa.Engine) -> None:
    with pytest.raises(RcsStoreError, match="IntegrityError") as failed, transaction(engine) as connection:
        connection.execute(sa.text("INSERT INTO rcs_store (id, fold) VALUES (1, 0)"))

    assert not failed.value.retry_may_help
