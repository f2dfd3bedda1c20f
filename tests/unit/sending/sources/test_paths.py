"""A path is a file, a folder as Spark writes it, or a pattern."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk.io import attach
from upath import UPath

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK
from airflow_provider_rcs.sending.sources import chunks_of
from airflow_provider_rcs.sending.sources.paths import fixed_part, is_path

NUMBERS = list(range(2 * ROWS_PER_CHUNK + 1))


def phones_in(path: str) -> list[Any]:
    return [cell for chunk in chunks_of(path) for cell in chunk["phone"]]


@pytest.fixture
def spark_folder(tmp_path: Path) -> Path:
    """A folder of three part files, the marks that Spark leaves, and row groups that are no chunks."""
    folder = tmp_path / "people.parquet"
    folder.mkdir()
    third = len(NUMBERS) // 3
    for number, start in enumerate((0, third, 2 * third)):
        part = NUMBERS[start : start + third] if number < 2 else NUMBERS[start:]
        columns = {"phone": part, "name": [f"name {phone}" for phone in part]}
        pq.write_table(pa.table(columns), folder / f"part-0000{number}-c000.snappy.parquet", row_group_size=999)
        (folder / f".part-0000{number}-c000.snappy.parquet.crc").write_bytes(b"crc")
    (folder / "_SUCCESS").touch()
    return folder


@pytest.mark.parametrize("suffix", ["", "/", "/*", "/part-*", "/part-0000?-c000.snappy.parquet"])
def test_the_part_files_of_spark_are_read_in_their_order(spark_folder: Path, suffix: str) -> None:
    assert phones_in(spark_folder.as_uri() + suffix) == NUMBERS


def test_a_pattern_also_matches_folders_of_spark(spark_folder: Path) -> None:
    assert phones_in(f"{spark_folder.parent.as_uri()}/*.parquet") == NUMBERS
    assert phones_in(f"{spark_folder.parent.as_uri()}/**/part-*") == NUMBERS


def test_the_cells_of_a_row_stay_together_whatever_columns_are_asked_for(spark_folder: Path) -> None:
    chunks = list(chunks_of(spark_folder.as_uri()))

    named = {phone: name for chunk in chunks[::-1] for phone, name in zip(chunk["phone"], chunk["name"], strict=True)}

    assert named == {number: f"name {number}" for number in NUMBERS}


def test_a_folder_of_csv_files_may_be_packed_and_have_parts_without_a_suffix(tmp_path: Path) -> None:
    folder = tmp_path / "people.csv"
    folder.mkdir()
    (folder / "part-0").write_text("phone,name\n1,Ana\n")
    (folder / "part-1.csv").write_text("name,phone\nEva,2\n")
    (folder / "part-2.csv").write_text("")

    assert phones_in(folder.as_uri()) == ["1", "2"]


def test_folders_and_patterns_of_other_storage_are_read() -> None:
    attach("memory", fs=UPath("memory://").fs)
    for name in ("part-0.csv", "part-1.csv", "_SUCCESS"):
        UPath(f"memory://spark/people.csv/{name}").write_text(f"phone\n{name}\n")

    for path in ("memory://spark/people.csv", "memory://spark/people.csv/", "memory://spark/p*.csv/part-*"):
        assert phones_in(path) == ["part-0.csv", "part-1.csv"]


def test_a_file_whose_name_looks_like_a_pattern_is_read(tmp_path: Path) -> None:
    (tmp_path / "people[1].csv").write_text("phone\n1\n")

    assert phones_in(f"file://{tmp_path}/people[1].csv") == ["1"]


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        (["_delta_log/", "part-0.parquet"], "is a Delta table, whose files also hold rows that were deleted from it"),
        ([".hoodie/", "part-0.parquet"], "is a Hudi table"),
        (["_temporary/", "part-0.parquet"], "is still being written, or a write to it has failed"),
        (["country=ES/"], "has folders inside, such as 'country=ES'"),
        (["_SUCCESS"], "the folder .* has no files"),
        (["notes.csv.bak"], "notes.csv.bak cannot be read as Parquet"),
    ],
)
def test_a_folder_that_is_no_complete_list_is_refused(tmp_path: Path, inside: list[str], message: str) -> None:
    folder = tmp_path / "people.parquet"
    folder.mkdir()
    for name in inside:
        (folder / name).mkdir() if name.endswith("/") else (folder / name).touch()

    with pytest.raises(RcsInputError, match=message):
        phones_in(folder.as_uri())


def test_files_with_other_columns_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("phone,name\n1,Ana\n")
    (tmp_path / "b.csv").write_text("phone\n2\n")

    with pytest.raises(RcsInputError, match=r"b\.csv has other columns than the first one: it lacks 'name'"):
        phones_in(f"{tmp_path.as_uri()}/*.csv")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody-*.csv", "no file matches .*nobody-.*. Check the pattern"),
        ("nobody.csv", "the file .*nobody.csv does not exist"),
        ("people.parquet.gz", "people.parquet.gz is neither a Parquet nor a CSV file"),
        ("people.txt", "people.txt is neither a Parquet nor a CSV file"),
    ],
)
def test_a_path_without_a_usable_file_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(RcsInputError, match=message):
        phones_in(f"{tmp_path.as_uri()}/{name}")


def test_read_options_of_a_parquet_file_are_refused(spark_folder: Path) -> None:
    with pytest.raises(RcsInputError, match="read_options: .*people.parquet is not a CSV file"):
        list(chunks_of(spark_folder.as_uri(), {"separator": ";"}))


@pytest.mark.parametrize("text", ["s3://bucket/people.csv", "file:///a b/p.csv", "s3://conn@bucket/{x}/*.parquet"])
def test_a_text_with_a_scheme_is_a_path(text: str) -> None:
    assert is_path(text)


@pytest.mark.parametrize(
    "text", ["people.csv", "/data/people.csv", "://x", "[s3://x/y]", "s3://", "s3://a\nb", "1://a"]
)
def test_any_other_text_is_not_a_path(text: str) -> None:
    assert not is_path(text)


@pytest.mark.parametrize(
    ("path", "fixed"),
    [
        ("lists/2026/people-*.csv", "lists/2026"),
        ("lists/*/people.csv", "lists"),
        ("*.csv", ""),
        ("lists/p/", "lists/p"),
    ],
)
def test_the_fixed_part_of_a_pattern_is_the_folder_before_its_first_wildcard(path: str, fixed: str) -> None:
    assert fixed_part(path) == fixed
