"""Exports of the rows that changed since the last load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.read import exports
from airflow_provider_rcs.store.read.exports import Row, campaigns, channels_since, messages_since, reports_since
from tests.unit.store.given import ANA, BEA, NOON, campaign, dispatched, land_and_fold, phones, planned, report_on, sent


def revision(engine: sa.Engine, name: str = "spring") -> int:
    return next(int(row["revision"]) for row in campaigns(engine) if row["name"] == name)


def changed_since(engine: sa.Engine, revision: int, name: str = "spring") -> list[Any]:
    campaign_id = campaign(engine, name).id
    return [row["phone"] for page in messages_since(engine, campaign_id, revision) for row in page]


@contextmanager
def listening(engine: sa.Engine, name: str, listener: Any) -> Iterator[None]:
    event.listen(engine, name, listener)
    try:
        yield
    finally:
        event.remove(engine, name, listener)


def all_of(pages: Iterator[Sequence[Row]]) -> list[Row]:
    return [row for page in pages for row in page]


def channels_of(engine: sa.Engine, revision: int) -> list[tuple[str, str]]:
    campaign_id = campaign(engine).id
    return [(row["channel"], row["status"]) for row in all_of(channels_since(engine, campaign_id, revision))]


def test_campaigns_come_in_the_order_of_their_ids(engine: sa.Engine) -> None:
    for name in ("summer", "spring"):
        campaign(engine, name)

    assert [row["name"] for row in campaigns(engine)] == ["summer", "spring"]


def test_a_first_load_gets_all_messages(engine: sa.Engine) -> None:
    planned(engine, phones(3))

    assert changed_since(engine, 0) == phones(3)


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


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_pages_contain_every_channel_once(engine: sa.Engine, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "ROWS_PER_PAGE", page)
    taken = sent(engine, phones(3))
    services = ("", "RCS", "SMS")
    land_and_fold(engine, *(report_on(taken, phone, service=service) for phone in phones(3) for service in services))

    rows = all_of(channels_since(engine, taken.campaign_id, 0))

    assert [(row["message_id"], row["channel"]) for row in rows] == [
        (message_id, service) for message_id in taken.message_ids for service in services
    ]


def test_a_message_is_exported_with_its_campaign_and_its_request(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))

    [row] = all_of(messages_since(engine, taken.campaign_id, 0))

    assert (row["campaign"], row["request_reference"], row["api_campaign_id"]) == ("spring", taken.reference, "e-1")
    assert (row["state"], row["delivery_status"], row["api_message_id"]) == ("accepted", "delivered", f"m-{ANA}")


def test_a_message_that_was_not_sent_is_exported_without_a_request(engine: sa.Engine) -> None:
    begun = planned(engine, [ANA])

    [row] = all_of(messages_since(engine, begun.campaign.id, 0))

    assert (row["state"], row["request_reference"], row["api_campaign_id"]) == ("planned", None, None)


@pytest.mark.parametrize("page", [1, 2, 7, 100])
def test_pages_contain_every_row_once(engine: sa.Engine, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "ROWS_PER_PAGE", page)
    taken = sent(engine, phones(7))
    land_and_fold(engine, *(report_on(taken, phone) for phone in phones(7)))

    assert changed_since(engine, 0) == phones(7)
    assert [row["phone"] for row in all_of(reports_since(engine, 0))] == phones(7)


def test_small_folds_share_a_page(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    for phone in (ANA, BEA, ANA):
        land_and_fold(engine, report_on(taken, phone))

    assert [len(page) for page in reports_since(engine, 0)] == [3]


def test_reports_are_exported_fold_by_fold(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    for phone in (BEA, ANA, BEA):
        land_and_fold(engine, report_on(taken, phone))

    rows = all_of(reports_since(engine, 0))

    assert [row["phone"] for row in rows] == [BEA, ANA, BEA]
    assert [row["fold"] for row in rows] == sorted(row["fold"] for row in rows)


def test_a_load_reads_its_last_fold_again_and_all_later_ones(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    for phone in (ANA, BEA, ANA):
        land_and_fold(engine, report_on(taken, phone))
    second = all_of(reports_since(engine, 0))[1]["fold"]

    assert [row["phone"] for row in all_of(reports_since(engine, second))] == [BEA, ANA]


def test_reports_that_are_not_folded_yet_are_not_exported(engine: sa.Engine) -> None:
    land(engine, [report_on(dispatched(engine))], NOON)

    assert all_of(reports_since(engine, 0)) == []


def test_a_report_is_exported_with_its_campaign_and_message(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, extra={"operador": "Movistar"}))

    [row] = all_of(reports_since(engine, 0))

    assert (row["campaign"], row["message_id"]) == ("spring", taken.message_ids[0])
    assert (row["received_at"], row["extra"]) == (NOON, {"operador": "Movistar"})


def test_a_parked_report_is_exported_again_when_its_message_appears(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    land_and_fold(engine, report_on(taken, "", campaign_reference="", api_campaign_id="e-1", api_message_id=f"m-{BEA}"))
    seen = all_of(reports_since(engine, 0))
    sent(engine, [BEA])
    fold_parked(engine)

    again = all_of(reports_since(engine, seen[0]["fold"] + 1))

    assert (seen[0]["campaign"], again[0]["campaign"], again[0]["id"]) == (None, "spring", seen[0]["id"])


@pytest.mark.parametrize("read", [changed_since, channels_of])
def test_a_page_of_messages_or_channels_is_read_in_the_order_of_an_index(
    sqlite_engine: sa.Engine, read: Callable[[sa.Engine, int], object]
) -> None:
    sent(sqlite_engine, phones(3))
    statements: list[tuple[str, Any]] = []

    def record(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        statements.append((statement, parameters))

    with listening(sqlite_engine, "before_cursor_execute", record):
        read(sqlite_engine, 0)

    with sqlite_engine.connect() as connection:
        plans = [
            row.detail
            for each in statements
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each[0]}", each[1])
            if "LIMIT" in each[0]
        ]
    assert any("rcs_message" in step for step in plans)
    assert [step for step in plans if "TEMP B-TREE" in step] == []
