"""Exports of the rows that changed since the last load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.read import changed_ranges, exports
from airflow_provider_rcs.store.read.changed_ranges import changed_pages
from airflow_provider_rcs.store.read.exports import (
    FoldedPage,
    Place,
    campaign_page,
    channel_page,
    message_page,
    read_campaigns,
    report_pages,
)
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.unit.store.given import ANA, BEA, NOON, campaign, dispatched, land_and_fold, phones, planned, report_on, sent

BEGIN = Place(0, 0)
TABLES = warehouse_tables(None)


def revision(engine: sa.Engine, name: str = "spring") -> int:
    return next(each.revision for each in read_campaigns(engine) if each.name == name)


def read(engine: sa.Engine, page: sa.Select[Any]) -> list[sa.RowMapping]:
    with engine.connect() as connection:
        return list(connection.execute(page).mappings())


def exported(
    engine: sa.Engine,
    page: Callable[[sa.Engine, str, Any], sa.Select[Any]] = message_page,
    revision: int = -1,
    name: str = "spring",
) -> list[sa.RowMapping]:
    """Return the messages of a campaign, or their channels, that changed after a revision."""
    pages = changed_pages(engine, {campaign(engine, name).id: revision})
    return [row for ranges in pages for row in read(engine, page(engine, "a store", ranges))]


def changed_since(engine: sa.Engine, revision: int, name: str = "spring") -> list[Any]:
    return sorted(row["phone"] for row in exported(engine, message_page, revision, name))


def reports_since(engine: sa.Engine, after: Place = BEGIN) -> list[list[sa.RowMapping]]:
    return [read(engine, page.rows) for page in report_pages(engine, "a store", after)]


def places(pages: Iterable[FoldedPage]) -> list[Place]:
    return [page.last for page in pages]


@contextmanager
def listening(engine: sa.Engine, name: str, listener: Any) -> Iterator[None]:
    event.listen(engine, name, listener)
    try:
        yield
    finally:
        event.remove(engine, name, listener)


def channels_of(engine: sa.Engine, revision: int) -> list[tuple[str, str]]:
    return sorted((row["channel"], row["status"]) for row in exported(engine, channel_page, revision))


def test_campaigns_come_in_the_order_of_their_ids(engine: sa.Engine) -> None:
    for name in ("summer", "spring"):
        campaign(engine, name)

    assert [each.name for each in read_campaigns(engine)] == ["summer", "spring"]


def test_a_first_load_gets_all_messages(engine: sa.Engine) -> None:
    planned(engine, phones(3))

    assert changed_since(engine, -1) == phones(3)


def test_a_load_that_is_up_to_date_gets_nothing(engine: sa.Engine) -> None:
    sent(engine, phones(3))

    assert changed_since(engine, revision(engine)) == []


def test_a_load_gets_only_the_messages_that_changed_since_the_last_one(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    seen = revision(engine)

    land_and_fold(engine, report_on(taken, BEA))

    assert changed_since(engine, seen) == [BEA]


def test_messages_of_other_campaigns_are_not_exported(engine: sa.Engine) -> None:
    planned(engine, [ANA], "summer")

    assert changed_since(engine, 0, "spring") == []


def test_a_load_gets_changed_channels_even_if_their_message_did_not_change(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA, "50"), report_on(taken, BEA, "50"))
    land_and_fold(engine, report_on(taken, ANA, "13", service="SMS"))
    seen = revision(engine)

    land_and_fold(engine, report_on(taken, ANA, "12", service="VOICE"))

    assert channels_of(engine, 0) == [("RCS", "failed"), ("SMS", "delivered"), ("VOICE", "sent")]
    assert channels_of(engine, seen) == [("VOICE", "sent")]
    assert changed_since(engine, seen) == []


def test_reports_that_change_no_channel_export_nothing_again(engine: sa.Engine) -> None:
    taken = sent(engine)
    reports = [report_on(taken, ANA, "50"), report_on(taken, ANA, "13", service="SMS")]
    land_and_fold(engine, *reports)
    seen = revision(engine)

    land_and_fold(engine, *reports)

    assert channels_of(engine, seen) == []


def test_channels_of_other_campaigns_are_not_exported(engine: sa.Engine) -> None:
    taken = sent(engine, name="summer")
    land_and_fold(engine, report_on(taken, ANA, "50"), report_on(taken, ANA, "13", service="SMS"))

    assert channels_of(engine, 0) == []


def test_a_channel_of_a_message_is_exported_once_whatever_the_size_of_a_page(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed_ranges, "IDS_PER_PAGE", 2)
    taken = sent(engine, phones(3))
    services = ("", "RCS", "SMS")
    land_and_fold(engine, *(report_on(taken, phone, service=service) for phone in phones(3) for service in services))

    rows = exported(engine, channel_page)

    assert sorted((row["message_id"], row["channel"]) for row in rows) == [
        (message_id, service) for message_id in taken.message_ids for service in services
    ]


def test_pages_have_the_columns_of_the_warehouse_in_their_order(engine: sa.Engine) -> None:
    sent(engine)
    of_tables = {
        TABLES.campaign: campaign_page(engine, "a store", read_campaigns(engine)),
        TABLES.message: message_page(engine, "a store", []),
        TABLES.channel: channel_page(engine, "a store", []),
        TABLES.report: exports.report_rows("a store"),
        TABLES.inbound: exports.inbound_rows("a store"),
    }

    names = {table.name: [column.name for column in page.selected_columns] for table, page in of_tables.items()}

    assert names == {table.name: [column.name for column in table.columns] for table in of_tables}


def test_a_message_is_exported_with_its_campaign_and_its_request(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))

    [row] = exported(engine)

    assert (row["store"], row["campaign"], row["request_reference"], row["api_campaign_id"]) == (
        "a store",
        "spring",
        taken.reference,
        "e-1",
    )
    assert (row["state"], row["delivery_status"], row["api_message_id"]) == ("accepted", "delivered", f"m-{ANA}")
    assert row["day"] == row["requested_at"].date()


def test_a_message_that_was_not_sent_is_exported_without_a_request(engine: sa.Engine) -> None:
    planned(engine, [ANA])

    [row] = exported(engine)

    assert (row["state"], row["request_reference"], row["api_campaign_id"]) == ("planned", None, None)
    assert row["day"] == row["updated_at"].date()


@pytest.mark.slow
@pytest.mark.parametrize("page", [1, 2, 7, 100])
def test_pages_contain_every_row_once(engine: sa.Engine, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "ROWS_PER_PAGE", page)
    taken = sent(engine, phones(7))
    land_and_fold(engine, *(report_on(taken, phone) for phone in phones(7)))

    pages = reports_since(engine)

    assert [phone for rows in pages for phone in sorted(row["phone"] for row in rows)] == phones(7)
    assert {len(rows) for rows in pages[:-1]} <= {page}


def test_small_folds_share_a_page(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    for phone in (ANA, BEA, ANA):
        land_and_fold(engine, report_on(taken, phone))

    assert [len(page) for page in reports_since(engine)] == [3]


def test_the_last_place_of_a_page_is_where_the_next_load_begins(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "ROWS_PER_PAGE", 2)
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA), report_on(taken, BEA), report_on(taken, ANA))
    land_and_fold(engine, report_on(taken, BEA))

    first, second = places(report_pages(engine, "a store", BEGIN))

    assert sorted(row["phone"] for page in reports_since(engine, first) for row in page) == [ANA, BEA]
    assert reports_since(engine, second) == []


def test_reports_that_are_not_folded_yet_are_not_exported(engine: sa.Engine) -> None:
    land(engine, [report_on(dispatched(engine))], NOON)

    assert reports_since(engine) == []


def test_reports_that_are_folded_while_pages_are_read_are_left_for_the_next_load(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA))
    pages = report_pages(engine, "a store", BEGIN)
    first = next(pages)

    land_and_fold(engine, report_on(taken, BEA))

    assert list(pages) == []
    assert [row["phone"] for page in reports_since(engine, first.last) for row in page] == [BEA]


def test_a_report_is_exported_with_its_campaign_and_message(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, extra={"operador": "Movistar"}))

    [[row]] = reports_since(engine)

    assert (row["campaign"], row["message_id"]) == ("spring", taken.message_ids[0])
    assert (row["received_at"], row["extra"]) == (NOON, {"operador": "Movistar"})


def test_a_parked_report_is_exported_again_when_its_message_appears(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    land_and_fold(engine, report_on(taken, "", campaign_reference="", api_campaign_id="e-1", api_message_id=f"m-{BEA}"))
    [parked] = report_pages(engine, "a store", BEGIN)
    [seen] = read(engine, parked.rows)
    sent(engine, [BEA])
    fold_parked(engine)

    [[again]] = reports_since(engine, parked.last)

    assert (seen["campaign"], again["campaign"], again["id"]) == (None, "spring", seen["id"])


@pytest.mark.parametrize("page", [message_page, channel_page])
def test_a_page_of_messages_or_channels_reads_only_its_ranges(
    sqlite_engine: sa.Engine, page: Callable[[sa.Engine, str, Any], sa.Select[Any]]
) -> None:
    sent(sqlite_engine, phones(3))
    [ranges] = changed_pages(sqlite_engine, {1: -1})
    statement = page(sqlite_engine, "a store", ranges).compile(sqlite_engine, compile_kwargs={"literal_binds": True})

    with sqlite_engine.connect() as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]

    assert [step for step in plan if step.startswith("SCAN") and "VIRTUAL TABLE" not in step] == []
    assert any("rowid>? AND rowid<?" in step or "message_id>? AND message_id<?" in step for step in plan)
    assert [step for step in plan if "TEMP B-TREE" in step] == []
