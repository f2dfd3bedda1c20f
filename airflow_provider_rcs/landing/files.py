"""The files of raw bodies below a path, and what becomes of each once its reports are committed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from posixpath import dirname, splitext
from shutil import copyfileobj
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.landing.moments import read_received_at

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

_SMALL_FILE_BYTES = 256 * 1024
_PATTERN = re.compile(r"[*?\[]")
# What identifies the content of a file in S3, Google Cloud Storage and Azure.
_CONTENT_IDS = ("ETag", "etag", "generation", "md5Hash")
_MODIFIED_AT = ("mtime", "LastModified", "last_modified", "updated", "created")


@dataclass(frozen=True, slots=True)
class BodyFile:
    """A file of raw bodies, as it was when it was found.

    :param location: the path that was searched, for its file system.
    :param name: the file's name in the file system.
    :param below: the name below the folder that was searched.
    :param entry: what the file system says of it.
    """

    location: ObjectStoragePath
    name: str
    below: str
    entry: Mapping[str, Any]

    @property
    def modified_at(self) -> datetime | None:
        """When the file was last written; ``None`` if the file system does not say."""
        return read_received_at(_first(self.entry, _MODIFIED_AT))

    @property
    def is_small(self) -> bool:
        """Whether the file may be read as a whole."""
        size = self.entry.get("size")
        return isinstance(size, int) and size <= _SMALL_FILE_BYTES

    def read(self) -> bytes:
        """Return the content of the file.

        :raises FileNotFoundError: if it no longer exists.
        """
        return bytes(self.location.fs.cat_file(self.name))

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file, to read it piece by piece.

        :raises FileNotFoundError: if it no longer exists.
        """
        with self.location.fs.open(self.name, "rb") as file:
            yield file

    def is_unchanged(self) -> bool:
        """Return whether the file exists and was not written again since it was found."""
        self.location.fs.invalidate_cache(dirname(self.name))
        try:
            return _is_same(self.entry, self.location.fs.info(self.name))
        except FileNotFoundError:
            return False


def find_body_files(path: str | ObjectStoragePath, apart: str | ObjectStoragePath | None = None) -> Sequence[BodyFile]:
    """Return the file at a path, those in a folder and its folders, or those that match a pattern, by their names.

    Files and folders whose names begin with ``_`` or ``.`` are left out, as are empty files.

    :param apart: a folder whose files are left out.
    :raises RcsInputError: if the path cannot be opened, or is in the folder that is left out.
    """
    location = open_location("path", path)
    location.fs.invalidate_cache()
    begin, entries = _entries(location)
    landed = open_location("move_to", apart) if apart else None
    left_out = _folder(landed) if landed is not None and location.samestore(landed) else None
    if left_out and _folder(location).startswith(left_out):
        raise RcsInputError("move_to", f"{path} is in {apart}", "Give a folder apart, or one below the path.")
    return [
        BodyFile(location, name, name.removeprefix(begin), entry)
        for name, entry in sorted(entries.items())
        if entry["type"] == "file"
        and entry.get("size") != 0
        and not _is_hidden(name.removeprefix(begin))
        and not (left_out and name.startswith(left_out))
    ]


def delete_file(file: BodyFile) -> None:
    """Delete a file whose reports are committed."""
    file.location.fs.rm_file(file.name)


def move_files_to(folder: str | ObjectStoragePath) -> Callable[[BodyFile], None]:
    """Return what moves a file whose reports are committed to a folder, under the name that it had below its own.

    :raises RcsInputError: if the folder cannot be opened.
    """
    target = open_location("move_to", folder)

    def move(file: BodyFile) -> None:
        name = _unused(target.fs, f"{_folder(target)}{file.below}")
        target.fs.makedirs(dirname(name), exist_ok=True)
        if file.location.samestore(target):
            file.location.fs.mv(file.name, name)
            return
        with file.open() as source, target.fs.open(name, "wb") as copy:
            copyfileobj(source, copy)
        delete_file(file)

    return move


def open_location(argument: str, path: str | ObjectStoragePath) -> ObjectStoragePath:
    """Return a path whose file system can be used.

    :raises RcsInputError: if its provider is not installed.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    try:
        location = ObjectStoragePath(path)
        location.fs  # noqa: B018 - looks up the file system, which constructing a path does not
    except (ValueError, ImportError) as error:
        raise RcsInputError(
            argument, f"{path} cannot be opened ({error})", "Install the Airflow provider of its object storage."
        ) from error
    return location


def _entries(location: ObjectStoragePath) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
    """Return the folder that is searched, and name -> what the file system says of each file in it."""
    file_system, path = location.fs, _name_of(location)
    wildcard = _PATTERN.search(path)
    if wildcard and not file_system.exists(path):
        return path[: path.rfind("/", 0, wildcard.start()) + 1], file_system.glob(path, detail=True)
    try:
        entry = file_system.info(path)
    except FileNotFoundError:
        # An empty folder of an object store does not exist.
        return "", {}
    if entry["type"] == "file":
        return f"{dirname(entry['name'])}/", {entry["name"]: entry}
    return f"{entry['name'].rstrip('/')}/", file_system.find(path, detail=True)


def _is_hidden(below: str) -> bool:
    return any(part.startswith(("_", ".")) for part in below.split("/"))


def _folder(location: ObjectStoragePath) -> str:
    return f"{_name_of(location).rstrip('/')}/"


def _name_of(location: ObjectStoragePath) -> str:
    """Return a path as its file system names it in listings."""
    return str(location.fs._strip_protocol(location.path))


def _unused(file_system: Any, name: str) -> str:
    """Return a name, or if a file has it, one that no other has."""
    if not file_system.exists(name):
        return name
    stem, suffix = splitext(name)
    return f"{stem}.{uuid4().hex[:12]}{suffix}"


def _is_same(entry: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether what the file system says of a file, in a listing and by itself, is about the same content."""
    for key in _CONTENT_IDS:
        if entry.get(key) is not None and other.get(key) is not None:
            return str(entry[key]).strip('"') == str(other[key]).strip('"')
    if any(entry.get(key) != other.get(key) for key in ("size", "ino")):
        return False
    first, second = (read_received_at(_first(each, _MODIFIED_AT)) for each in (entry, other))
    if first is None or second is None:
        return first is second
    # Some round it to seconds in one of the two.
    are_exact = first.microsecond and second.microsecond
    return first == second if are_exact else first.replace(microsecond=0) == second.replace(microsecond=0)


def _first(entry: Mapping[str, Any], keys: Sequence[str]) -> object:
    return next((entry[key] for key in keys if entry.get(key) is not None), None)
