"""Campaigns with recipients in every state have the same rows in the warehouses of all engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.attempts import Attempt, StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, settle
from airflow_provider_rcs.warehouse.load import load
from airflow_provider_rcs.warehouse.schema import VIEWS
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from airflow_provider_rcs.warehouse.views.funnel import FUNNEL
from tests.databases import fresh_database
from tests.unit.store.given import claim_and_dispatch

ODD = 'ñ Ω 😀 e\u0301 \u202e"quoted" \'single\' \\ \\n :name %s %(x)s ? {"a": 1} --\t\r\n end '
LONG = "ñ" * 70_000
# They differ in case and accents only, which some engines ignore.
CAMPAIGNS = ("Spring Ñandú", "spring nandu")
MOMENT = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)
DELIVERED, FAILED, SENT, UNKNOWN = "13", "50", "12", "4711"


@pytest.fixture
def warehouses(postgres: str, mariadb: str, tmp_path: Path) -> Iterator[dict[str, sa.Engine]]:
    with ExitStack() as stack:
        urls = {
            "sqlite": f"sqlite:///{tmp_path}/warehouse.db",
            "postgresql": stack.enter_context(fresh_database(postgres)),
            "duckdb": f"duckdb:///{tmp_path}/warehouse.duckdb",
            "mariadb": stack.enter_context(fresh_database(mariadb)),
        }
        engines = {name: sa.create_engine(url) for name, url in urls.items()}
        for engine in engines.values():
            stack.callback(engine.dispose)
        yield engines


def person(number: int, **values: Any) -> ListedRecipient:
    phone = f"+346{number:08d}"
    defaults: dict[str, Any] = {"name": f"{ODD}{number}", "reference": "", "variables": {"a": None}}
    return ListedRecipient(**{"key": phone, "phone": phone, "phone_as_listed": phone, **defaults, **values})


def claim(store: sa.Engine, attempt: Attempt, size: int) -> Claim:
    claimed = claim_and_dispatch(store, attempt, size)
    assert claimed is not None
    return claimed


def send(store: sa.Engine, name: str) -> list[Claim]:
    """Send a campaign until it has recipients in every state, and return its claims."""
    terms = CampaignTerms("1234567", ODD, "my-agent", MOMENT + timedelta(days=1))
    campaign = open_campaign(store, name, terms, {"20": "read"})
    attempt = begin_attempt(store, campaign, StartedBy(started_by="a test"), timedelta(minutes=5))
    people = [*(person(number) for number in range(13)), person(13, name=LONG)]
    wrong = ListedRecipient("x", None, f"no phone {ODD}", "", ODD, {}, rejection="phone: it is not valid", detail=ODD)
    record_list(store, attempt, prepare_list_part(store, [*people, people[3], people[3], wrong], {people[0].key}))
    replied, lost, echoed, awaited = (claim(store, attempt, size) for size in (6, 2, 2, 1))
    *good, bad = replied.recipients
    outcomes = [Outcome(each.phone, MessageState.ACCEPTED, f"m{name}{each.phone}") for each in good]
    settle(
        store,
        [Settlement(replied, [*outcomes, Outcome(bad.phone, MessageState.REJECTED, reason=f"it said: {ODD}")], "e-1")],
    )
    mark_in_doubt(store, lost, f"the reply was lost {ODD}")
    mark_in_doubt(store, echoed, "the reply was lost")
    return [replied, lost, echoed, awaited]


def report(claim: Claim, place: int, code: str, service: str = "RCS", **values: Any) -> Report:
    defaults = {"reported_at": MOMENT, "reported_at_text": "29/03/2026 02:59", "api_campaign_id": "e-1"}
    return Report(code, claim.recipients[place].phone, claim.reference, service=service, **{**defaults, **values})


def land_first_reports(store: sa.Engine, replied: Claim, echoed: Claim) -> None:
    reports = [
        report(replied, 0, DELIVERED, agent=ODD, message_reference=ODD),
        report(replied, 1, FAILED),
        report(replied, 2, UNKNOWN, reported_at=None, reported_at_text=ODD),
        report(echoed, 0, DELIVERED, service="sms"),
        Report("13", "+34699999999", "not-ours", service=ODD, api_message_id=f"m{ODD}", extra={ODD: ODD, "empty": ""}),
    ]
    land(store, [*reports, reports[0]], MOMENT)


def land_later_reports(store: sa.Engine, replied: Claim) -> None:
    """Land reports that change loaded rows, some of them on two channels."""
    later: dict[str, Any] = {"reported_at": MOMENT + timedelta(minutes=1)}
    reports = [
        report(replied, 0, "20", **later),
        report(replied, 1, SENT, service="SMS", **later),
        report(replied, 3, DELIVERED, service=ODD),
        *(report(replied, 3, SENT, service=service, reported_at=None) for service in ("rcs", "", LONG[:9_000])),
    ]
    land(store, reports, MOMENT + timedelta(minutes=2))


def normalised(cell: object) -> object:
    """Return a cell with moments in UTC: not all engines store a time zone."""
    if not isinstance(cell, datetime):
        return cell
    return cell.replace(tzinfo=UTC) if cell.tzinfo is None else cell.astimezone(UTC)


def contents(warehouse: sa.Engine) -> dict[str, list[dict[str, object]]]:
    """Return the sorted rows of every table and view, without the moments of the loads themselves."""
    tables = warehouse_tables(None)
    read = {name: rows(warehouse, table) for name, table in tables.metadata.tables.items()}
    for view in VIEWS:
        columns = view.query(tables, warehouse.dialect.name).selected_columns
        read[view.name] = rows(warehouse, sa.table(view.name, *(sa.column(each.name, each.type) for each in columns)))
    return read


def rows(warehouse: sa.Engine, table: sa.FromClause) -> list[dict[str, object]]:
    with warehouse.connect() as connection:
        found = connection.execute(sa.select(table)).mappings().all()
    found_rows = [{name: normalised(cell) for name, cell in row.items() if name != "loaded_at"} for row in found]
    names = ("id", "message_id", "campaign", "channel", "digest", "code", "table_name")
    return sorted(found_rows, key=lambda row: [str(row.get(name)) for name in names])


def test_every_engine_has_the_same_rows_of_a_campaign(store: sa.Engine, warehouses: dict[str, sa.Engine]) -> None:
    requests = [send(store, name) for name in CAMPAIGNS]
    for replied, _, echoed, _ in requests:
        land_first_reports(store, replied, echoed)
    for warehouse in warehouses.values():
        load(store, warehouse, None)
    for replied, *_ in requests:
        land_later_reports(store, replied)
    for warehouse in warehouses.values():
        load(store, warehouse, None)

    loaded = {name: contents(warehouse) for name, warehouse in warehouses.items()}

    expected = loaded["postgresql"]
    assert {row["state"] for row in expected["rcs_message"]} == {*MessageState} - {MessageState.DUPLICATE}
    assert len(expected["rcs_message_channel"]) == len(CAMPAIGNS) * 6
    assert {row["campaign"] for row in expected[FUNNEL.name]} == {*CAMPAIGNS}
    assert len(expected["rcs_message_times"]) == len(expected["rcs_message"])
    for name, tables in loaded.items():
        for table, found in tables.items():
            assert (name, table, found) == (name, table, expected[table])
    assert {type(row["day"]) for row in expected[FUNNEL.name]} == {date}
