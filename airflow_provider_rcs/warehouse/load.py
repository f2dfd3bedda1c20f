"""Load new rows of the store into the warehouse's tables, page by page.

How far it has come is in the warehouse, and written with each page, so that it is right after a killed load: the
revision of each campaign for its messages and their channels, and cursors for reports and replies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError, RcsWarehouseError
from airflow_provider_rcs.api.garbage import infrequent_collections
from airflow_provider_rcs.store.db.engine import leave_nothing_prepared
from airflow_provider_rcs.store.db.tables import store as store_table
from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.read.changed_ranges import changed_pages
from airflow_provider_rcs.store.read.exports import (
    CampaignState,
    FoldedPage,
    Place,
    campaign_page,
    channel_page,
    inbound_pages,
    message_page,
    read_campaigns,
    read_last_fold,
    report_pages,
    store_identity,
)
from airflow_provider_rcs.warehouse.cursors import read_cursor
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.phones import PLAIN, PhoneForm
from airflow_provider_rcs.warehouse.schema import create_or_extend_tables
from airflow_provider_rcs.warehouse.status_codes import load_status_codes
from airflow_provider_rcs.warehouse.tables import WarehouseTables, warehouse_tables
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction
from airflow_provider_rcs.warehouse.transfer import transfer


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
    :raises RcsWarehouseError: if the warehouse fails or refuses a statement, or was loaded from a later state of the
        store, which was restored since.
    """
    leave_nothing_prepared(warehouse)
    identity = store_identity(store)
    _require_no_store(warehouse, schema, identity)
    tables = warehouse_tables(schema)
    create_or_extend_tables(warehouse, tables)
    fold_parked(store)
    load_status_codes(store, identity, warehouse, tables.status_code)
    loading = _Loading(store, identity, warehouse, tables, phones)
    loaded = _read_loaded_campaigns(loading)
    # Read before their messages: whatever is committed meanwhile has a higher revision.
    campaigns = read_campaigns(store)
    _require_same_past(loading, loaded, campaigns)
    changed, messages = _load_campaigns(loading, loaded, campaigns)
    reports = _load_folded(loading, tables.report, report_pages)
    inbound = _load_folded(loading, tables.inbound, inbound_pages)
    if changed or reports or inbound:
        _follow_moves(loading, campaigns)
    return Loaded(len(changed), messages, reports, inbound, tuple(each.name for each in changed))


