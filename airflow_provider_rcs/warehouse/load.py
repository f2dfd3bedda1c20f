"""Loading: what is new in the store is upserted into the warehouse's tables, page by page.

How far a load came is read from the warehouse's own rows, so that a load that was killed, or a warehouse that was
restored, is never thought to have more than it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.store.engine import transaction
from airflow_provider_rcs.store.exports import Row, campaigns, messages_since, reports_since
from airflow_provider_rcs.store.folding import fold_parked
from airflow_provider_rcs.store.upsert import insert_or_update
from airflow_provider_rcs.warehouse.tables import WarehouseTables, warehouse_tables

_UPSERTING_DIALECTS = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rows a load has inserted or updated."""

    campaigns: int
    messages: int
    reports: int


def load(store: sa.Engine, warehouse: sa.Engine, schema: str | None) -> Loaded:
    """Bring what is new in the store to the warehouse's tables, which are made where they are missing.

    :param schema: the warehouse's schema; ``None`` for the connection's own.
    :raises RcsInputError: if the warehouse is of a kind that is not supported, or is the store itself.
    """
    _require_another_place(store, warehouse, schema)
    tables = warehouse_tables(schema)
    with transaction(warehouse) as connection:
        tables.metadata.create_all(connection)
    fold_parked(store)
    changed_campaigns, messages = _load_campaigns(store, warehouse, tables)
    return Loaded(changed_campaigns, messages, _load_reports(store, warehouse, tables))


def _load_campaigns(store: sa.Engine, warehouse: sa.Engine, tables: WarehouseTables) -> tuple[int, int]:
    with transaction(warehouse) as connection:
        rows = connection.execute(sa.select(tables.campaign.c.id, tables.campaign.c.revision))
        loaded = {row.id: row.revision for row in rows}
    changed = [row for row in campaigns(store) if row["revision"] > loaded.get(row["id"], -1)]
    messages = 0
    for campaign in changed:
        for page in messages_since(store, campaign["id"], loaded.get(campaign["id"], -1)):
            _upsert(warehouse, tables.message, page)
            messages += len(page)
        # Last, with the revision read before its messages: until then the next load starts where this one did.
        _upsert(warehouse, tables.campaign, [campaign])
    return len(changed), messages


def _load_reports(store: sa.Engine, warehouse: sa.Engine, tables: WarehouseTables) -> int:
    with transaction(warehouse) as connection:
        last_fold = connection.execute(sa.select(sa.func.max(tables.report.c.fold))).scalar_one() or 0
        known = set(
            connection.execute(sa.select(tables.report.c.id).where(tables.report.c.fold == last_fold)).scalars()
        )
    reports = 0
    for page in reports_since(store, last_fold):
        fresh = [row for row in page if row["fold"] > last_fold or row["id"] not in known]
        _upsert(warehouse, tables.report, fresh)
        reports += len(fresh)
    return reports


def _upsert(warehouse: sa.Engine, table: sa.Table, rows: Sequence[Row]) -> None:
    names = [column.name for column in table.columns if not column.primary_key]
    with transaction(warehouse) as connection:
        insert_or_update(connection, table, rows, key=["id"], changes=lambda new: {name: new[name] for name in names})


def _require_another_place(store: sa.Engine, warehouse: sa.Engine, schema: str | None) -> None:
    if warehouse.dialect.name not in _UPSERTING_DIALECTS:
        raise RcsInputError(
            "target_conn_id",
            f"loading into {warehouse.dialect.name} is not supported yet",
            f"Use {' or '.join(_UPSERTING_DIALECTS)}.",
        )
    here, there = (
        (engine.dialect.name, engine.url.host, engine.url.port, engine.url.database) for engine in (store, warehouse)
    )
    if here == there and schema is None:
        raise RcsInputError(
            "target_conn_id",
            "it is the store itself, whose tables have the same names",
            "Use another database or schema.",
        )
