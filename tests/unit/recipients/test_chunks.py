"""A chunk converts only the columns that are asked for."""

from __future__ import annotations

from airflow_provider_rcs.recipients.chunks import LazyChunk


def chunk_with_log() -> tuple[LazyChunk, list[int]]:
    read: list[int] = []

    def cells(position: int) -> list[object]:
        read.append(position)
        return [f"cell of column {position}"]

    return LazyChunk(["phone", "name", "note"], cells), read


def test_nothing_is_converted_for_the_names_of_the_columns() -> None:
    chunk, read = chunk_with_log()

    assert (list(chunk), len(chunk), "note" in chunk) == (["phone", "name", "note"], 3, True)
    assert read == []


def test_a_column_is_converted_once_however_often_it_is_used() -> None:
    chunk, read = chunk_with_log()

    assert [chunk["name"], chunk["name"]] == [["cell of column 1"]] * 2
    assert read == [1]
