"""Checks of a SQLite store's file, whose driver does not say what is wrong with it, nor which file that is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable

if TYPE_CHECKING:
    import sqlalchemy as sa

_HEADER = b"SQLite format 3\0"
_ADVICE = "Check the path in the store's connection or URL"


def file_of(url: sa.URL) -> Path | None:
    """Return the absolute path of a SQLite database; ``None`` for one that is no file or another database."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":", "file:")):
        return None
    return Path(url.database).absolute()


def require_usable_file(url: sa.URL) -> None:
    """Check that a SQLite database can be opened and written to; it need not exist.

    :raises RcsStoreUnavailable: if its folder is missing, which may be a volume that is not mounted yet.
    :raises RcsStoreError: if it is a folder or another kind of file, or if this user must not write to it.
    """
    path = file_of(url)
    if path is None:
        return
    # Not by the paths' own methods, which raise an error below a folder that this user cannot enter.
    if not os.path.isdir(path.parent):  # noqa: PTH112
        raise RcsStoreUnavailable(f"store: there is no folder {path.parent} for {path.name}. {_ADVICE}.")
    if os.path.isdir(path):  # noqa: PTH112
        raise RcsStoreError(f"store: {path} is a folder, and not a file. {_ADVICE}.")
    for needed in (path.parent, path):
        if os.path.exists(needed) and not os.access(needed, os.R_OK | os.W_OK):  # noqa: PTH110
            raise RcsStoreError(f"store: this user may not read and write {needed}. {_ADVICE}, or its permissions.")
    if path.exists() and _has_other_content(path):
        raise RcsStoreError(f"store: {path} is not a SQLite database. {_ADVICE}; nothing was changed.")


def _has_other_content(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_HEADER)) not in (b"", _HEADER)
