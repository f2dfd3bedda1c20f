"""Pages of a store, moved into the tables of a warehouse."""

from __future__ import annotations

import hmac
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.phones import MASKED, PLAIN, PhoneForm, hashed
from tests.examples import examples
from tests.unit.warehouse.given_pages import created_tables, page_of, read, row, transfer_page, transfer_rows

TEXTS = (
    "",
    " ",
    "\t",
    "a\tb\nc\rd\r\n",
    "\\",
    "\\N",
    "\\.",
    "\\t",
    "a\\",
    "\n\\.\n",
    "NULL",
    '"',
    '""',
    '"a","b"',
    "'",
    "a,b",
    "%s %(x)s %% :name ? $1 {}",
    "\x01\x08\x0b\x0c\x1a\x1b\x1c\x1f\x7f\x85",
    "\u2028\u2029\ufeff\ufffd\U0010ffff",
    "ñ Ω 😀 e\u0301 \u202eodd",
    "x" * 70_000,
)
MOMENTS = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, 0, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
CONTENTS: tuple[Any, ...] = (
    {},
    [],
    {"a": None, "b": [1, -2.5, True], "c": {"ñ😀\u2028": '\\"\t\n\\u00f1 \\N'}},
    ["\\", "\\\\", "\x01\x7f", "</script>"],
)


