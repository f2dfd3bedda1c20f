"""The account of campaigns, messages, reports and replies in the warehouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import ReportsConnection
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.store.campaign.account_moves import find_account, move_account
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt, end_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from airflow_provider_rcs.warehouse.engines import executemany
from airflow_provider_rcs.warehouse.load import load
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.transfer import _WAYS
from tests.unit.store.given import ANA, NOON, accepted, claim_next, listed, report_on
from tests.unit.warehouse.test_load import rows

SPAIN, PORTUGAL = "e" * 32, "f" * 32
TABLES = ("rcs_campaign", "rcs_message", "rcs_report", "rcs_inbound", "rcs_campaign_funnel")


def send_and_report(store: sa.Engine, account: str) -> None:
    """Send a campaign that is named after its account, with a report and a reply on it."""
    terms = CampaignTerms("1", account=account, rcs_conn_id=f"rcs_{account[0]}")
    attempt = begin_attempt(store, open_campaign(store, account, terms, {}), StartedBy(), timedelta(minutes=5))
    record_list(store, attempt, prepare_list_part(store, [listed(ANA)]))
    claim = claim_next(store, attempt)
    settle(store, [Settlement(claim, accepted(claim, account), "e-1")])
    end_attempt(store, attempt)
    reply = InboundMessage(ANA, "hola", api_message_id=f"{account}-{ANA}")
    panel = ReportsConnection(f"panel_{account[0]}")
    land_all(store, [ReceivedReports(NOON, [report_on(claim)], inbound=[reply], let_in_by=panel)])


def accounts(warehouse: sa.Engine, columns: str = "account") -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(warehouse, f"SELECT {columns} FROM {table} ORDER BY account") for table in TABLES}


def once_read(monkeypatch: pytest.MonkeyPatch, table: str, action: Callable[[], object]) -> None:
    """Have an action run once, when a page of a table is read and not yet written."""
    actions = [action]

    def write_read(warehouse: sa.Engine, page: Page, parts: Iterator[Any]) -> int:
        read = list(parts)
        if page.table.name == table and actions:
            actions.pop()()
        return executemany.write(warehouse, page, iter(read))

    monkeypatch.setitem(_WAYS, "sqlite", _WAYS["sqlite"]._replace(write=write_read))


@pytest.mark.slow
def test_rows_of_all_tables_and_the_view_name_the_account(store: sa.Engine, warehouse: sa.Engine) -> None:
    send_and_report(store, SPAIN)
    send_and_report(store, PORTUGAL)

    load(store, warehouse, None)

    assert accounts(warehouse) == {table: [(SPAIN,), (PORTUGAL,)] for table in TABLES}
    assert rows(warehouse, "SELECT rcs_conn_id FROM rcs_campaign ORDER BY id") == [("rcs_e",), ("rcs_f",)]
    for table in ("rcs_report", "rcs_inbound"):
        assert rows(warehouse, f"SELECT reports_conn_id FROM {table} ORDER BY id") == [("panel_e",), ("panel_f",)]


@pytest.mark.slow
def test_a_report_on_no_campaign_has_the_account_that_pushed_it_if_that_is_known(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    for panel in (ReportsConnection("panel", SPAIN), ReportsConnection("panel_of_all")):
        land_all(store, [ReceivedReports(NOON, [Report("13", phone=ANA)], let_in_by=panel)])

    load(store, warehouse, None)

    assert rows(warehouse, "SELECT account FROM rcs_report ORDER BY id") == [(SPAIN,), (None,)]


@pytest.mark.slow
def test_a_moved_account_is_that_of_all_that_was_loaded_before(store: sa.Engine, warehouse: sa.Engine) -> None:
    send_and_report(store, SPAIN)
    load(store, warehouse, None)

    move_account(store, find_account(store, SPAIN), PORTUGAL, "rcs_new")
    loaded = load(store, warehouse, None)

    assert (loaded.campaigns, loaded.messages, loaded.reports) == (1, 0, 0)
    assert accounts(warehouse) == {table: [(PORTUGAL,)] for table in TABLES}
    assert rows(warehouse, "SELECT rcs_conn_id FROM rcs_campaign") == [("rcs_new",)]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["rcs_campaign", "rcs_message", "rcs_report", "rcs_inbound"])
def test_a_page_read_before_a_move_does_not_bring_the_earlier_account_back(
    store: sa.Engine, warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    def move_and_load() -> None:
        move_account(store, find_account(store, SPAIN), PORTUGAL, "rcs_new")
        load(store, warehouse, None)

    send_and_report(store, SPAIN)
    once_read(monkeypatch, table, move_and_load)

    load(store, warehouse, None)
    load(store, warehouse, None)

    assert accounts(warehouse) == {name: [(PORTUGAL,)] for name in TABLES}
