"""Landing, which commits delivery reports to the store as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import DedicatedConnection, transaction
from airflow_provider_rcs.store.db.nonblocking import NonblockingStatement
from airflow_provider_rcs.store.db.tables import report, report_refused

_COLUMNS = column_types(report, (*Report._fields, "received_at"))


@dataclass(frozen=True, slots=True)
class RefusedReport:
    """A request body that could not be read, or that contains a report that could not be read.

    It came with valid credentials, and is stored unchanged so that a person can look at it.

    :param reason: why, without any of its content.
    :param content_type: the content type of the request.
    :param body: the body, byte for byte.
    """

    reason: str
    content_type: str
    body: bytes = field(repr=False)


class ReceivedReports(NamedTuple):  # A NamedTuple is cheap to create, and millions are created.
    """The reports of one request, and the bodies in it that could not be read."""

    received_at: datetime
    reports: Sequence[Report] = ()
    refused: Sequence[RefusedReport] = ()


def land(engine: sa.Engine, reports: Sequence[Report], received_at: datetime) -> None:
    """Commit reports to the store, including repeated ones.

    :param reports: the reports, in the order of their arrival.
    :param received_at: when they arrived.
    :raises RcsStoreUnavailable: if they could not be committed; then none of them is.
    """
    land_all(engine, [ReceivedReports(received_at, reports)])


def land_all(engine: sa.Engine, received: Iterable[ReceivedReports]) -> None:
    """Commit the reports of several requests in one transaction.

    :raises RcsStoreUnavailable: if they could not be committed; then none of them is.
    """
    rows, refused = _rows_of(received)
    with transaction(engine) as connection:
        if rows:
            connection.execute(*_insert(engine.dialect.name, rows))
        if refused:
            connection.execute(report_refused.insert(), refused)


class LandingConnection:
    """Commits reports over a connection of its own, one call at a time.

    :param engine: the store.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection = DedicatedConnection(engine)
        self._nonblocking: NonblockingStatement | None = None

    def land(self, received: Sequence[ReceivedReports]) -> None:
        """Commit the reports of several requests, like :func:`land_all`.

        If the connection breaks they may land twice, which does not matter to folding.

        :raises RcsStoreUnavailable: if they could not be committed.
        """
        rows, refused = _rows_of(received)
        if refused:
            land_all(self._engine, received)
        elif rows:
            insert, parameter = _insert(self._engine.dialect.name, rows)
            # If this fails, the connection returns to the pool and others may use it.
            self._nonblocking = None
            self._connection.execute(insert, parameter)
            self._nonblocking = self._connection.nonblocking(insert)

    @property
    def is_nonblocking(self) -> bool:
        """Whether :meth:`begin` can start: :meth:`land` has connected, and the driver supports it."""
        return self._nonblocking is not None

    def begin(self, received: Sequence[ReceivedReports], done: Callable[[bool], None]) -> bool:
        """Start to commit reports in the running event loop, and return whether that was possible.

        :param done: called in the loop with whether they are committed; if not, call :meth:`land` to retry.
        """
        rows, refused = _rows_of(received)
        if self._nonblocking is None or refused or not rows:
            return False
        [parameter] = _insert(self._engine.dialect.name, rows)[1].values()
        return self._nonblocking.run(parameter, done)

    def close(self) -> None:
        """Return the connection to the pool."""
        self._nonblocking = None
        self._connection.close()


def _rows_of(received: Iterable[ReceivedReports]) -> tuple[list[tuple[object, ...]], list[dict[str, object]]]:
    """Return the rows for the reports, and those for the refused bodies."""
    rows: list[tuple[object, ...]] = []
    refused: list[dict[str, object]] = []
    for each in received:
        received_at = (each.received_at,)
        rows += [one + received_at for one in each.reports]
        refused += [
            {"received_at": each.received_at, "reason": one.reason, "content_type": one.content_type, "body": one.body}
            for one in each.refused
        ]
    return rows, refused


def _insert(dialect: str, rows: Sequence[tuple[object, ...]]) -> tuple[sa.Insert, dict[str, str]]:
    return _insert_reports(dialect), rows_as_json(dialect, _COLUMNS, rows)


@cache
def _insert_reports(dialect: str) -> sa.Insert:
    return report.insert().from_select(list(_COLUMNS), sa.select(*rows_from_json(dialect, _COLUMNS).c))
