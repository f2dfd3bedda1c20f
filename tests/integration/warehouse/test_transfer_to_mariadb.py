"""Transfers to a MariaDB whose packets are small, and whose rows others lock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsWarehouseUnavailable
from tests.databases import fresh_database
from tests.unit.warehouse.given_pages import created_tables, read, row, transfer_rows

_BYTES_PER_PACKET = 2**20


@pytest.fixture
def warehouse(mariadb: str) -> Iterator[sa.Engine]:
    """A warehouse that takes packets of one mebibyte."""
    admin = sa.create_engine(mariadb, isolation_level="AUTOCOMMIT")
    with fresh_database(mariadb) as url, admin.connect() as connection:
        usual = connection.exec_driver_sql("SELECT @@GLOBAL.max_allowed_packet").scalar()
        connection.exec_driver_sql(f"SET GLOBAL max_allowed_packet = {_BYTES_PER_PACKET}")
        engine = sa.create_engine(url)
        yield engine
        engine.dispose()
        connection.exec_driver_sql(f"SET GLOBAL max_allowed_packet = {usual}")
    admin.dispose()


def test_many_long_texts_arrive_in_packets_that_the_server_takes(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report
    rows = [row(report, id=number, service="ñ'\\" * 25_000, extra={"a": "😀" * 10_000}) for number in range(100)]

    transfer_rows(store, warehouse, report, rows)

    assert read(warehouse, report) == rows


def test_many_rows_are_few_statements(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report
    rows = [row(report, id=number) for number in range(10_000)]
    before = inserts(warehouse)

    transfer_rows(store, warehouse, report, rows)

    assert inserts(warehouse) - before < 10


def test_a_row_that_another_session_locks_for_too_long_may_be_free_later(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    report = created_tables(warehouse).report
    transfer_rows(store, warehouse, report, [row(report, id=1)])
    impatient = sa.create_engine(
        warehouse.url, connect_args={"init_command": "SET SESSION innodb_lock_wait_timeout = 1"}
    )

    with warehouse.begin() as other:
        other.execute(report.update().values(service="locked"))
        with pytest.raises(RcsWarehouseUnavailable, match="error 1205"):
            transfer_rows(store, impatient, report, [row(report, id=1)])


def inserts(warehouse: sa.Engine) -> int:
    with warehouse.connect() as connection:
        return int(connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Com_insert'").one()[1])
