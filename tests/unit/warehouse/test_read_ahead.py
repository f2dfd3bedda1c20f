"""While a page is written into the warehouse, the next one is read from the store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.phones import PLAIN
from airflow_provider_rcs.warehouse.transfer import transfer
from tests.unit.receiver.pushing import wait_until
from tests.unit.warehouse.given_pages import created_tables, page_of, read, row


@pytest.fixture
def report(warehouse: sa.Engine) -> sa.Table:
    return created_tables(warehouse).report


@pytest.fixture
def rows(store: sa.Engine, report: sa.Table) -> Iterator[list[sa.Select[tuple[object, ...]]]]:
    """Twenty pages of a row."""
    with ExitStack() as stack:
        yield [stack.enter_context(page_of(store, report, [row(report, id=number)])) for number in range(1, 21)]


def test_the_next_page_is_asked_for_before_one_is_committed(
    store: sa.Engine, warehouse: sa.Engine, report: sa.Table, rows: list[sa.Select[tuple[object, ...]]]
) -> None:
    asked = threading.Event()

    def pages() -> Iterator[Page]:
        yield Page(rows[0], report, lambda _: wait_until(asked.is_set))
        asked.set()
        yield Page(rows[1], report)

    assert [count for _, count in transfer(store, warehouse, pages(), PLAIN)] == [1, 1]


@pytest.mark.slow
def test_only_few_pages_are_read_ahead(
    store: sa.Engine, warehouse: sa.Engine, report: sa.Table, rows: list[sa.Select[tuple[object, ...]]]
) -> None:
    asked = 0
    ahead = []

    def pages() -> Iterator[Page]:
        nonlocal asked
        for each in rows:
            asked += 1
            yield Page(each, report)

    for number, _ in enumerate(transfer(store, warehouse, pages(), PLAIN), 1):
        ahead.append(asked - number)

    assert max(ahead) <= 2


def test_the_pages_before_one_that_cannot_be_read_are_committed(
    store: sa.Engine, warehouse: sa.Engine, report: sa.Table, rows: list[sa.Select[tuple[object, ...]]]
) -> None:
    def pages() -> Iterator[Page]:
        yield Page(rows[0], report)
        yield Page(rows[1], report)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        list(transfer(store, warehouse, pages(), PLAIN))

    assert [each["id"] for each in read(warehouse, report)] == [1, 2]


def test_reading_ends_when_a_page_cannot_be_written(
    store: sa.Engine, warehouse: sa.Engine, report: sa.Table, rows: list[sa.Select[tuple[object, ...]]]
) -> None:
    ended = threading.Event()

    def fail(_: sa.Connection) -> None:
        raise RuntimeError

    def pages() -> Iterator[Page]:
        try:
            for each in rows:
                yield Page(each, report, fail)
        finally:
            ended.set()

    with pytest.raises(RuntimeError):
        list(transfer(store, warehouse, pages(), PLAIN))

    assert (ended.is_set(), read(warehouse, report)) == (True, [])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rcs-load")]
