"""Loads that are killed at any page, and loads that overlap, leave the rows of one load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import InboundMessage
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.read import changed_ranges, exports
from airflow_provider_rcs.warehouse.engines import executemany
from airflow_provider_rcs.warehouse.load import Loaded, load
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.transfer import _WAYS
from tests.unit.store.given import ANA, BEA, NOON, land_and_fold, phones, report_on, sent
from tests.unit.warehouse.test_incremental import COMPARED, TABLES, all_rows, empty, load_all, other

__all__ = ["other"]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed_ranges, "IDS_PER_PAGE", 3)
    monkeypatch.setattr(exports, "ROWS_PER_PAGE", 3)


def at_page(
    monkeypatch: pytest.MonkeyPatch, number: int, action: Callable[[], object], *, after: bool, of: str = "rcs"
) -> None:
    """Have an action run once, at a page of the loads, before it is written or after that.

    :param of: how the names of the tables begin whose pages are counted.
    """
    pages = 0

    def write_or_act(warehouse: sa.Engine, page: Page, parts: Iterator[Any]) -> int:
        nonlocal pages
        pages += page.table.name.startswith(of)
        is_now = pages == number and page.table.name.startswith(of)
        if is_now and not after:
            action()
        rows = executemany.write(warehouse, page, parts)
        if is_now and after:
            action()
        return rows

    monkeypatch.setitem(_WAYS, "sqlite", _WAYS["sqlite"]._replace(write=write_or_act))


def kill() -> None:
    raise Killed


def change(store: sa.Engine, campaign: str) -> Claim:
    """Send a campaign, with reports on two channels in two folds, and replies; return its request."""
    taken = sent(store, phones(4), campaign)
    reports = [report_on(taken, phone, service=service) for phone in phones(4) for service in ("RCS", "SMS")]
    land_and_fold(store, *reports[:3])
    replies = [InboundMessage(ANA, f"hola {campaign}"), InboundMessage(BEA, f"hola {campaign}")]
    land_all(store, [ReceivedReports(NOON, inbound=replies)])
    land_and_fold(store, *reports[3:])
    return taken


@pytest.mark.parametrize("after", [False, True], ids=["before it is committed", "after"])
@pytest.mark.slow
def test_the_next_load_completes_one_that_was_killed_at_any_page(
    store: sa.Engine, warehouse: sa.Engine, other: sa.Engine, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    change(store, "spring")
    change(store, "autumn")
    whole = load_all(store, other)

    page = 0
    is_killed = True
    while is_killed:
        page += 1
        empty(warehouse, TABLES.metadata)
        at_page(monkeypatch, page, kill, after=after)
        try:
            load(store, warehouse, None)
            is_killed = False
        except Killed:
            monkeypatch.undo()
            load(store, warehouse, None)
        assert all_rows(warehouse) == whole, page

    assert page > len(COMPARED)


@pytest.mark.slow
def test_a_load_after_a_killed_one_repeats_no_page_of_reports(
    store: sa.Engine, warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = sent(store, phones(7))
    land_and_fold(store, *(report_on(taken, phone) for phone in phones(7)))
    at_page(monkeypatch, 2, kill, after=False, of="rcs_report")
    with pytest.raises(Killed):
        load(store, warehouse, None)

    assert load(store, warehouse, None).reports == 4


@pytest.mark.slow
def test_a_load_that_is_overtaken_at_any_page_by_another_one_confuses_neither(
    store: sa.Engine, warehouse: sa.Engine, other: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = change(store, "before")

    # Pages of each table, in the first part of a load and in the last.
    for page in (1, 2, 4, 7, 10, 13):

        def overtake(page: int = page) -> None:
            change(store, f"during {page}")
            land_and_fold(store, report_on(first, ANA, str(50 + page)))
            load(store, warehouse, None)

        change(store, f"new {page}")
        at_page(monkeypatch, page, overtake, after=page % 2 == 0)
        load(store, warehouse, None)
        load(store, warehouse, None)

        assert load(store, warehouse, None) == Loaded(0, 0, 0)
    # Only now: what is lost at a page is not loaded by later ones.
    assert all_rows(warehouse) == load_all(store, other)


@pytest.mark.slow
def test_a_table_that_is_emptied_during_a_load_is_loaded_again(
    store: sa.Engine, warehouse: sa.Engine, other: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(store, "spring")
    load(store, warehouse, None)
    change(store, "autumn")

    def empty_and_begin_again() -> None:
        with warehouse.begin() as connection:
            connection.execute(TABLES.report.delete())
        at_page(monkeypatch, 1, kill, after=True, of="rcs_report")
        with pytest.raises(Killed):
            load(store, warehouse, None)

    at_page(monkeypatch, 1, empty_and_begin_again, after=False, of="rcs_report")
    load(store, warehouse, None)
    load(store, warehouse, None)

    assert all_rows(warehouse) == load_all(store, other)


@pytest.mark.slow
def test_pages_that_were_deleted_during_a_load_are_loaded_again(
    store: sa.Engine, warehouse: sa.Engine, other: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = sent(store, phones(7))
    land_and_fold(store, *(report_on(taken, phone) for phone in phones(7)))

    def empty_and_begin_again() -> None:
        with warehouse.begin() as connection:
            connection.execute(TABLES.load.delete())
            connection.execute(TABLES.report.delete())
        at_page(monkeypatch, 1, kill, after=True, of="rcs_report")
        with pytest.raises(Killed):
            load(store, warehouse, None)

    at_page(monkeypatch, 2, empty_and_begin_again, after=True, of="rcs_report")
    load(store, warehouse, None)
    load(store, warehouse, None)

    assert all_rows(warehouse) == load_all(store, other)
