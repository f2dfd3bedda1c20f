"""Migration of the store's tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.store.db import (
    migrations,
    person_indexes,  # noqa: F401 - without it, the metadata lacks indexes
)
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import VERSION_TABLE, is_new, migrate, newest_version, require_migrated
from airflow_provider_rcs.store.db.tables import metadata
from tests.databases import fresh_database
from tests.stores import postgres_store
from tests.unit.store.given import dispatched, states


@pytest.fixture
def engine(request: pytest.FixtureRequest, engine: sa.Engine) -> Iterator[sa.Engine]:
    """Give each test a database of its own, because the tests drop and create tables."""
    if engine.dialect.name == "sqlite":
        yield engine
        return
    with postgres_store(request.getfixturevalue("postgres")) as url:
        own = engine_from_url(url)
        yield own
        own.dispose()


def drop_everything(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")


def migrations_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def set_version(engine: sa.Engine, version: str, *, compatible_from: str) -> None:
    """Make the tables look as if a newer provider had migrated them."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'")
        connection.exec_driver_sql(f"UPDATE rcs_store SET compatible_from = '{compatible_from}'")


def test_a_migrated_store_can_be_used(engine: sa.Engine) -> None:
    require_migrated(engine)


def test_migrate_returns_the_version(engine: sa.Engine) -> None:
    assert migrate(engine) == newest_version()


def test_migrating_twice_changes_nothing(engine: sa.Engine) -> None:
    dispatched(engine)
    before = states(engine)

    migrate(engine)

    assert states(engine) == before


