from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.landing.files import delete_file, find_body_files, move_files_to


class ObjectStore(MemoryFileSystem):  # type: ignore[misc]
    """Describes objects as S3 does: with an ETag, and a date that is rounded where a single one is asked for."""

    protocol = "memory"
    cachable = False

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        entry = super().info(path, **kwargs)
        if entry["type"] == "file":
            entry |= {
                "ETag": f'"{hash(self.cat_file(path))}"',
                "LastModified": entry.pop("created").replace(microsecond=0),
            }
        return dict(entry)

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        entries = super().ls(path, detail=True, **kwargs)
        for entry in entries:
            if entry["type"] == "file":
                entry |= {"ETag": f'"{hash(self.cat_file(entry["name"]))}"'}
        return entries if detail else [entry["name"] for entry in entries]


@pytest.fixture(params=["file", "memory", "object store"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ObjectStoragePath]:
    if request.param == "file":
        yield ObjectStoragePath(tmp_path.as_uri())
        return
    monkeypatch.setattr("airflow.sdk.io.store._STORE_CACHE", {})
    attach("memory", fs=MemoryFileSystem() if request.param == "memory" else ObjectStore())
    yield ObjectStoragePath(f"memory://{uuid4()}/a")


def write(folder: ObjectStoragePath, *names: str) -> None:
    for name in names:
        path = folder / name
        path.fs.makedirs(path.parent.path, exist_ok=True)
        path.fs.pipe(path.path, name.encode())


def found(path: Any, apart: Any = None) -> list[str]:
    return [file.below for file in find_body_files(path, apart)]


def test_files_of_all_folders_are_found_in_their_order(folder: ObjectStoragePath) -> None:
    write(folder, "b.json", "a/2.json", "a/1", "a.json")

    assert found(folder) == ["a.json", "a/1", "a/2.json", "b.json"]
    assert found(f"{folder}/") == ["a.json", "a/1", "a/2.json", "b.json"]


def test_patterns_match_and_one_file_is_found(folder: ObjectStoragePath) -> None:
    write(folder, "1/a.json", "2/a.json", "2/b.txt", "2/x/c.json")

    assert found(folder / "*" / "*.json") == ["1/a.json", "2/a.json"]
    assert found(folder / "2" / "**" / "*.json") == ["a.json", "x/c.json"]
    assert found(folder / "2" / "b.txt") == ["b.txt"]


def test_a_file_whose_name_looks_like_a_pattern_is_found(folder: ObjectStoragePath) -> None:
    write(folder, "report[1].json")

    assert found(folder / "report[1].json") == ["report[1].json"]


def test_files_with_strange_names_are_read_moved_and_deleted(folder: ObjectStoragePath) -> None:
    names = ["a b.json", "ñ.json", "a#b.json", "a%20b.json", "a+b&c=d.json"]
    write(folder, *[f"in/{name}" for name in names])

    for file in find_body_files(folder / "in"):
        with file.open() as content:
            assert content.read().decode() == f"in/{file.below}"
        move_files_to(folder / "out")(file)
    assert sorted(found(folder)) == sorted(f"out/{name}" for name in names)
    for file in find_body_files(folder / "out"):
        delete_file(file)
    assert found(folder) == []


def test_a_file_is_unchanged_until_it_is_written_again_or_deleted(folder: ObjectStoragePath) -> None:
    write(folder, "a.json")
    [file] = find_body_files(folder)

    before = file.is_unchanged()
    folder.fs.pipe(file.name, b"something else")
    after = file.is_unchanged()
    delete_file(file)

    assert (before, after, file.is_unchanged()) == (True, False, False)


def test_the_time_of_a_file_is_known(folder: ObjectStoragePath) -> None:
    write(folder, "a.json")
    [file] = find_body_files(folder)

    assert file.modified_at is not None


def test_only_the_folder_itself_is_left_out_and_not_one_whose_name_begins_alike(folder: ObjectStoragePath) -> None:
    write(folder, "landed/a.json", "landed2/a.json", "a.json")

    assert found(folder, folder / "landed") == ["a.json", "landed2/a.json"]
    assert found(folder, f"{folder}/landed/") == ["a.json", "landed2/a.json"]


@pytest.mark.parametrize("apart", ["", "in", "in/"])
def test_a_path_in_the_folder_that_files_are_moved_to_is_an_error(folder: ObjectStoragePath, apart: str) -> None:
    write(folder, "in/a.json")

    with pytest.raises(RcsInputError, match="move_to: .* is in .*Give a folder apart"):
        find_body_files(folder / "in", f"{folder}/{apart}")


def test_a_storage_without_its_provider_is_an_error_that_says_so() -> None:
    with pytest.raises(RcsInputError, match=r"path: nowhere://bucket/x cannot be opened.*Install the Airflow provider"):
        find_body_files("nowhere://bucket/x")
