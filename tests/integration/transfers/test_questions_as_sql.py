"""The queries of docs/questions-as-sql.md, on warehouses that the operator has loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import Context

from airflow_provider_rcs.api.models import InboundMessage, Outcome, Report
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.tables import request as requests
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, settle
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from tests.code_blocks import blocks
from tests.databases import fresh_database
from tests.stores import sqlite_store
from tests.unit.store.given import claim_and_dispatch, listed, phones

PAGE = Path(__file__).parents[3] / "docs" / "questions-as-sql.md"
QUERIES = blocks(PAGE.read_text(encoding="utf-8"), "sql")
ENGINES = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "duckdb": "DuckDB"}

ANA, BEA, EVA, LEA = phones(4)
READ_CODE = "20"
# What reports say of a message: status codes, each with the seconds after the campaign's begin and the service.
Seen = Sequence[tuple[str, float, str]]
DELIVERED: Seen = [("12", 0, "RCS"), ("13", 30, "RCS")]
READ_IN_AN_HOUR: Seen = [*DELIVERED, (READ_CODE, 3_600, "RCS")]
FAILED: Seen = [("12", 0, "RCS"), ("50", 30, "RCS")]
BY_SMS_IN_TWO_MINUTES: Seen = [*FAILED, ("13", 120, "SMSMASIVO")]


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 5, day, hour, tzinfo=UTC)


def send(
    store: sa.Engine,
    campaign: str,
    begin: datetime,
    people: Mapping[str, Seen],
    *,
    template: str = "1",
    rejected: Sequence[str] = (),
    reply_lost: bool = False,
) -> None:
    """Send a campaign at some time, all accepted, and land the reports on it.

    :param people: phone -> reports.
    :param rejected: the reasons for which further recipients are rejected.
    :param reply_lost: whether only the reports say that the service accepted the messages.
    """
    opened = open_campaign(store, campaign, CampaignTerms(template, f"Template {template}"), {READ_CODE: "read"})
    attempt = begin_attempt(store, opened, StartedBy(started_by="test"), timedelta(minutes=1))
    invalid = [listed(f"invalid {number}", reason, phone=None) for number, reason in enumerate(rejected)]
    record_list(store, attempt, prepare_list_part(store, [*map(listed, people), *invalid]))
    claim = claim_and_dispatch(store, attempt, len(people))
    assert claim is not None
    accepted = [Outcome(phone, MessageState.ACCEPTED, f"{campaign}/{phone}") for phone in claim.phones]
    if reply_lost:
        mark_in_doubt(store, claim, "reply lost")
    else:
        settle(store, [Settlement(claim, accepted, campaign)])
    with store.begin() as connection:
        connection.execute(requests.update().where(requests.c.reference == claim.reference).values(claimed_at=begin))
    reports = [
        Report(code, phone, claim.reference, service=service, reported_at=begin + timedelta(seconds=seconds))
        for phone, seen in people.items()
        for code, seconds, service in seen
    ]
    land_all(store, [ReceivedReports(begin, reports)])


def fill(store: sa.Engine) -> None:
    """Send five campaigns: three to the same people, and two templates to two halves of others; erase two of these."""
    send(store, "april", at(1, 8), {ANA: DELIVERED, BEA: READ_IN_AN_HOUR, EVA: DELIVERED, LEA: []}, reply_lost=True)
    send(store, "may", at(1, 16), {ANA: DELIVERED, BEA: DELIVERED, EVA: BY_SMS_IN_TWO_MINUTES, LEA: FAILED})
    send(
        store, "june", at(2, 16), {ANA: DELIVERED, BEA: DELIVERED, EVA: DELIVERED}, rejected=["no phone"] * 2 + ["odd"]
    )
    others = phones(48)[8:]
    for name, template, opened in (("offer-a", "1", 2), ("offer-b", "2", 12)):
        half, others = others[:20], others[20:]
        seen = [READ_IN_AN_HOUR] * opened + [DELIVERED] * (20 - opened)
        send(store, name, at(3, 10), dict(zip(half, seen, strict=True)), template=template)
    erased = phones(48)[46:]
    replies = [("june", EVA, "Thanks"), ("june", EVA, "When?"), ("june", ANA, "STOP")]
    replies += [("offer-b", phone, f"Erase me: {phone[-2:]}") for phone in erased]
    messages = [
        InboundMessage(phone, text, service="RCS", api_message_id=f"{campaign}/{phone}", api_inbound_id=text)
        for campaign, phone, text in replies
    ]
    land_all(store, [ReceivedReports(at(4, 12), inbound=messages)])
    fold(store)
    for phone in erased:
        erase(store, phone, "test")


@pytest.fixture(scope="module", params=ENGINES)
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """A warehouse that the operator has loaded, through connections of Airflow."""
    folder = tmp_path_factory.mktemp("questions")
    with ExitStack() as stack:
        if request.param == "postgresql":
            url = sa.make_url(stack.enter_context(fresh_database(request.getfixturevalue("postgres"))))
            host = url.host or str(url.query.get("host", ""))
            fields = {"conn_type": "postgres", "host": host, "login": url.username, "schema": url.database}
        else:
            url = sa.make_url(f"{request.param}:///{folder}/warehouse")
            fields = {"conn_type": request.param, "host": f"{folder}/warehouse"}
        store = engine_from_url(sqlite_store(folder / "store.db"))
        stack.callback(store.dispose)
        fill(store)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))
        patch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "sqlite", "host": f"{folder}/store.db"}))
        RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse").execute(cast("Context", {}))
        engine = sa.create_engine(url)
        stack.callback(engine.dispose)
        yield engine


def answer(warehouse: sa.Engine, words: str) -> list[tuple[Any, ...]]:
    """Return the rows of the page's query with some words in it, with numbers as floats and days as texts."""
    engine = ENGINES[warehouse.dialect.name]
    (query,) = (each for each in QUERIES if words in each and (each[:2] != "--" or engine in each.partition("\n")[0]))
    with warehouse.connect() as connection:
        # As it is written: no character of it is a parameter.
        found = connection.exec_driver_sql(query.replace("%", "%%") if engine != "SQLite" else query).all()
    return [tuple(map(_plain, row)) for row in found]


