"""Bringing the store's tables to this version of the provider, and telling whether they are there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "rcs_alembic_version"


_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: sa.Engine) -> str:
    """Bring the store's tables to this version, and return the version; what is up to date is left alone.

    :raises RcsStoreUnavailable: if the database cannot be reached.
    """
    # Loaded here alone: it takes as long as all the rest of the receiver, which only asks for the version.
    from alembic import command

    config = _config()
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.OperationalError as error:
        raise RcsStoreUnavailable(f"store: the database cannot be reached ({type(error.orig).__name__}).") from None
    return newest_version()


def require_migrated(engine: sa.Engine) -> None:
    """Check that the store's tables are there and of this version; a SQLite database that is missing is not made.

    :raises RcsStoreError: if they are not; its kind RcsStoreUnavailable if the database cannot be reached.
    """
    try:
        version = None if _is_missing_file(engine.url) else _version(engine)
    except sa.exc.OperationalError as error:
        raise RcsStoreUnavailable(
            f"store: the database cannot be reached ({type(error.orig).__name__}). Check the store's connection."
        ) from None
    if version is None:
        raise RcsStoreError("store: its tables are missing. Make them with: airflow-rcs migrate")
    if version != newest_version():
        raise RcsStoreError(
            f"store: its tables are of version {version}, and this provider needs {newest_version()}. "
            "Bring them up with: airflow-rcs migrate"
        )


def newest_version() -> str:
    """Return the version of the tables that this provider works with."""
    return max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def _is_missing_file(url: sa.URL) -> bool:
    """Whether a SQLite database is on no file yet; asking it would make one."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":", "file:")):
        return False
    path = Path(url.database)
    return path.parent.is_dir() and not path.exists()


def _version(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        version = sa.table(VERSION_TABLE, sa.column("version_num", sa.Text))
        return connection.execute(sa.select(version.c.version_num)).scalar()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
