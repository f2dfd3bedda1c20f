"""Another program behind the same PgBouncer, which prepares unnamed statements and leaves them in the sessions."""

from __future__ import annotations

from threading import Event, Thread
from typing import Self

import psycopg
import sqlalchemy as sa

_SECONDS_BETWEEN_INSERTS = 0.002
_TEXT = "the neighbour's own"


class Neighbour:
    """Inserts texts into a table of its own, again and again, as a context manager.

    :param url: of the database through PgBouncer.
    :param direct_url: of the same database, past PgBouncer.
    """

    def __init__(self, url: str, direct_url: str) -> None:
        self._address = _address(url)
        self._direct = _address(direct_url)
        self._stop = Event()
        self._thread = Thread(target=self._work, daemon=True)
        self.inserted = 0
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        with psycopg.connect(self._direct) as connection:
            connection.execute("CREATE TABLE neighbour (text TEXT)")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def require_unharmed(self) -> None:
        """Check that it did something, that nothing failed, and that its table has its own rows and no others."""
        self.__exit__()
        with psycopg.connect(self._direct) as connection:
            texts = connection.execute("SELECT text, count(*) FROM neighbour GROUP BY text").fetchall()
        assert self.errors == []
        assert texts == [(_TEXT, self.inserted)]

    def _work(self) -> None:
        try:
            # Each execution prepares the unnamed statement anew, and it stays in the session until the next one.
            with psycopg.connect(self._address, autocommit=True, prepare_threshold=None) as connection:
                while not self._stop.is_set():
                    connection.execute("INSERT INTO neighbour VALUES (%s)", (_TEXT,))
                    self.inserted += 1
                    self._stop.wait(_SECONDS_BETWEEN_INSERTS)
        except psycopg.Error as error:
            self.errors.append(str(error))


def _address(url: str) -> str:
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