def test_texts_of_every_kind_arrive_unchanged(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report
    rows = [
        row(report, id=number, service=text, agent=text, campaign=text, reports_conn_id=None)
        for number, text in enumerate(TEXTS, 1)
    ]

    assert transfer_rows(store, warehouse, report, rows) == len(rows)

    assert read(warehouse, report) == rows


@pytest.mark.slow
def test_moments_days_and_nulls_arrive_unchanged(store: sa.Engine, warehouse: sa.Engine) -> None:
    message = created_tables(warehouse).message
    rows = [
        row(message, id=number, updated_at=moment, delivery_at=moment, day=moment.date())
        for number, moment in enumerate(MOMENTS, 1)
    ]
    rows.append(row(message, id=2**62, day=date(2024, 2, 29), repeats=2**31 - 1, revision=2**62))

    transfer_rows(store, warehouse, message, rows)

    assert read(warehouse, message) == rows


def test_json_values_arrive_unchanged(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report
    rows = [row(report, id=number, extra=content) for number, content in enumerate(CONTENTS, 1)]

    transfer_rows(store, warehouse, report, rows)

    assert read(warehouse, report) == rows


@pytest.mark.parametrize("phones", [hashed("key"), MASKED], ids=["hashed", "masked"])
def test_phones_are_shown_in_their_form_and_unknown_fields_left_out(
    store: sa.Engine, warehouse: sa.Engine, phones: PhoneForm
) -> None:
    inbound = created_tables(warehouse).inbound
    texts = [*TEXTS, "+34600000001", "call 600 000 001\tor\\600000002"]
    given_rows = [
        row(inbound, id=number, phone=text, text=text, service=text, extra={"phone": "+34600000001"})
        for number, text in enumerate(texts, 1)
    ]

    transfer_rows(store, warehouse, inbound, given_rows, phones)

    assert read(warehouse, inbound) == [
        {**each, "phone": phones.show(each["phone"]), "text": phones.show_text(each["text"]), "extra": {}}
        for each in given_rows
    ]


def test_a_message_without_a_phone_keeps_its_null_when_phones_are_hashed(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    message = created_tables(warehouse).message

    transfer_rows(store, warehouse, message, [row(message, id=1, phone=None, phone_as_listed="?")], hashed("key"))

    (found,) = read(warehouse, message)
    assert (found["phone"], found["phone_as_listed"]) == (None, hmac.digest(b"key", b"?", "sha256").hex())


def test_a_row_replaces_the_existing_one_unless_that_one_is_newer(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report
    existing = [row(report, id=number, fold=5, service="there", agent="there") for number in (1, 2, 3)]
    transfer_rows(store, warehouse, report, existing)

    later = [
        row(report, id=number, fold=fold, service="new", agent="new") for number, fold in enumerate((4, 5, 6, 1), 1)
    ]
    count = transfer_rows(store, warehouse, report, later)

    assert count == 4
    assert [(each["id"], each["fold"], each["service"], each["agent"]) for each in read(warehouse, report)] == [
        (1, 5, "there", "there"),
        (2, 5, "new", "new"),
        (3, 6, "new", "new"),
        (4, 1, "new", "new"),
    ]


@pytest.mark.slow
def test_more_rows_than_are_read_at_once_all_arrive(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report
    rows = [row(report, id=number, service=f"of {number}") for number in range(12_001)]

    assert transfer_rows(store, warehouse, report, rows) == len(rows)

    assert read(warehouse, report) == rows


def test_an_empty_page_changes_nothing(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report

    with page_of(store, report, [row(report, id=1)]) as page:
        count = transfer_page(store, warehouse, Page(page.where(sa.false()), report))

    assert (count, read(warehouse, report)) == (0, [])


def test_the_bounds_of_a_page_may_hold_any_text(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report
    bound = "50 % of %s \\ 'quoted' :name {}"
    moment = MOMENTS[2]
    rows = [row(report, id=1, service=bound, received_at=moment), row(report, id=2, service="other")]

    with page_of(store, report, rows) as page:
        selected = page.selected_columns
        wanted = page.where(selected.service == bound, selected.received_at == moment, selected.id.in_([1, 2]))
        transfer_page(store, warehouse, Page(wanted, report))

    assert read(warehouse, report) == rows[:1]


def test_what_finishes_a_transfer_is_committed_with_its_rows(store: sa.Engine, warehouse: sa.Engine) -> None:
    tables = created_tables(warehouse)
    campaign = row(tables.campaign, id=7, name="finished")

    with page_of(store, tables.report, [row(tables.report, id=1)]) as page:
        finish = partial(insert, table=tables.campaign, values=campaign)
        transfer_page(store, warehouse, Page(page, tables.report, finish))

    assert (len(read(warehouse, tables.report)), read(warehouse, tables.campaign)) == (1, [campaign])


def test_no_row_arrives_if_a_transfer_cannot_be_finished(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report

    def fail(_: sa.Connection) -> None:
        raise RuntimeError

    with page_of(store, report, [row(report, id=1)]) as page, pytest.raises(RuntimeError):
        transfer_page(store, warehouse, Page(page, report, fail))

    assert read(warehouse, report) == []


def insert(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> None:
    connection.execute(table.insert(), [values])


# No database stores NUL, and none lone surrogates.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
ANY_REPORT = st.fixed_dictionaries(
    {
        "service": ANY_TEXT,
        "phone": ANY_TEXT,
        "campaign": st.none() | ANY_TEXT,
        "message_id": st.none() | st.integers(-(2**63), 2**63 - 1),
        "reported_at": st.none() | st.datetimes(timezones=st.just(UTC)),
        "extra": st.dictionaries(ANY_TEXT, ANY_JSON, max_size=3),
    }
)


@pytest.mark.slow
@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(reports=st.lists(ANY_REPORT, min_size=1, max_size=20), phones=st.sampled_from([PLAIN, MASKED, hashed("key")]))
def test_any_rows_arrive_as_they_were(
    store: sa.Engine, warehouse: sa.Engine, reports: list[dict[str, Any]], phones: PhoneForm
) -> None:
    report = created_tables(warehouse).report
    with warehouse.begin() as connection:
        connection.execute(report.delete())
    rows = [row(report, id=number, **values) for number, values in enumerate(reports, 1)]

    transfer_rows(store, warehouse, report, rows, phones)

    shown = [
        {**each, "phone": phones.show(each["phone"]), "extra": each["extra"] if phones.with_extra else {}}
        for each in rows
    ]
    assert read(warehouse, report) == shown


BATCHES = st.lists(st.dictionaries(st.integers(1, 5), st.integers(1, 9), max_size=5), max_size=4)


@pytest.mark.slow
@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(batches=BATCHES)
def test_the_newest_version_of_each_row_stays_in_any_order_of_transfers(
    store: sa.Engine, warehouse: sa.Engine, batches: list[dict[int, int]]
) -> None:
    report = created_tables(warehouse).report
    with warehouse.begin() as connection:
        connection.execute(report.delete())

    for folds in filter(None, batches):
        rows = [row(report, id=number, fold=fold, service=f"of {fold}") for number, fold in folds.items()]
        transfer_rows(store, warehouse, report, rows)

    newest = {number: max(folds.get(number, 0) for folds in batches) for folds in batches for number in folds}
    assert {each["id"]: (each["fold"], each["service"]) for each in read(warehouse, report)} == {
        number: (fold, f"of {fold}") for number, fold in newest.items()
    }
