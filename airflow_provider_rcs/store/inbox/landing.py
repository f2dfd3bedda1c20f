"""What was pushed with the right credentials and could not be understood, kept whole for a person to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db.bulk import column_types, rows_from_json, rows_as_json
from airflow_provider_rcs.store.db.engine import DedicatedConnection, transaction
from airflow_provider_rcs.store.db.nonblocking import NonblockingStatement
from airflow_provider_rcs.store.db.tables import report, report_refused


@dataclass(frozen=True, slots=True)
class RefusedReport:
    """A body that could not be understood, or one of whose reports could not.

    :param reason: why, without anything of it.
    :param content_type: what the request said it is.
    :param body: the body, byte by byte as it came.
    """

    reason: str
    content_type: str
    body: bytes = field(repr=False)


def _refused_rows(refused: Iterable[RefusedReport], received_at: datetime) -> list[dict[str, Any]]:
    """Return the rows in which they are kept."""
    return [
        {"received_at": received_at, "reason": each.reason, "content_type": each.content_type, "body": each.body}
        for each in refused
    ]


_COLUMNS = column_types(report, (*Report._fields, "received_at"))


class ReceivedReports(NamedTuple):  # made by the million
    """What came at one moment: the reports that were understood, and what was not."""

    received_at: datetime
    reports: Sequence[Report] = ()
    refused: Sequence[RefusedReport] = ()


def land(engine: sa.Engine, reports: Sequence[Report], received_at: datetime) -> None:
    """Commit reports to the store; repeated ones too.

    :param reports: the reports, in the order in which they came.
    :param received_at: when they came.
    :raises RcsStoreUnavailable: if they could not be committed; then none of them is.
    """
    land_all(engine, [ReceivedReports(received_at, reports)])


def land_all(engine: sa.Engine, arrivals: Iterable[ReceivedReports]) -> None:
    """Commit what came at several moments, all of it or nothing.

    :raises RcsStoreUnavailable: if it could not be committed.
    """
    rows, refused = _rows_of(arrivals)
    with transaction(engine) as connection:
        if rows:
            connection.execute(*_insert(engine.dialect.name, rows))
        if refused:
            connection.execute(report_refused.insert(), refused)


class LandingConnection:
    """Commits what came over a connection that it keeps; one thing at a time.

    :param engine: of the store.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection = DedicatedConnection(engine)
        self._nonblocking: NonblockingStatement | None = None

    def land(self, arrivals: Sequence[ReceivedReports]) -> None:
        """Commit what came at several moments, as :func:`land_all` does.

        Where the connection breaks it may land twice, which folding does not mind.

        :raises RcsStoreUnavailable: if it could not be committed.
        """
        rows, refused = _rows_of(arrivals)
        if refused:
            land_all(self._engine, arrivals)
        elif rows:
            insert, parameter = _insert(self._engine.dialect.name, rows)
            # Where this fails, the connection is given back, and others may use it.
            self._nonblocking = None
            self._connection.execute(insert, parameter)
            self._nonblocking = self._connection.nonblocking(insert)

    @property
    def is_nonblocking(self) -> bool:
        """Tell whether :meth:`begin` can begin: :meth:`land` has connected it, and the driver lets it."""
        return self._nonblocking is not None

    def begin(self, arrivals: Sequence[ReceivedReports], done: Callable[[bool], None]) -> bool:
        """Begin to commit what came in the running event loop, and tell whether it could begin.

        :param done: told in the loop whether it is committed; if not, :meth:`land` is to do it, and finds out why not.
        """
        rows, refused = _rows_of(arrivals)
        if self._nonblocking is None or refused or not rows:
            return False
        [parameter] = _insert(self._engine.dialect.name, rows)[1].values()
        return self._nonblocking.run(parameter, done)

    def close(self) -> None:
        """Give the connection back."""
        self._nonblocking = None
        self._connection.close()


def _rows_of(arrivals: Iterable[ReceivedReports]) -> tuple[list[tuple[object, ...]], list[dict[str, object]]]:
    """Return the rows of the reports, and those of what was refused."""
    rows: list[tuple[object, ...]] = []
    refused: list[dict[str, object]] = []
    for each in arrivals:
        moment = (each.received_at,)
        rows += [one + moment for one in each.reports]
        if each.refused:
            refused += _refused_rows(each.refused, each.received_at)
    return rows, refused


def _insert(dialect: str, rows: Sequence[tuple[object, ...]]) -> tuple[sa.Insert, dict[str, str]]:
    return _insert_reports(dialect), rows_as_json(dialect, _COLUMNS, rows)


@cache
def _insert_reports(dialect: str) -> sa.Insert:
    return report.insert().from_select(list(_COLUMNS), sa.select(*rows_from_json(dialect, _COLUMNS).c))
