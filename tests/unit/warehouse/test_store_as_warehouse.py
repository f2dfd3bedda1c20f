"""A load refuses a target that holds a store, however the connection spells its address."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.warehouse.load import load
from tests.stores import sqlite_store
from tests.unit.warehouse.test_load import report, revisions_and_folds, send


@pytest.mark.parametrize("spelling", ["{}", "{folder}/../{folder_name}/{file}", "{folder}/link.db"])
@pytest.mark.parametrize("schema", [None, "main"])
def test_the_store_is_refused_under_another_path(store: sa.Engine, spelling: str, schema: str | None) -> None:
    file = Path(str(store.url.database))
    (file.parent / "link.db").unlink(missing_ok=True)
    (file.parent / "link.db").symlink_to(file)
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")
    fold(store)
    before = revisions_and_folds(store)
    path = spelling.format(file, folder=file.parent, folder_name=file.parent.name, file=file.name)
    other_address = sa.create_engine(f"sqlite:///{path}")

    with pytest.raises(RcsInputError, match="target_conn_id: it is the store itself"):
        load(store, other_address, schema)

    other_address.dispose()
    assert revisions_and_folds(store) == before


def test_another_store_is_refused_as_a_warehouse(store: sa.Engine, tmp_path: Path) -> None:
    other = sa.create_engine(sqlite_store(tmp_path / "other.db"))
    with other.begin() as connection:
        connection.execute(sa.text("UPDATE rcs_store SET identity = 'another'"))

    with pytest.raises(RcsInputError, match="target_conn_id: it is a store, too"):
        load(store, other, None)
