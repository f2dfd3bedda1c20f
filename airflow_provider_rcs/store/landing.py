"""Landing: delivery reports are kept as they came, before anyone makes anything of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from operator import attrgetter

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.engine import single_statement, transaction
from airflow_provider_rcs.store.refused_reports import RefusedReport, rows_of
from airflow_provider_rcs.store.row_sets import columns_of, row_parameter, row_set
from airflow_provider_rcs.store.tables import report, report_refused

# Not asdict(), which copies each value deeply: half the time of a landing.
_FIELDS = tuple(each.name for each in fields(Report))
_COLUMNS = columns_of(report, (*_FIELDS, "received_at"))
_values = attrgetter(*_FIELDS)


@dataclass(frozen=True, slots=True)
class Arrivals:
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
    land_all(engine, [Arrivals(received_at, reports)])


def land_all(engine: sa.Engine, arrivals: Iterable[Arrivals]) -> None:
    """Commit what came at several moments, all of it or nothing.

    :raises RcsStoreUnavailable: if it could not be committed.
    """
    rows: list[tuple[object, ...]] = []
    refused = []
    for each in arrivals:
        moment = (each.received_at,)
        rows += [_values(one) + moment for one in each.reports]
        refused += rows_of(each.refused, each.received_at)
    if not refused:
        with single_statement(engine) as connection:
            _insert(connection, rows)
        return
    with transaction(engine) as connection:
        _insert(connection, rows)
        connection.execute(report_refused.insert(), refused)


def _insert(connection: sa.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        dialect = connection.dialect.name
        connection.execute(_insert_reports(dialect), row_parameter(dialect, _COLUMNS, rows))


@cache
def _insert_reports(dialect: str) -> sa.Insert:
    return report.insert().from_select(list(_COLUMNS), sa.select(*row_set(dialect, _COLUMNS).c))
