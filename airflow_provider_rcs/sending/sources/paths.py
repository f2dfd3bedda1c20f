"""The files that a path means: one file, the files of a folder as Spark writes it, or those that match a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s\x00-\x1f][^\x00-\x1f]*")
_PATTERN = re.compile(r"[*?\[]")
_KIND = re.compile(r"\.(parquet$|csv(?=(?:\.gz)?$))", re.IGNORECASE)
# Folders of table formats, where a file can hold rows that were deleted from the table since.
_TABLE_FORMATS = {"_delta_log": "Delta", ".hoodie": "Hudi"}
_UNFINISHED = "_temporary"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of recipients.

    :param kind: ``"parquet"`` or ``"csv"``.
    :param is_gzipped: whether it is compressed as a whole.
    """

    path: ObjectStoragePath
    kind: str
    is_gzipped: bool = False


def is_path(text: str) -> bool:
    """Return whether a text is a path with its scheme, such as ``s3://bucket/people.csv``, and not a list as text."""
    return _PATH.fullmatch(text) is not None


def fixed_part(path: str) -> str:
    """Return a path up to the last folder before the first wildcard, or all of it; without a slash at its end."""
    found = _PATTERN.search(path)
    return path[: found.start()].rpartition("/")[0] if found else path.rstrip("/")


def find_files(path: str | ObjectStoragePath) -> Sequence[DataFile]:
    """Return the files that a path means, in the order of their names.

    :raises RcsInputError: if there is none, if one is neither Parquet nor CSV, or if a folder cannot be read as a list.
    """
    location = _open_location(path)
    match _type_of(location):
        case None if _PATTERN.search(location.path):
            return _matching_files(location)
        case None:
            _data_file(location)
            raise RcsInputError("recipients", f"the file {location} does not exist", "Check the path.")
        case "directory":
            return _files_of_folder(location)
        case _:
            return [_data_file(location)]


def _open_location(path: str | ObjectStoragePath) -> ObjectStoragePath:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    try:
        location = ObjectStoragePath(path)
        location.fs  # noqa: B018 - looks up the file system, which constructing a path does not
    except (ValueError, ImportError) as error:
        raise RcsInputError(
            "recipients", f"{path} cannot be opened ({error})", "Install the Airflow provider of its object storage."
        ) from error
    return location


def _type_of(location: ObjectStoragePath) -> str | None:
    try:
        return str(location.fs.info(location.path)["type"])
    except FileNotFoundError:
        return None


def _matching_files(pattern: ObjectStoragePath) -> Sequence[DataFile]:
    root = next((parent for parent in pattern.parents if not _PATTERN.search(parent.path)), None)
    if root is None:
        raise RcsInputError("recipients", f"the bucket of {pattern} has a wildcard", "Name one bucket.")
    files: list[DataFile] = []
    for name, entry in sorted(pattern.fs.glob(pattern.path, detail=True).items()):
        path = _child(root, name)
        if entry["type"] == "directory":
            files.extend(_files_of_folder(path))
        elif not _is_hidden(path.name):
            files.append(_data_file(path))
    if not files:
        raise RcsInputError("recipients", f"no file matches {pattern}", "Check the pattern.")
    return files


def _files_of_folder(folder: ObjectStoragePath) -> Sequence[DataFile]:
    itself = folder.path.rstrip("/")
    entries = {
        basename(entry["name"].rstrip("/")): entry
        for entry in folder.fs.ls(folder.path, detail=True)
        if entry["name"].rstrip("/") != itself
    }
    for name, table_format in _TABLE_FORMATS.items():
        if name in entries:
            raise RcsInputError(
                "recipients",
                f"{folder} is a {table_format} table, whose files also hold rows that were deleted from it",
                "Read it with its own library or a query, and give the result.",
            )
    if _UNFINISHED in entries:
        raise RcsInputError(
            "recipients", f"{folder} is still being written, or a write to it has failed", "Wait until it is complete."
        )
    visible = {name: entry for name, entry in sorted(entries.items()) if not _is_hidden(name)}
    if folders := [name for name, entry in visible.items() if entry["type"] == "directory"]:
        raise RcsInputError(
            "recipients",
            f"{folder} has folders inside, such as {folders[0]!r}",
            "Give a pattern that matches their files, such as folder/*/*.parquet; columns that are only in the names "
            "of folders are not read.",
        )
    if not visible:
        raise RcsInputError("recipients", f"the folder {folder} has no files", "Check the path.")
    return [_data_file(_child(folder, entry["name"]), folder.name) for entry in visible.values()]


def _is_hidden(name: str) -> bool:
    """Return whether Spark and Hive would ignore a file, such as ``_SUCCESS`` and ``.part-00000.crc``."""
    return name.startswith(("_", "."))


def _child(folder: ObjectStoragePath, name: str) -> ObjectStoragePath:
    """Return the path of a file below a folder, from its name in the file system."""
    itself = folder.path.strip("/")
    return folder / name.strip("/").removeprefix(itself).lstrip("/")


def _data_file(path: ObjectStoragePath, folder_name: str = "") -> DataFile:
    """Return a file with its kind, which its own name shows, or else that of its folder."""
    found = _KIND.search(path.name) or _KIND.search(folder_name)
    if found is None:
        raise RcsInputError(
            "recipients",
            f"{path} is neither a Parquet nor a CSV file",
            "Give files whose names end in .parquet, .csv or .csv.gz.",
        )
    return DataFile(path, found[1].lower(), is_gzipped=path.name.lower().endswith(".gz"))
