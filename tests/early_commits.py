"""A PostgreSQL database that confirms commits before they are on disk, as servers tuned for speed do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa


def confirm_commits_early(url: str) -> None:
    """Set the database so, for connections that are opened from now on."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {engine.url.database} SET synchronous_commit = off")
    engine.dispose()


@contextmanager
def early_commits(engine: sa.Engine) -> Iterator[Callable[[], list[str]]]:
    """Set a store's database so, and yield what returns the value that each commit of reports had for itself."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {engine.url.database} SET synchronous_commit = off")
        connection.exec_driver_sql("CREATE TABLE seen (value TEXT)")
        connection.exec_driver_sql(
            "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$"
        )
        # Deferred, so that it sees the value with which the transaction commits.
        connection.exec_driver_sql(
            "CREATE CONSTRAINT TRIGGER see AFTER INSERT ON rcs_report DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION see()"
        )
    engine.dispose()
    try:
        yield lambda: _seen(engine)
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {engine.url.database} RESET synchronous_commit")
            connection.exec_driver_sql("DROP FUNCTION see CASCADE")
            connection.exec_driver_sql("DROP TABLE seen")
        engine.dispose()


def _seen(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT value FROM seen").scalars())
