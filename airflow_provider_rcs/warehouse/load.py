"""Loading: what is new in the store is upserted into the warehouse's tables, page by page.

How far a load came is read from the warehouse's own rows, so that a load that was killed, or a warehouse that was
restored, is never thought to have more than it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.garbage import existing_objects_frozen
from airflow_provider_rcs.store.db.engine import transaction
from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.read.exports import Row, campaigns, channels_since, messages_since, reports_since
from airflow_provider_rcs.warehouse.making import make_tables
from airflow_provider_rcs.warehouse.phones import PLAIN, PhoneForm
from airflow_provider_rcs.warehouse.rows import channel_row, message_row, report_row
from airflow_provider_rcs.warehouse.tables import WarehouseTables, warehouse_tables
from airflow_provider_rcs.warehouse.upserts import upsert


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rows a load has inserted or updated, and the names of the campaigns among them."""

    campaigns: int
    messages: int
    reports: int
    campaign_names: tuple[str, ...] = field(default=(), compare=False)


@existing_objects_frozen()
def load(store: sa.Engine, warehouse: sa.Engine, schema: str | None, phones: PhoneForm = PLAIN) -> Loaded:
    """Bring what is new in the store to the warehouse's tables, which are made where they are missing.

    :param schema: the warehouse's schema; ``None`` for the connection's own.
    :param phones: how phones are shown there.
    :raises RcsInputError: if the warehouse is the store itself.
    """
    _require_another_place(store, warehouse, schema)
    tables = warehouse_tables(schema)
    make_tables(warehouse, tables)
    fold_parked(store)
    names, messages = _load_campaigns(store, warehouse, tables, phones)
    return Loaded(len(names), messages, _load_reports(store, warehouse, tables, phones), names)


def _load_campaigns(
    store: sa.Engine, warehouse: sa.Engine, tables: WarehouseTables, phones: PhoneForm
) -> tuple[tuple[str, ...], int]:
    with transaction(warehouse) as connection:
        rows = connection.execute(sa.select(tables.campaign.c.id, tables.campaign.c.revision))
        loaded = {row.id: row.revision for row in rows}
    changed = [row for row in campaigns(store) if row["revision"] > loaded.get(row["id"], -1)]
    messages = 0
    for campaign in changed:
        for page in messages_since(store, campaign["id"], loaded.get(campaign["id"], -1)):
            _upsert(warehouse, tables.message, [message_row(row, phones) for row in page])
            messages += len(page)
        for page in channels_since(store, campaign["id"], loaded.get(campaign["id"], -1)):
            _upsert(warehouse, tables.channel, [channel_row(row) for row in page])
        # Last, with the revision read before its messages: until then the next load starts where this one did.
        _upsert(warehouse, tables.campaign, [campaign])
    return tuple(row["name"] for row in changed), messages


def _load_reports(store: sa.Engine, warehouse: sa.Engine, tables: WarehouseTables, phones: PhoneForm) -> int:
    with transaction(warehouse) as connection:
        last_fold = connection.execute(sa.select(sa.func.max(tables.report.c.fold))).scalar_one() or 0
        # Not of fold 0, which the store does not have: there are all reports that are to be loaded anew.
        of_last_fold = sa.and_(tables.report.c.fold == last_fold, tables.report.c.fold > 0)
        known = set(connection.execute(sa.select(tables.report.c.id).where(of_last_fold)).scalars())
    reports = 0
    for page in reports_since(store, last_fold):
        fresh = [row for row in page if row["fold"] > last_fold or row["id"] not in known]
        _upsert(warehouse, tables.report, [report_row(row, phones) for row in fresh])
        reports += len(fresh)
    return reports


def _upsert(warehouse: sa.Engine, table: sa.Table, rows: Sequence[Row]) -> None:
    with transaction(warehouse) as connection:
        upsert(connection, table, rows)


def _require_another_place(store: sa.Engine, warehouse: sa.Engine, schema: str | None) -> None:
    here, there = (
        (engine.dialect.name, engine.url.host, engine.url.port, engine.url.database) for engine in (store, warehouse)
    )
    if here == there and schema is None:
        raise RcsInputError(
            "target_conn_id",
            "it is the store itself, whose tables have the same names",
            "Use another database or schema.",
        )
