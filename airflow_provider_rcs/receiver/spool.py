"""The spool: files in which pushed reports wait while the store does not accept them.

Each process appends to a file of its own, on which it holds a lock. A file without a lock, because its process closed
it or died, may be moved to the store by any process.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from airflow_provider_rcs.store.inbox.bodies import read_line, write_line
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger(__name__)

DEFAULT_MEGABYTES = 256
_SUFFIX = ".spool"
_UNREADABLE = "a line of the spool cannot be read"
# Each file is moved in one transaction, and moved again as a whole if that fails.
_MAX_FILE_BYTES = 1024 * 1024


class SpoolFullError(Exception):
    """The spool has no room left."""


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What waits in the spool.

    :param entries: the number of requests whose reports wait.
    :param oldest: when the first of them arrived; ``None`` if none waits.
    :param has_room: whether another one could be saved now.
    """

    entries: int
    oldest: datetime | None
    has_room: bool


class _Counted(NamedTuple):
    """What a file held when it had this size; it only grows."""

    size: int
    entries: int
    oldest: datetime | None


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
        # Each drain tries them again: their cause may be mended.
        self._landed: set[Path] = set()
        self._logged: set[Path] = set()
        self._counts: dict[Path, _Counted] = {}

    @property
    def folder(self) -> Path:
        """The folder that holds the files."""
        return self._folder

    @property
    def max_bytes(self) -> int:
        """How much the files may hold together."""
        return self._max_bytes

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

    def state(self) -> SpoolState:
        """Return what waits in the spool, without what is in the store and could not be deleted."""
        counts = {path: self._count(path) for path in self._files() if path not in self._landed}
        self._counts = counts
        oldest = min((each.oldest for each in counts.values() if each.oldest is not None), default=None)
        return SpoolState(sum(each.entries for each in counts.values()), oldest, self._has_room())

    def drain(self) -> Iterator[list[ReceivedReports]]:
        """Yield the saved pushes, file by file; each file is deleted when the next one is requested.

        Files that another process has locked are skipped, and so is what is appended in the meantime. An entry that
        cannot be read is skipped, and one that cannot be deleted is not yielded again; both are logged once.
        """
        with self._lock:
            self._close_current()
        for path in self._files():
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # A pipe would wait for its writer.
            except FileNotFoundError:  # Another process has moved it.
                continue
            except OSError as error:
                self._log_once(path, "cannot be opened, and is skipped until it can", error)
                continue
            try:
                yield from self._drain_file(path, descriptor)
            finally:
                _close(descriptor)

    def _drain_file(self, path: Path, descriptor: int) -> Iterator[list[ReceivedReports]]:
        try:
            _require_regular(descriptor)
            if not _lock(descriptor):
                return
            content = b"" if path in self._landed else path.read_bytes()
        except OSError as error:
            self._log_once(path, "cannot be read, and is skipped until it can", error)
            return
        if pushes := _read_content(content):
            yield pushes
        self._landed.add(path)
        try:
            path.unlink()
        except OSError as error:
            self._log_once(path, "cannot be deleted; its reports are in the store, so delete it by hand", error)
        else:
            self._landed.discard(path)

    def _count(self, path: Path) -> _Counted:
        """Count what a file holds, unless it was counted at this size: reading a full spool takes seconds."""
        size, known = _size_of(path), self._counts.get(path)
        return known if known and known.entries and known.size == size else _Counted(size, *_count_entries(path))

    def _log_once(self, path: Path, problem: str, error: OSError) -> None:
        if path not in self._logged:
            self._logged.add(path)
            log.error("The spool's entry %s %s (%s)", path, problem, error.strerror or type(error).__name__)

    def _has_room(self) -> bool:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            has_disk = os.access(self._folder, os.W_OK) and shutil.disk_usage(self._folder).free >= _MAX_FILE_BYTES
            return has_disk and self._size() < self._max_bytes
        except OSError:
            return False

    def _close_current(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.close()

    def _files(self) -> list[Path]:
        try:
            return sorted(self._folder.glob(f"*{_SUFFIX}"))
        except OSError:
            return []

    def _size(self) -> int:
        return sum(map(_size_of, self._files()))


class _OwnFile:
    """A file that this process creates, appends to, and keeps locked until it closes it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{uuid4().hex}{_SUFFIX}"
        self._descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        self.size = 0

    def lock(self) -> bool:
        """Lock the file, and return whether this process has it."""
        # Between creating and locking it, another process may have found it, empty and unlocked, and deleted it.
        return _lock(self._descriptor)

    def append(self, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            # Its requests are refused, so nothing of it needs to stay on a disk that may be full.
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(content)

    def close(self) -> None:
        """Close the file, and delete it if it is empty."""
        if not self.size:
            with suppress(OSError):
                self._path.unlink()
        _close(self._descriptor)


def _create_file(folder: Path) -> _OwnFile:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        file = _OwnFile(folder)
        try:
            if file.lock():
                _sync_folder(folder)
                return file
        except OSError:
            file.close()
            raise
        file.close()


def _lock(descriptor: int) -> bool:
    """Lock a file, and return whether this process has it: not if another process has locked or deleted it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def _close(descriptor: int) -> None:
    with suppress(OSError):  # What was written was flushed before.
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Flush the folder, so that the name of a new file survives a power failure as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        _close(descriptor)


def _require_regular(descriptor: int) -> None:
    """Raise an error unless it is a file with content, and not a folder or a pipe.

    :raises OSError: if it is something else.
    """
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # It was moved to the store in the meantime, or cannot be read.
        return 0


def _count_entries(path: Path) -> tuple[int, datetime | None]:
    """Return how many pushes a file holds, and when the first one arrived; none if it cannot be read."""
    try:
        if not path.is_file():
            return 0, None
        content = path.read_bytes()
    except OSError:
        return 0, None
    first = read_line(content.partition(b"\n")[0])
    return content.count(b"\n"), first.received_at if first else None


def _read_content(content: bytes) -> list[ReceivedReports]:
    """Return the pushes that a file holds; a complete line that cannot be read becomes a refused body.

    In the store, unlike in a file that is set aside, it is found when a person is erased or the store is pruned.
    """
    *lines, torn = content.split(b"\n")
    if torn:
        log.warning("Skipped the torn last line of a spool file: its process died before it answered that request")
    read = [(line, read_line(line)) for line in lines]
    pushes = [pushed for _, pushed in read if pushed is not None]
    if unreadable := [line for line, pushed in read if pushed is None]:
        log.error("A spool file has %d unreadable line(s), which go to the table rcs_report_refused", len(unreadable))
        refused = [RefusedReport(_UNREADABLE, "application/octet-stream", line) for line in unreadable]
        pushes.append(ReceivedReports(datetime.now(UTC), refused=refused))
    return pushes
