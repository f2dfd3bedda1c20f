"""A load refuses the store as its own warehouse, however the connection spells its address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.warehouse.load import Loaded, load
from tests.unit.warehouse.test_load import report, revisions_and_folds, rows, send


@pytest.fixture
def loaded_store(store: sa.Engine) -> sa.Engine:
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")
    fold(store)
    return store


@pytest.fixture
def other_spelling(loaded_store: sa.Engine, tmp_path: Path) -> Iterator[sa.Engine]:
    """The store by another path of its server's socket."""
    link = tmp_path / "socket"
    link.symlink_to(str(loaded_store.url.query["host"]), target_is_directory=True)
    engine = sa.create_engine(loaded_store.url.set(query={"host": str(link)}))
    yield engine
    engine.dispose()


@pytest.mark.parametrize("schema", [None, "public"])
def test_the_store_is_refused_under_another_address(
    loaded_store: sa.Engine, other_spelling: sa.Engine, schema: str | None
) -> None:
    before = revisions_and_folds(loaded_store)

    with pytest.raises(RcsInputError, match="target_conn_id: it is the store itself"):
        load(loaded_store, other_spelling, schema)

    assert revisions_and_folds(loaded_store) == before


def test_the_store_is_refused_to_a_role_that_may_not_read_its_identity(
    loaded_store: sa.Engine, other_spelling: sa.Engine
) -> None:
    with loaded_store.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE analyst LOGIN")
        connection.exec_driver_sql("GRANT ALL ON rcs_campaign, rcs_message, rcs_message_channel, rcs_report TO analyst")
    try:
        with pytest.raises(RcsInputError, match="target_conn_id: it is a store, too"):
            load(loaded_store, sa.create_engine(other_spelling.url.set(username="analyst")), None)
    finally:
        with loaded_store.begin() as connection:
            connection.exec_driver_sql("DROP OWNED BY analyst; DROP ROLE analyst")


def test_another_schema_of_the_stores_database_is_a_warehouse(
    loaded_store: sa.Engine, other_spelling: sa.Engine
) -> None:
    with loaded_store.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA marketing")

    assert load(loaded_store, other_spelling, "marketing") == Loaded(1, 1, 1)
    assert rows(other_spelling, "SELECT delivery_status FROM marketing.rcs_message") == [("delivered",)]
