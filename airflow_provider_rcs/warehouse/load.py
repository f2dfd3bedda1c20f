"""Load new rows of the store into the warehouse's tables, page by page.

The watermark is read from the warehouse's own rows, so that it is right after a killed load or a restored warehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.garbage import infrequent_collections
from airflow_provider_rcs.store.db.engine import leave_nothing_prepared
from airflow_provider_rcs.store.db.tables import store as store_table
from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.read.exports import (
    Row,
    campaigns,
    channels_since,
    inbound_since,
    messages_since,
    reports_since,
    store_identity,
)
from airflow_provider_rcs.warehouse.phones import PLAIN, PhoneForm
from airflow_provider_rcs.warehouse.schema import create_or_extend_tables
from airflow_provider_rcs.warehouse.tables import WarehouseTables, warehouse_tables
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction
from airflow_provider_rcs.warehouse.upserts import upsert


@dataclass(frozen=True, slots=True)
class Loaded:
    """The number of rows that a load inserted or updated, and the names of the campaigns.

    :param inbound: messages of people, such as replies.
    """

    campaigns: int
    messages: int
    reports: int
    inbound: int = 0
    campaign_names: tuple[str, ...] = field(default=(), compare=False)


@infrequent_collections()
def load(store: sa.Engine, warehouse: sa.Engine, schema: str | None, phones: PhoneForm = PLAIN) -> Loaded:
    """Upsert new rows of the store into the warehouse's tables, after creating those that are missing.

    :param schema: the warehouse's schema; ``None`` for the connection's default.
    :param phones: the form of phones in the warehouse.
    :raises RcsInputError: if the warehouse is the store itself, under whatever address, or another store.
    :raises RcsWarehouseError: if the warehouse fails or refuses a statement.
    """
    leave_nothing_prepared(warehouse)
    _require_no_store(warehouse, schema, store_identity(store))
    tables = warehouse_tables(schema)
    create_or_extend_tables(warehouse, tables)
    fold_parked(store)
    names, messages = _load_campaigns(store, warehouse, tables, phones)
    reports = _load_folded(warehouse, tables.report, partial(reports_since, store), partial(_report_row, phones))
    inbound = _load_folded(warehouse, tables.inbound, partial(inbound_since, store), partial(_inbound_row, phones))
    return Loaded(len(names), messages, reports, inbound, names)


def _load_campaigns(
    store: sa.Engine, warehouse: sa.Engine, tables: WarehouseTables, phones: PhoneForm
) -> tuple[tuple[str, ...], int]:
    known = tables.campaign.c
    with warehouse_transaction(warehouse, Rights.READ, tables.campaign) as connection:
        rows = connection.execute(sa.select(known.id, known.revision, known.account)).all()
        loaded = {row.id: row.revision for row in rows}
        accounts = {row.id: row.account for row in rows}
    changed = [row for row in campaigns(store) if row["revision"] > loaded.get(row["id"], -1)]
    messages = 0
    for campaign in changed:
        for page in messages_since(store, campaign["id"], loaded.get(campaign["id"], -1)):
            _upsert(warehouse, tables.message, [_message_row(row, phones) for row in page])
            messages += len(page)
        for page in channels_since(store, campaign["id"], loaded.get(campaign["id"], -1)):
            _upsert(warehouse, tables.channel, [_channel_row(row) for row in page])
        if accounts.get(campaign["id"]) not in (None, campaign["account"]):
            _move_to_account(warehouse, tables, campaign)
        # Last, with the revision read before its messages: a killed load is repeated from where it started.
        _upsert(warehouse, tables.campaign, [campaign])
    return tuple(row["name"] for row in changed), messages


def _move_to_account(warehouse: sa.Engine, tables: WarehouseTables, campaign: Row) -> None:
    """Set the account of all that is loaded of a campaign, after a person has said that it is another by now."""
    for table in (tables.message, tables.report, tables.inbound):
        of_campaign = table.c.campaign == campaign["name"]
        with warehouse_transaction(warehouse, Rights.UPDATE, table) as connection:
            connection.execute(table.update().where(of_campaign).values(account=campaign["account"]))


def _load_folded(
    warehouse: sa.Engine,
    table: sa.Table,
    rows_since: Callable[[int], Iterator[Sequence[Row]]],
    as_shown: Callable[[Row], Row],
) -> int:
    """Load the rows of new folds, and return their number.

    :param rows_since: returns the store's rows of a fold and of all later ones, in pages.
    :param as_shown: returns a row as the warehouse shows it.
    """
    with warehouse_transaction(warehouse, Rights.READ, table) as connection:
        last_fold = connection.execute(sa.select(sa.func.max(table.c.fold))).scalar_one() or 0
        # Fold 0 does not exist in the store: it marks rows that must be loaded again.
        in_last_fold = sa.and_(table.c.fold == last_fold, table.c.fold > 0)
        known = set(connection.execute(sa.select(table.c.id).where(in_last_fold)).scalars())
    rows = 0
    for page in rows_since(last_fold):
        new = [row for row in page if row["fold"] > last_fold or row["id"] not in known]
        _upsert(warehouse, table, list(map(as_shown, new)))
        rows += len(new)
    return rows


def _message_row(row: Row, phones: PhoneForm) -> Row:
    changed_at: datetime = row["requested_at"] or row["updated_at"]
    return {
        **row,
        "day": changed_at.astimezone(UTC).date(),
        "phone": None if row["phone"] is None else phones.show(row["phone"]),
        "phone_as_listed": phones.show(row["phone_as_listed"]),
    }


def _channel_row(row: Row) -> Row:
    # A hash, because some engines have no keys of several columns, or of long ones.
    return {**row, "id": sha256(f"{row['message_id']}/{row['channel']}".encode()).hexdigest()}


def _inbound_row(phones: PhoneForm, row: Row) -> Row:
    return {**_report_row(phones, row), "text": phones.show_text(row["text"])}


def _report_row(phones: PhoneForm, row: Row) -> Row:
    return {**row, "phone": phones.show(row["phone"]), "extra": row["extra"] if phones.with_extra else {}}


def _upsert(warehouse: sa.Engine, table: sa.Table, rows: Sequence[Row]) -> None:
    with warehouse_transaction(warehouse, Rights.UPSERT, table) as connection:
        upsert(connection, table, rows)


def _require_no_store(warehouse: sa.Engine, schema: str | None, identity: str) -> None:
    """Raise an error if the tables of a store are where the warehouse's tables would be.

    Addresses do not tell: one database has many spellings of host, schema and file.
    """
    table = sa.table(store_table.name, sa.column("identity", sa.String), schema=schema)
    with warehouse_transaction(warehouse, Rights.READ, table) as connection:
        if not sa.inspect(connection).has_table(table.name, schema=schema):
            return
        try:
            is_same = connection.execute(sa.select(table.c.identity)).scalar() == identity
        # Without the privilege to read it, say; it is a store in any case.
        except sa.exc.DBAPIError:
            is_same = False
    raise RcsInputError(
        "target_conn_id",
        f"it is {'the store itself' if is_same else 'a store, too'}, whose tables have the same names",
        "Use another database or schema.",
    )