@dataclass(frozen=True, slots=True)
class _Loading:
    """A load from a store into a warehouse.

    :param identity: the store's identity.
    """

    store: sa.Engine
    identity: str
    warehouse: sa.Engine
    tables: WarehouseTables
    phones: PhoneForm

    def count(self, table: sa.Table, pages: Iterable[Page]) -> int:
        """Upsert pages of rows of the store, and return the number of those for one of the tables."""
        transferred = transfer(self.store, self.warehouse, pages, self.phones)
        return sum(count for page, count in transferred if page.table is table)

    def is_own(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Return the condition that a row is of this store: a warehouse may hold rows of several ones."""
        return table.c.store == self.identity


class _LoadedCampaign(NamedTuple):
    """A campaign as the warehouse has it.

    :param revision: up to which its messages are loaded.
    :param account: like the next one, ``None`` if a version of the provider loaded it that knew none.
    """

    revision: int
    account: str | None
    status_codes: str | None

    def is_outdated(self, now: CampaignState) -> bool:
        """Return whether the campaign has changed since."""
        # Other codes need not change a message, and so have no revision.
        return now.revision > self.revision or now.status_codes != self.status_codes


_NOT_LOADED = _LoadedCampaign(-1, None, None)


def _load_campaigns(
    loading: _Loading, loaded: Mapping[int, _LoadedCampaign], campaigns: Sequence[CampaignState]
) -> tuple[list[CampaignState], int]:
    """Load the campaigns that changed, and their messages and channels; return them and the number of messages."""
    changed = [each for each in campaigns if loaded.get(each.id, _NOT_LOADED).is_outdated(each)]
    revisions = {each.id: loaded.get(each.id, _NOT_LOADED).revision for each in changed}
    for each in changed:
        if loaded.get(each.id, _NOT_LOADED).account not in (None, each.account):
            _move_to_account(loading, each)
    return changed, loading.count(loading.tables.message, _pages_of_campaigns(loading, changed, revisions))


def _read_loaded_campaigns(loading: _Loading) -> Mapping[int, _LoadedCampaign]:
    table = loading.tables.campaign
    columns = (table.c.id, *(table.c[name] for name in _LoadedCampaign._fields))
    with warehouse_transaction(loading.warehouse, Rights.READ, table) as connection:
        rows = connection.execute(sa.select(*columns).where(loading.is_own(table)))
        return {campaign_id: _LoadedCampaign(*values) for campaign_id, *values in rows}


def _pages_of_campaigns(
    loading: _Loading, campaigns: Sequence[CampaignState], revisions: Mapping[int, int]
) -> Iterator[Page]:
    """Yield the pages of changed messages and channels, and campaigns once their messages are complete.

    So the next load begins after the revision of a campaign.

    :param revisions: campaign -> the revision up to which its messages are loaded.
    """
    store, identity, tables = loading.store, loading.identity, loading.tables
    left = campaigns
    for ranges in changed_pages(store, revisions):
        yield Page(message_page(store, identity, ranges), tables.message)
        yield Page(channel_page(store, identity, ranges), tables.channel)
        # The rest of the last campaign may be in the next page.
        complete = [each for each in left if each.id < ranges[-1].campaign_id]
        left = left[len(complete) :]
        if complete:
            yield Page(campaign_page(store, identity, complete), tables.campaign)
    if left:
        yield Page(campaign_page(store, identity, left), tables.campaign)


def _move_to_account(loading: _Loading, campaign: CampaignState) -> None:
    """Set the account of all that is loaded of a campaign, after a person has said that it is another by now."""
    for table in (loading.tables.message, loading.tables.report, loading.tables.inbound):
        of_campaign = sa.and_(loading.is_own(table), table.c.campaign == campaign.name)
        with warehouse_transaction(loading.warehouse, Rights.UPDATE, table) as connection:
            connection.execute(table.update().where(of_campaign).values(account=campaign.account))


def _follow_moves(loading: _Loading, before: Sequence[CampaignState]) -> None:
    """Set the account of campaigns that were moved during the load.

    A page that was read before the move may have replaced what another load wrote after it: a move changes neither the
    revisions of messages nor the folds of reports.

    :param before: the campaigns when the load began.
    """
    accounts = {each.id: each.account for each in before}
    for each in read_campaigns(loading.store):
        if accounts.get(each.id, each.account) != each.account:
            _move_to_account(loading, each)


def _load_folded(
    loading: _Loading, table: sa.Table, pages: Callable[[sa.Engine, str, Place], Iterator[FoldedPage]]
) -> int:
    """Load the reports or replies behind the cursor of their table, and return their number.

    :param pages: returns their pages behind a place.
    """
    cursor = read_cursor(loading.warehouse, loading.tables.load, table, loading.identity)
    if cursor.start.fold > read_last_fold(loading.store):
        raise _other_past(loading, table)
    return loading.count(
        table,
        (
            Page(page.rows, table, partial(cursor.save, after=page.after, place=page.last))
            for page in pages(loading.store, loading.identity, cursor.start)
        ),
    )


def _require_same_past(
    loading: _Loading, loaded: Mapping[int, _LoadedCampaign], campaigns: Sequence[CampaignState]
) -> None:
    revisions = {each.id: each.revision for each in campaigns}
    if any(each.revision > revisions.get(campaign_id, _NOT_LOADED.revision) for campaign_id, each in loaded.items()):
        raise _other_past(loading, loading.tables.campaign)


def _other_past(loading: _Loading, table: sa.Table) -> RcsWarehouseError:
    return RcsWarehouseError(
        f"warehouse: table {table.fullname} was loaded from a later state of store {loading.identity} than it is in: "
        "the store was restored from a backup. What it has numbered anew since would be taken for what is loaded. "
        f"Delete the rows of this store from all tables, {loading.tables.load.fullname} among them, and load again."
    )


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