def _plain(cell: Any) -> Any:
    return float(cell) if isinstance(cell, int | Decimal) else cell if isinstance(cell, float | None) else str(cell)


def test_delivered_messages_are_counted_by_template_and_day(warehouse: sa.Engine) -> None:
    assert answer(warehouse, "template_name, SUM(accepted)") == [
        ("2026-05-01", "1", "Template 1", 8, 6, 75),
        ("2026-05-02", "1", "Template 1", 3, 3, 100),
        ("2026-05-03", "1", "Template 1", 20, 20, 100),
        ("2026-05-03", "2", "Template 2", 20, 20, 100),
    ]


def test_the_cost_of_each_channel_follows_from_its_reports(warehouse: sa.Engine) -> None:
    found = answer(warehouse, "cost_if_each_is_charged")

    assert [(*row[:4], round(row[4], 2), round(row[5], 2)) for row in found] == [
        ("april", "RCS", 3, 3, 0.18, 0.18),
        ("june", "RCS", 3, 3, 0.18, 0.18),
        ("may", "RCS", 4, 2, 0.24, 0.12),
        ("may", "SMSMASIVO", 1, 1, 0.04, 0.04),
        ("offer-a", "RCS", 20, 20, 1.2, 1.2),
        ("offer-b", "RCS", 20, 20, 1.2, 1.2),
    ]


def test_who_never_opens_is_found_among_those_with_three_messages_by_rcs(warehouse: sa.Engine) -> None:
    assert answer(warehouse, "HAVING COUNT(*) >= 3") == [(ANA, 3, "2026-05-02")]


def test_the_best_hour_is_the_one_whose_messages_are_opened_most_often(warehouse: sa.Engine) -> None:
    hours_ahead = 0 if warehouse.dialect.name == "sqlite" else 2

    assert answer(warehouse, "percent_opened") == [
        (10 + hours_ahead, 40, 35),
        (8 + hours_ahead, 3, 33.3),
        (16 + hours_ahead, 6, 0),
    ]


def test_the_time_to_delivery_is_counted_by_channel(warehouse: sa.Engine) -> None:
    assert answer(warehouse, "within_a_minute") == [
        ("april", "RCS", 3, 3, 3, 30),
        ("june", "RCS", 3, 3, 3, 30),
        ("may", "RCS", 2, 2, 2, 30),
        ("may", "SMSMASIVO", 1, 0, 1, 120),
        ("offer-a", "RCS", 20, 20, 20, 30),
        ("offer-b", "RCS", 20, 20, 20, 30),
    ]


def test_replies_people_and_opt_outs_are_counted_by_campaign(warehouse: sa.Engine) -> None:
    assert answer(warehouse, "opt_outs") == [
        ("april", 3, 0, 0, 0),
        ("june", 3, 3, 2, 1),
        ("may", 3, 0, 0, 0),
        ("offer-a", 20, 0, 0, 0),
        ("offer-b", 20, 2, 2, 0),
    ]


def test_the_reasons_for_no_message_are_counted(warehouse: sa.Engine) -> None:
    assert answer(warehouse, "WHERE reason <> ''") == [
        ("june", "rejected", "no phone", 2),
        ("june", "rejected", "odd", 1),
    ]


def test_the_codes_of_failures_are_counted_with_those_that_another_channel_delivered(warehouse: sa.Engine) -> None:
    assert answer(warehouse, "delivered_otherwise") == [("RCS", "50", 2, 1)]


def test_two_templates_are_compared_with_the_chance_of_the_difference(warehouse: sa.Engine) -> None:
    assert answer(warehouse, "chi_squared") == [(10, 60, 10.99)]


def test_each_query_of_the_page_is_run_here(request: pytest.FixtureRequest) -> None:
    module = Path(request.path).read_text(encoding="utf-8")
    words = re.findall(r'answer\(warehouse, "(.*?)"\)', module)

    assert [query for query in QUERIES if not any(each in query for each in words)] == []
    assert len(words) == len(QUERIES) - 1
