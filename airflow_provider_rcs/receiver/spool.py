"""The spool: files in which pushed reports wait while the store does not accept them.

Each process appends to a file of its own, on which it holds a lock. A file without a lock, because its process closed
it or died, may be moved to the store by any process.
"""

from __future__ import annotations

import fcntl
import logging
import os
from base64 import b64decode, b64encode
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger(__name__)

DEFAULT_MEGABYTES = 256
_SUFFIX = ".spool"
# Each file is moved in one transaction, and moved again as a whole if that fails.
_MAX_FILE_BYTES = 1024 * 1024


class SpoolFullError(Exception):
    """The spool has no room left."""


class Spool:
    """Saves pushes on the disk until they can be moved to the store.

    :param folder: holds the files; created when it is first needed. One folder serves one store.
    :param megabytes: how much its files may hold together.
    """

    def __init__(self, folder: Path, megabytes: int = DEFAULT_MEGABYTES) -> None:
        self._folder = folder
        self._max_bytes = megabytes * 1024 * 1024
        self._lock = Lock()
        self._current: _OwnFile | None = None

    def append(self, pushes: Sequence[ReceivedReports]) -> None:
        """Return once the pushes are on the disk.

        :raises SpoolFullError: if they do not all fit; then none is saved.
        :raises OSError: if they cannot be written.
        """
        lines = b"".join(map(write_line, pushes))
        with self._lock:
            if self._size() + len(lines) > self._max_bytes:
                raise SpoolFullError
            if self._current is None:
                self._current = _create_file(self._folder)
            try:
                self._current.append(lines)
            except OSError:
                # The last line may be torn, so nothing may follow it.
                self._close_current()
                raise
            if self._current.size >= _MAX_FILE_BYTES:
                self._close_current()

    def has_room(self) -> bool:
        """Return whether a push could be saved now."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.access(self._folder, os.W_OK) and self._size() < self._max_bytes
        except OSError:
            return False

    def drain(self) -> Iterator[list[ReceivedReports]]:
        """Yield the saved pushes, file by file; each file is deleted when the next one is requested.

        Files that another process has locked are skipped, and so is what is appended in the meantime.
        """
        with self._lock:
            self._close_current()
        for path in self._files():
            with _locked_content(path) as content:
                if content is not None:
                    pushes, unreadable = _read_content(content)
                    if pushes:
                        yield pushes
                    _remove_or_set_aside(path, unreadable)

    def _close_current(self) -> None:
        if self._current is not None:
            self._current.close()
            self._current = None

    def _files(self) -> list[Path]:
        try:
            return sorted(self._folder.glob(f"*{_SUFFIX}"))
        except OSError:
            return []

    def _size(self) -> int:
        total = 0
        for path in self._files():
            try:
                total += path.stat().st_size
            except FileNotFoundError:  # moved to the store in the meantime
                continue
        return total


def write_line(pushed: ReceivedReports) -> bytes:
    """Return a push as a line of JSON, including the line's end."""
    refused = [[each.reason, each.content_type, b64encode(each.body).decode("ascii")] for each in pushed.refused]
    reports = [each._asdict() for each in pushed.reports]
    content = {"received_at": pushed.received_at, "reports": reports, "refused": refused}
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def _read_line(line: bytes) -> ReceivedReports | None:
    """Return the push that a line holds, or ``None`` if the line cannot be read."""
    try:
        content: dict[str, Any] = orjson.loads(line)
        return ReceivedReports(
            received_at=datetime.fromisoformat(content["received_at"]),
            reports=[_read_report(fields) for fields in content["reports"]],
            refused=[RefusedReport(reason, kind, b64decode(body)) for reason, kind, body in content["refused"]],
        )
    except (ValueError, TypeError, KeyError):
        return None


def _read_report(fields: dict[str, Any]) -> Report:
    reported_at = fields.pop("reported_at")
    return Report(**fields, reported_at=None if reported_at is None else datetime.fromisoformat(reported_at))


class _OwnFile:
    """The file that this process appends to, and keeps locked until it closes it."""

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


def _create_file(folder: Path) -> _OwnFile:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        path = folder / f"{uuid4().hex}{_SUFFIX}"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        # Between creating and locking it, another process may have found it, empty and unlocked, and deleted it.
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            _sync_folder(folder)
            return _OwnFile(descriptor)
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Flush the folder, so that the name of a new file survives a power failure as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked_content(path: Path) -> Iterator[bytes | None]:
    """Yield the content of a file, locked meanwhile; ``None`` if another process has locked or deleted it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        is_locked = _lock(descriptor) and os.fstat(descriptor).st_nlink > 0
        yield path.read_bytes() if is_locked else None
    finally:
        os.close(descriptor)


def _read_content(content: bytes) -> tuple[list[ReceivedReports], int]:
    """Return the pushes that a file holds, and how many of its complete lines cannot be read."""
    *lines, torn = content.split(b"\n")
    if torn:
        log.warning("Skipped the torn last line of a spool file: its process died before it answered that request")
    read = [_read_line(line) for line in lines]
    pushes = [each for each in read if each is not None]
    return pushes, len(read) - len(pushes)


def _remove_or_set_aside(path: Path, unreadable: int) -> None:
    if not unreadable:
        path.unlink()
        return
    log.error("A spool file has %d unreadable lines; it is kept as %s.unreadable", unreadable, path.name)
    path.rename(path.with_name(f"{path.name}.unreadable"))