def test_the_migration_creates_exactly_the_tables_of_the_metadata(engine: sa.Engine) -> None:
    def has_index(_: object, name: str, *__: object) -> bool:
        return name != "ix_rcs_report_message" or engine.dialect.name == "postgresql"

    options: dict[str, Any] = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    options["include_object"] = has_index

    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_large_tables_are_vacuumed_early_and_pages_of_the_ledger_are_filled_by_half(engine: sa.Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL has storage parameters")

    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT relname, reloptions FROM pg_class WHERE relname LIKE 'rcs%%'")
        options = {table: set(parameters) for table, parameters in found if parameters}

    early = {"autovacuum_vacuum_scale_factor=0.05", "autovacuum_analyze_scale_factor=0.05", "vacuum_truncate=off"}
    large = ("rcs_report", "rcs_message_channel", "rcs_inbound", "rcs_report_refused", "rcs_request")
    half = {"fillfactor=50"}
    assert options == {"rcs_message": early | half, "rcs_changed_range": half} | dict.fromkeys(large, early)


def test_the_error_about_missing_tables_names_the_command_that_makes_them(engine: sa.Engine) -> None:
    drop_everything(engine)

    with pytest.raises(RcsStoreError, match=r"its tables are missing\. Make them with: airflow-rcs migrate"):
        require_migrated(engine)


def test_a_store_can_be_migrated_again_after_its_tables_were_dropped(engine: sa.Engine) -> None:
    drop_everything(engine)

    migrate(engine)

    require_migrated(engine)


def test_the_error_about_another_version_names_both_versions(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0000'")

    with pytest.raises(RcsStoreError, match=f"have version 0000, but this provider needs {newest_version()}"):
        require_migrated(engine)


def test_newer_tables_that_this_provider_can_use_are_accepted(engine: sa.Engine) -> None:
    set_version(engine, "9999", compatible_from=newest_version())

    require_migrated(engine)


def test_migrating_newer_tables_that_this_provider_can_use_leaves_them_alone(engine: sa.Engine) -> None:
    set_version(engine, "9999", compatible_from=newest_version())

    assert migrate(engine) == "9999"


@pytest.mark.parametrize("function", [migrate, require_migrated])
def test_a_provider_that_is_too_old_for_the_tables_is_to_be_updated(
    engine: sa.Engine, function: Callable[[sa.Engine], object]
) -> None:
    set_version(engine, "9999", compatible_from="9998")

    with pytest.raises(RcsStoreError, match=r"need 9998 or newer\. Update the package airflow-provider-rcs") as old:
        function(engine)

    assert "airflow-rcs migrate" not in str(old.value)


def test_the_migrated_tables_say_which_versions_may_use_them(engine: sa.Engine) -> None:
    migrations = ScriptDirectory.from_config(migrations_config()).walk_revisions()

    with engine.connect() as connection:
        compatible_from = connection.exec_driver_sql("SELECT compatible_from FROM rcs_store").scalar_one()
    assert compatible_from == max(migration.module.compatible_from for migration in migrations)


@pytest.mark.postgresql
def test_a_server_that_may_forget_commits_in_a_crash_is_warned_about(
    postgres_engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    require_migrated(postgres_engine)

    # The server of the tests is set so, to be fast.
    assert "its server runs with fsync=off and full_page_writes=off" in caplog.text


def test_other_tables_in_the_same_database_are_left_alone(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE warehouse (phone TEXT)")

    migrate(engine)

    assert sa.inspect(engine).has_table("warehouse")


@pytest.mark.parametrize("function", [migrate, require_migrated])
def test_a_missing_folder_is_named_and_may_come_later(tmp_path: Path, function: Callable[[sa.Engine], object]) -> None:
    engine = engine_from_url(f"sqlite:///{tmp_path}/no/such/folder/store.db")

    with pytest.raises(RcsStoreUnavailable, match=rf"there is no folder {tmp_path}/no/such/folder for store\.db"):
        function(engine)


@pytest.mark.postgresql
@pytest.mark.parametrize("function", [migrate, require_migrated])
def test_an_unreachable_database_raises_store_unavailable(function: Callable[[sa.Engine], object]) -> None:
    engine = engine_from_url("postgresql+psycopg://nobody@127.0.0.1:1/nowhere")

    with pytest.raises(RcsStoreUnavailable, match="cannot be reached"):
        function(engine)


def test_checking_a_missing_sqlite_file_does_not_create_it(tmp_path: Path) -> None:
    with pytest.raises(RcsStoreError, match=rf"its tables are missing.*There is no file {tmp_path}/store\.db yet"):
        require_migrated(engine_from_url(f"sqlite:///{tmp_path}/store.db"))

    assert not list(tmp_path.iterdir())


def test_the_newest_version_is_alembics_head() -> None:
    assert newest_version() == ScriptDirectory.from_config(migrations_config()).get_current_head()


@pytest.mark.slow
def test_only_a_database_without_any_of_the_tables_is_new(engine: sa.Engine) -> None:
    assert not is_new(engine)

    drop_everything(engine)
    assert is_new(engine)

    metadata.tables["rcs_report"].create(engine)  # as in a warehouse, or after a mishap
    assert not is_new(engine)


@pytest.mark.slow
def test_a_store_in_a_schema_that_is_not_searched_is_not_new(postgres: str) -> None:
    with postgres_store(postgres) as url:
        engine = engine_from_url(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER SCHEMA public RENAME TO ledger")
            connection.exec_driver_sql("CREATE SCHEMA public")

        assert not is_new(engine)

        engine.dispose()


@pytest.mark.slow
def test_many_first_users_create_the_tables_once(postgres: str) -> None:
    with fresh_database(postgres) as url:
        engine = engine_from_url(url)
        with ThreadPoolExecutor(8) as pool:
            versions = set(pool.map(migrate, [engine] * 8))

        engine.dispose()
    assert versions == {newest_version()}


@pytest.mark.postgresql
def test_no_store_is_created_in_a_database_that_cannot_hold_every_text(postgres: str) -> None:
    with fresh_database(postgres, encoding="LATIN1") as url:
        engine = engine_from_url(url)

        with pytest.raises(RcsStoreError, match=r"its database has the encoding LATIN1.*ENCODING 'UTF8'"):
            migrate(engine)

        assert sa.inspect(engine).get_table_names() == []
        engine.dispose()
