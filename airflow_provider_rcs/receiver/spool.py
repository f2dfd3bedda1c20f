"""The spool: files on this machine that keep reports while the store does not take them.

Each process appends to a file of its own, which it holds locked. Whatever is not locked, because its process closed it
or died, is anyone's to move to the store.
"""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

from airflow_provider_rcs.receiver.spool_lines import read_line, write_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_rcs.store.inbox.landing import ReceivedReports

log = logging.getLogger(__name__)

DEFAULT_MEGABYTES = 256
_ENDING = ".spool"
# A file is moved as one transaction, and again as a whole if that broke off.
_BYTES_A_FILE = 1024 * 1024


class SpoolFullError(Exception):
    """The spool has no room left."""


class Spool:
    """Keeps what came until it can be moved to the store.

    :param folder: where; made when it is first needed. One folder is for one store.
    :param megabytes: how much its files may hold together.
    """

    def __init__(self, folder: Path, megabytes: int = DEFAULT_MEGABYTES) -> None:
        self._folder = folder
        self._limit = megabytes * 1024 * 1024
        self._busy = Lock()
        self._open: _File | None = None

    def append(self, arrivals: Sequence[ReceivedReports]) -> None:
        """Return once they are on the disk.

        :raises SpoolFullError: if there is no room for all of them; then none is kept.
        :raises OSError: if they cannot be written.
        """
        lines = b"".join(map(write_line, arrivals))
        with self._busy:
            if self._size() + len(lines) > self._limit:
                raise SpoolFullError
            if self._open is None:
                self._open = _new_file(self._folder)
            try:
                self._open.append(lines)
            except OSError:
                # Its end may be torn, so nothing may come after it.
                self._close()
                raise
            if self._open.size >= _BYTES_A_FILE:
                self._close()

    def has_room(self) -> bool:
        """Tell whether it would take a report now."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.access(self._folder, os.W_OK) and self._size() < self._limit
        except OSError:
            return False

    def take(self) -> Iterator[list[ReceivedReports]]:
        """Give what is kept, file by file; a file is deleted when the next one is asked for.

        A file that another process has locked is left to it. What is appended meanwhile is not waited for.
        """
        with self._busy:
            self._close()
        for path in self._files():
            with _locked(path) as file:
                if file is not None:
                    arrivals, unreadable = _read(file)
                    if arrivals:
                        yield arrivals
                    _put_away(path, unreadable)

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _files(self) -> list[Path]:
        try:
            return sorted(self._folder.glob(f"*{_ENDING}"))
        except OSError:
            return []

    def _size(self) -> int:
        total = 0
        for path in self._files():
            try:
                total += path.stat().st_size
            except FileNotFoundError:  # moved to the store meanwhile
                continue
        return total


class _File:
    """A file that this process appends to, and holds locked until it closes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = 0

    def append(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fsync(self._descriptor)
        self.size += len(content)

    def close(self) -> None:
        os.close(self._descriptor)


def _new_file(folder: Path) -> _File:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        path = folder / f"{uuid4().hex}{_ENDING}"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        # Between the two, another process may have found it, empty and unlocked, and be about to delete it.
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            _sync_folder(folder)
            return _File(descriptor)
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file survive a power cut as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[bytes | None]:
    """Give the content of a file that nobody else holds or has deleted, and hold it meanwhile; else ``None``."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        mine = _lock(descriptor) and os.fstat(descriptor).st_nlink > 0
        yield path.read_bytes() if mine else None
    finally:
        os.close(descriptor)


def _read(content: bytes) -> tuple[list[ReceivedReports], int]:
    """Return what a file holds, and how many lines before its last one cannot be read."""
    *lines, torn = content.split(b"\n")
    if torn:
        log.warning("The last line of a spool file is torn: its process died before it answered that request")
    read = [read_line(line) for line in lines]
    whole = [each for each in read if each is not None]
    return whole, len(read) - len(whole)


def _put_away(path: Path, unreadable: int) -> None:
    if not unreadable:
        path.unlink()
        return
    log.error("%d lines of a spool file cannot be read; the file is kept as %s.unreadable", unreadable, path.name)
    path.rename(path.with_name(f"{path.name}.unreadable"))
