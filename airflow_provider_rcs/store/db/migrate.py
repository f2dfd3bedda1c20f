"""Migration of the store's tables to the version that this provider needs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.sqlite_files import file_of, require_usable_file
from airflow_provider_rcs.store.db.tables import metadata, store

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger(__name__)

VERSION_TABLE = "rcs_alembic_version"

# Any number, the same in every version of the provider.
_LOCK = 7_270_313_001

_CRASH_SAFETY = ("fsync", "full_page_writes")

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: sa.Engine) -> str:
    """Create or upgrade the store's tables, and return their version; tables that are up to date stay as they are.

    Any number of processes may do so at once: the first one migrates, and the others wait for it.

    :raises RcsStoreUnavailable: if the database cannot be reached.
    :raises RcsStoreError: if the tables are too new for this provider, or if the database refuses to change them or
        cannot hold every text.
    """
    require_usable_file(engine.url)
    try:
        with engine.begin() as connection:
            # On SQLite, the transaction itself keeps others waiting.
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            version = _version(connection)
            if version is None:
                _require_unicode(connection)
            if version is None or version < newest_version():
                version = _upgrade(connection)
            else:
                _require_compatible(connection, version)
            _warn_if_not_crash_safe(connection)
    except sa.exc.OperationalError as error:
        raise RcsStoreUnavailable(f"store: the database cannot be reached ({type(error.orig).__name__}).") from None
    except sa.exc.DBAPIError as error:
        raise RcsStoreError(
            f"store: the database refused to change the tables ({type(error.orig).__name__}). Nothing was changed. "
            "Check that the store's login owns them, and may create tables."
        ) from None
    return version


def require_migrated(engine: sa.Engine) -> None:
    """Check that the store's tables exist, and that this provider can use their version.

    Warns in the log about a server that may lose what it confirmed. A missing SQLite file is not created.

    :raises RcsStoreError: if they do not exist, are too old, or are too new.
    :raises RcsStoreUnavailable: if the database cannot be reached.
    """
    require_usable_file(engine.url)
    try:
        if _is_missing_file(engine.url):
            path = file_of(engine.url)
            raise RcsStoreError(f"{_tables_are_missing()}. There is no file {path} yet: check that the path is right.")
        with engine.connect() as connection:
            version = _version(connection)
            if version is None:
                raise _tables_are_missing()
            if version < newest_version():
                raise RcsStoreError(
                    f"store: its tables have version {version}, but this provider needs {newest_version()}. "
                    "Upgrade them with: airflow-rcs migrate, or by the DAG rcs_maintenance"
                )
            _require_compatible(connection, version)
            _warn_if_not_crash_safe(connection)
    except sa.exc.OperationalError as error:
        raise RcsStoreUnavailable(
            f"store: the database cannot be reached ({type(error.orig).__name__}). Check the store's connection."
        ) from None


def is_new(engine: sa.Engine) -> bool:
    """Return whether a database exists that never was a store, so that its tables may be created without asking.

    A missing SQLite file is not new: it may be mistyped or lost, and with the ledger who was messaged would be lost.
    Nor is a PostgreSQL database with a store in another schema, which a changed ``search_path`` hides.

    :raises RcsStoreUnavailable: if the database cannot be reached.
    """
    try:
        require_usable_file(engine.url)
    except RcsStoreError:
        return False
    if _is_missing_file(engine.url):
        return False
    with reading(engine) as connection:
        names = set(metadata.tables) | {VERSION_TABLE}
        if names & set(sa.inspect(connection).get_table_names()):
            return False
        if connection.dialect.name != "postgresql":
            return True
        anywhere = sa.text("SELECT EXISTS (SELECT FROM pg_class WHERE relname = :name)")
        return not connection.execute(anywhere, {"name": VERSION_TABLE}).scalar_one()


def unsafe_settings(connection: sa.Connection) -> list[str]:
    """Return the settings of the server that are off, and that a crash needs on; no transaction can override them."""
    if connection.dialect.name != "postgresql":
        return []
    settings = [sa.func.current_setting(name).label(name) for name in _CRASH_SAFETY]
    return [name for name, value in connection.execute(sa.select(*settings)).mappings().one().items() if value == "off"]


def newest_version() -> str:
    """Return the version of the tables that this provider needs."""
    return max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def _is_missing_file(url: sa.URL) -> bool:
    """Return whether a SQLite database has no file yet; connecting would create it."""
    path = file_of(url)
    return path is not None and path.parent.is_dir() and not path.exists()


def _tables_are_missing() -> RcsStoreError:
    return RcsStoreError(
        "store: its tables are missing. Make them with: airflow-rcs migrate, or by the DAG rcs_maintenance"
    )


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    version = sa.table(VERSION_TABLE, sa.column("version_num", sa.Text))
    return connection.execute(sa.select(version.c.version_num)).scalar()


def _require_unicode(connection: sa.Connection) -> None:
    """Check that a database that is to become a store can hold every text: a report that it refused would be lost.

    :raises RcsStoreError: if it cannot.
    """
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.execute(sa.select(sa.func.current_setting("server_encoding"))).scalar_one()
    if encoding != "UTF8":
        raise RcsStoreError(
            f"store: its database has the encoding {encoding}, which cannot hold every name and report. Create another "
            "one with: CREATE DATABASE name TEMPLATE template0 ENCODING 'UTF8', and point the store's connection at it."
        )


def _require_compatible(connection: sa.Connection, version: str) -> None:
    """Check that newer tables can be used as they are: workers are updated one after the other, while others send.

    :raises RcsStoreError: if they cannot.
    """
    if version <= newest_version():
        return
    compatible_from = connection.execute(sa.select(store.c.compatible_from)).scalar_one()
    if compatible_from > newest_version():
        raise RcsStoreError(
            f"store: its tables have version {version}, which the provider on this machine is too old for: it knows "
            f"{newest_version()}, and they need {compatible_from} or newer. Update the package airflow-provider-rcs "
            "here; do not migrate."
        )


def _upgrade(connection: sa.Connection) -> str:
    # Imported here: it takes as long to load as the rest of the receiver, which only checks the version.
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    migrations = ScriptDirectory.from_config(config).walk_revisions()
    compatible_from = max(migration.module.compatible_from for migration in migrations)
    connection.execute(store.update().values(compatible_from=compatible_from))
    return newest_version()


def _warn_if_not_crash_safe(connection: sa.Connection) -> None:
    if off := unsafe_settings(connection):
        log.warning(
            "store: its server runs with %s. After a crash it may have forgotten who was messaged, or which reports it "
            "confirmed. Set them to on in postgresql.conf.",
            " and ".join(f"{name}=off" for name in off),
        )


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
