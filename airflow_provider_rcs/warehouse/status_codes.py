"""Load what the status codes of campaigns mean, so that views can count reports without knowing a code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.read.status_codes import codes_of_campaigns
from airflow_provider_rcs.warehouse.pages import page_of_rows
from airflow_provider_rcs.warehouse.phones import PLAIN
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction
from airflow_provider_rcs.warehouse.transfer import transfer

Row = Mapping[str, str]

_LONGEST_CODE: int = report.c.status_code.type.length  # type: ignore[attr-defined]


def load_status_codes(store: sa.Engine, identity: str, warehouse: sa.Engine, table: sa.Table) -> None:
    """Upsert the codes that the warehouse lacks, or to which this version gives another status.

    :param identity: the store's identity.
    :param table: the warehouse's table of status codes.
    """
    loaded = sa.select(table.c.digest, table.c.code, table.c.status).where(table.c.store == identity)
    with warehouse_transaction(warehouse, Rights.READ, table) as connection:
        before = {(digest, code): status for digest, code, status in connection.execute(loaded)}
    rows = [row for row in _rows(codes_of_campaigns(store), before) if before.get(_key(row)) != row["status"]]
    now = datetime.now(UTC)
    if rows:
        given = [{"store": identity, **row, "loaded_at": now} for row in rows]
        list(transfer(store, warehouse, [page_of_rows(store.dialect.name, table, given)], PLAIN))


def _rows(codes: Mapping[str, Mapping[str, DeliveryStatus]], before: Mapping[tuple[str, str], str]) -> Iterator[Row]:
    for overrides, statuses in codes.items():
        digest = sha256(overrides.encode()).hexdigest()
        # A code that no longer has a status keeps its row, because a load deletes none.
        gone = {code: DeliveryStatus.UNKNOWN for of_set, code in before if of_set == digest and code not in statuses}
        for code, status in {**statuses, **gone}.items():
            # A report with a longer code does not land, and a warehouse would refuse the code.
            if len(code) <= _LONGEST_CODE:
                yield {"digest": digest, "code": code, "status_codes": overrides, "status": str(status)}


def _key(row: Row) -> tuple[str, str]:
    return row["digest"], row["code"]
