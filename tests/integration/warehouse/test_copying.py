"""Pages copied from PostgreSQL to PostgreSQL, with both drivers, also through a pooler and between encodings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.store.db.engine import engine_from_url, leave_nothing_prepared
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.phones import PLAIN, PhoneForm, hashed
from tests.databases import fresh_database
from tests.pgbouncer import pgbouncer
from tests.unit.warehouse.given_pages import created_tables, read, row, transfer_page, transfer_rows
from tests.unit.warehouse.test_transfer import MOMENTS, TEXTS

DRIVERS = ("psycopg", "psycopg2")

Engines = Callable[[str, str], tuple[sa.Engine, sa.Engine]]


def with_driver(url: str, driver: str) -> sa.URL:
    return sa.make_url(url).set(drivername=f"postgresql+{driver}")


def rows_of(report: sa.Table) -> list[dict[str, Any]]:
    texts = [
        row(report, id=number, phone=text, service=text, campaign=text, extra={text: text})
        for number, text in enumerate(TEXTS, 1)
    ]
    moments = [row(report, id=100 + number, reported_at=moment) for number, moment in enumerate(MOMENTS)]
    return [*texts, *moments]


@pytest.fixture
def engines(postgres: str) -> Iterator[Engines]:
    """Return engines of an empty store and an empty warehouse with the given drivers."""
    with ExitStack() as stack:

        def made(store_driver: str, warehouse_driver: str) -> tuple[sa.Engine, sa.Engine]:
            urls = [stack.enter_context(fresh_database(postgres)) for _ in range(2)]
            store = engine_from_url(with_driver(urls[0], store_driver))
            warehouse = sa.create_engine(with_driver(urls[1], warehouse_driver))
            for engine in (store, warehouse):
                stack.callback(engine.dispose)
            return store, warehouse

        yield made


@pytest.mark.parametrize("phones", [PLAIN, hashed("key")], ids=["plain", "hashed"])
@pytest.mark.parametrize("warehouse_driver", DRIVERS)
@pytest.mark.parametrize("store_driver", DRIVERS)
def test_rows_arrive_unchanged_with_each_driver(
    engines: Engines, store_driver: str, warehouse_driver: str, phones: PhoneForm
) -> None:
    store, warehouse = engines(store_driver, warehouse_driver)
    report = created_tables(warehouse).report
    rows = rows_of(report)

    assert transfer_rows(store, warehouse, report, rows, phones) == len(rows)

    shown = [
        {**each, "phone": phones.show(each["phone"]), "extra": each["extra"] if phones.with_extra else {}}
        for each in rows
    ]
    assert read(warehouse, report) == shown


SETTINGS = (
    {"datestyle": "'SQL, DMY'", "timezone": "'Asia/Tokyo'", "client_encoding": "'LATIN1'"},
    {"datestyle": "'German'", "timezone": "'America/Lima'", "client_encoding": "'WIN1252'"},
)


def test_rows_arrive_unchanged_whatever_the_settings_of_both_databases(engines: Engines) -> None:
    store, warehouse = engines("psycopg", "psycopg")
    for engine, settings in zip((store, warehouse), SETTINGS, strict=True):
        with engine.begin() as connection:
            for name, value in {**settings, "search_path": "public, pg_temp"}.items():
                connection.exec_driver_sql(f"ALTER DATABASE {engine.url.database} SET {name} = {value}")
        engine.dispose()
    message = created_tables(warehouse).message
    rows = [
        row(message, id=number, name=text, updated_at=moment, day=moment.date())
        for number, (text, moment) in enumerate(zip(("ñ", "é", "ü", "ß", "\\", "\t"), MOMENTS, strict=True), 1)
    ]

    transfer_rows(store, warehouse, message, rows)

    with store.connect() as connection, warehouse.begin() as other:
        # The store's engine sets the style and the encoding for itself.
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "Asia/Tokyo"
        assert other.exec_driver_sql("SHOW datestyle").scalar() == "German, DMY"
        # The driver reads moments in ISO format only.
        other.exec_driver_sql(f"ALTER DATABASE {warehouse.url.database} RESET ALL")
    warehouse.dispose()
    assert read(warehouse, message) == rows


@pytest.mark.parametrize("driver", DRIVERS)
def test_rows_arrive_through_a_pooler_that_shares_connections(postgres: str, driver: str) -> None:
    with ExitStack() as stack:
        pooler = stack.enter_context(pgbouncer(postgres, "transaction", {"default_pool_size": 1}))
        names = [sa.make_url(stack.enter_context(fresh_database(postgres))).database for _ in range(2)]
        urls = [sa.make_url(pooler).set(database=name, drivername=f"postgresql+{driver}") for name in names]
        store, warehouse = engine_from_url(urls[0]), sa.create_engine(urls[1])
        for engine in (store, warehouse):
            stack.callback(engine.dispose)
        leave_nothing_prepared(warehouse)
        report = created_tables(warehouse).report
        rows = rows_of(report)

        for _ in range(2):
            transfer_rows(store, warehouse, report, rows)

        assert read(warehouse, report) == rows


def test_columns_that_others_have_added_to_a_table_keep_their_default(engines: Engines) -> None:
    store, warehouse = engines("psycopg", "psycopg")
    report = created_tables(warehouse).report
    with warehouse.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE rcs_report ADD COLUMN theirs text NOT NULL DEFAULT 'x'")

    transfer_rows(store, warehouse, report, [row(report, id=1)])

    with warehouse.connect() as connection:
        assert connection.exec_driver_sql("SELECT id, theirs FROM rcs_report").all() == [(1, "x")]


def test_a_driver_that_cannot_copy_is_refused_with_those_that_can(engines: Engines) -> None:
    store, warehouse = engines("psycopg", "psycopg")
    report = created_tables(warehouse).report
    warehouse.dialect.driver = "pg8000"

    with pytest.raises(RcsInputError, match=r"pg8000.*postgresql\+psycopg2"):
        transfer_page(store, warehouse, Page(sa.select(sa.literal(1)), report))
