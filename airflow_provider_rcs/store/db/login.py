"""The URL that the store's connections are opened with; read again where it is defined when the store refuses it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

log = logging.getLogger(__name__)

UrlSource = Callable[[], "sa.URL"]


class Login:
    """The store's current URL, which may change while engines use it: passwords are rotated, and tokens expire.

    Its methods may block, and may be called in any thread.

    :param source: returns the URL for one more connection, with a fresh token if the store wants one.
    :param read_again: reads the definition of the store, and returns its source.
    """

    def __init__(self, source: UrlSource, read_again: Callable[[], UrlSource]) -> None:
        self._source = source
        self._read_again = read_again

    def url(self) -> sa.URL:
        """Return the URL for one more connection."""
        return self._source()

    def url_after(self, refused: sa.URL) -> sa.URL | None:
        """Read the definition again, and return the URL for one more connection; ``None`` if it has not changed.

        :param refused: the URL with which no connection could be opened.
        """
        try:
            source = self._read_again()
            url = source()
        except Exception as error:  # noqa: BLE001 - the store's own error, which the caller has, says more
            log.warning("The store's connection could not be read again: %s", type(error).__name__)
            return None
        if url == refused:
            return None
        self._source = source
        return url
