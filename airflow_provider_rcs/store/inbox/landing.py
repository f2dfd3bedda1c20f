"""Landing, which commits delivery reports to the store as they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import ANOTHER_WAY, ReportsConnection
from airflow_provider_rcs.api.errors import RcsRefusedDataError, RcsStoreUnavailable
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.api.opt_out import DEFAULT_OPT_OUT_WORDS
from airflow_provider_rcs.store.db.bulk import column_types, insert_or_update, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import connect_arguments, durable_by_itself, login_of, transaction
from airflow_provider_rcs.store.db.inbox_tables import report, report_refused
from airflow_provider_rcs.store.db.tables import store
from airflow_provider_rcs.store.inbox.inbound import land_inbound

if TYPE_CHECKING:
    import psycopg

REJECTED_BY_DATABASE = "the database rejected it"

_COLUMNS = column_types(report, (*Report._fields, "received_at"))

# The same for all reports that a connection let in: as cells of each row, they would take a tenth of the time.
_LET_IN_BY = column_types(report, ("reports_conn_id", "account"))

RowsByConnection: TypeAlias = Mapping[ReportsConnection, Sequence[tuple[object, ...]]]


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
    """The reports of one request, the bodies in it that could not be read, and the messages of people.

    :param let_in_by: the connection whose login and password the request had.
    """

    received_at: datetime
    reports: Sequence[Report] = ()
    refused: Sequence[RefusedReport] = ()
    inbound: Sequence[InboundMessage] = ()
    let_in_by: ReportsConnection = ANOTHER_WAY


def land(engine: sa.Engine, reports: Sequence[Report], received_at: datetime) -> None:
    """Commit reports to the store, including repeated ones.

    :param reports: the reports, in the order of their arrival.
    :param received_at: when they arrived.
    :raises RcsStoreUnavailable: if they could not be committed; then none of them is.
    """
    land_all(engine, [ReceivedReports(received_at, reports)])


def land_all(
    engine: sa.Engine,
    received: Iterable[ReceivedReports],
    opt_out_words: Collection[str] = DEFAULT_OPT_OUT_WORDS,
) -> None:
    """Commit the reports of several requests, the messages of people and the refused bodies in one transaction.

    :param opt_out_words: a person whose whole message is one of these words is suppressed.
    :raises RcsStoreUnavailable: if they could not be committed; then none of them is.
    """
    with transaction(engine) as connection:
        land_within(connection, list(received), opt_out_words)


def land_within(connection: sa.Connection, received: Sequence[ReceivedReports], opt_out_words: Collection[str]) -> None:
    """Do the same in a transaction of the caller."""
    dialect = connection.dialect.name
    options = {"preserve_rowcount": True}
    for let_in_by, rows in _rows_of(received).items():
        content = _parameters(dialect, let_in_by, rows)
        inserted = connection.execute(_insert_reports(dialect), content, execution_options=options)
        _require_inserted(inserted.rowcount, len(rows))
    land_inbound(connection, received, opt_out_words)
    _land_refused(connection, received)


def land_nothing(engine: sa.Engine) -> None:
    """Commit what changes nothing to the table of reports; how long it takes shows whether reports could be committed.

    :raises RcsStoreUnavailable: if it could not be committed.
    """
    with transaction(engine) as connection:
        # No row, but it waits for a lock on the table as reports would, and is refused if they would be.
        nothing = sa.select(sa.literal("")).where(sa.false())
        connection.execute(report.insert().from_select(["status_code"], nothing))
        if engine.dialect.name == "postgresql":
            # A record in the write-ahead log, without which the commit would not write to the disk.
            connection.execute(sa.select(sa.func.pg_logical_emit_message(sa.true(), "rcs", "")))
        else:
            connection.execute(store.update().values(fold=store.c.fold))


def accepts_another_report(engine: sa.Engine) -> bool:
    """Return whether the database accepts a report that has nothing unusual; it is not kept.

    If it does not, the fault is not in the report that it has refused.
    """
    plain = {**Report("13")._asdict(), "received_at": datetime.now(UTC)}
    try:
        with transaction(engine) as connection, connection.begin_nested() as attempt:
            connection.execute(report.insert(), plain)
            attempt.rollback()
    except RcsRefusedDataError:
        return False
    return True


class AsyncLanding:
    """Commits reports from an event loop, over psycopg connections that are used for nothing else.

    The statement is parsed, bound and run in one round trip, and commits durably by itself; there is one for each
    connection that let reports in. Nothing stays prepared:
    behind a pooler, the next round trip may reach another connection of the server, where others have prepared theirs.

    :param engine: the store; its driver is psycopg.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._insert = str(_insert_reports("postgresql", durable_by_itself()).compile(dialect=engine.dialect))
        # Each on a connection of its own; making one takes as long as a fifth of a commit.
        self._idle: list[psycopg.AsyncCursor] = []
        self._abandoned: set[asyncio.Task[None]] = set()

    async def land(self, received: Iterable[ReceivedReports], timeout: float) -> None:
        """Commit the reports of several requests, without the rest of what they brought; calls may overlap.

        If the connection breaks meanwhile, they may land twice, which does not matter to folding.

        :param timeout: in seconds. What takes longer is abandoned with its connection, so that a server that hangs does
            not hold up the next reports.
        :raises TimeoutError: if it takes longer; they may be committed nevertheless.
        :raises psycopg.Error: if they could not be committed.
        :raises RcsStoreUnavailable: if the reply is not the one to this statement.
        """
        rows = _rows_of(received)
        landing = asyncio.create_task(self._land(rows))
        done, _ = await asyncio.wait({landing}, timeout=timeout)
        if not done:
            # Not awaited: closing the connection may hang as well.
            landing.cancel()
            self._abandoned.add(landing)
            landing.add_done_callback(self._forget)
            raise TimeoutError
        landing.result()

    def _forget(self, landing: asyncio.Task[None]) -> None:
        self._abandoned.discard(landing)
        if not landing.cancelled():
            landing.exception()  # Asked for, or else asyncio logs that nobody did.

    async def _land(self, rows: RowsByConnection) -> None:
        from psycopg import OperationalError

        if self._idle:
            # The server may have ended the connection while it was idle; a new one is tried once.
            with suppress(OperationalError):
                return await self._run(self._idle.pop(), rows)
        return await self._run(await self._connect(), rows)

    async def _connect(self) -> psycopg.AsyncCursor:
        from psycopg import OperationalError

        login = login_of(self._engine)
        if login is None:
            return await self._connect_to(self._engine.url)
        # In threads, because both may ask Airflow, or a cloud's API.
        url = await asyncio.to_thread(login.url)
        try:
            return await self._connect_to(url)
        except OperationalError:
            newer = await asyncio.to_thread(login.url_after, url)
            if newer is None:
                raise
        return await self._connect_to(newer)

    async def _connect_to(self, url: sa.URL) -> psycopg.AsyncCursor:
        from psycopg import AsyncConnection

        options = connect_arguments(self._engine.dialect, url)
        connection = await AsyncConnection.connect(**options, autocommit=True, prepare_threshold=None)
        return connection.cursor()

    async def _run(self, cursor: psycopg.AsyncCursor, rows: RowsByConnection) -> None:
        try:
            for let_in_by, some in rows.items():
                await cursor.execute(self._insert, _parameters("postgresql", let_in_by, some))
                _require_inserted(_count_of(cursor.statusmessage), len(some))
        except BaseException:
            await cursor.connection.close()
            raise
        self._idle.append(cursor)


def _count_of(tag: str | None) -> int:
    """Return how many rows a command's tag says that it inserted, such as ``"INSERT 0 12"``; -1 for another tag."""
    command, _, count = (tag or "").rpartition(" ")
    return int(count) if command == "INSERT 0" and count.isdecimal() else -1


def _require_inserted(inserted: int, sent: int) -> None:
    if inserted != sent:
        raise RcsStoreUnavailable("store: the database answered another statement than the one that was sent.")


def _rows_of(received: Iterable[ReceivedReports]) -> RowsByConnection:
    """Return the rows for the reports, by the connection that let them in; usually there is one."""
    rows: dict[ReportsConnection, list[tuple[object, ...]]] = {}
    for each in received:
        if each.reports:
            received_at = (each.received_at,)
            rows.setdefault(each.let_in_by, []).extend([one + received_at for one in each.reports])
    return rows


def _parameters(dialect: str, let_in_by: ReportsConnection, rows: Sequence[tuple[object, ...]]) -> dict[str, str]:
    return rows_as_json(dialect, _COLUMNS, rows) | dict(zip(_LET_IN_BY, let_in_by, strict=True))


def _land_refused(connection: sa.Connection, received: Iterable[ReceivedReports]) -> None:
    """Insert the refused bodies; of one that was refused before, count the repetition."""
    rows: dict[str, dict[str, Any]] = {}
    for each in received:
        for one in each.refused:
            digest = _digest(each.let_in_by, one)
            first = rows.setdefault(
                digest,
                {
                    "digest": digest,
                    "received_at": each.received_at,
                    "times": 0,
                    "landed": len(each.reports) + len(each.inbound),
                    "content_type": one.content_type,
                    "body": one.body,
                    "reports_conn_id": each.let_in_by.conn_id,
                    "account": each.let_in_by.account,
                },
            )
            first |= {"last_received_at": each.received_at, "times": first["times"] + 1, "reason": one.reason}
    # In the order of their digests, so that two processes cannot deadlock.
    in_order = [rows[digest] for digest in sorted(rows)]
    insert_or_update(connection, report_refused, in_order, ["digest"], _repetition)


def _digest(let_in_by: ReportsConnection, refused: RefusedReport) -> str:
    """Return what tells refused bodies apart, also those that came by another connection."""
    parts = [*(text.encode() for text in (*let_in_by, refused.content_type)), refused.body]
    return sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()


def _repetition(new: Any) -> Mapping[str, Any]:
    return {
        "times": report_refused.c.times + new.times,
        "last_received_at": new.last_received_at,
        "reason": new.reason,
    }


@cache
def _insert_reports(dialect: str, *conditions: sa.ColumnElement[bool]) -> sa.Insert:
    same = [sa.bindparam(name, type_=kind) for name, kind in _LET_IN_BY.items()]
    rows = sa.select(*rows_from_json(dialect, _COLUMNS).c, *same).where(*conditions)
    return report.insert().from_select([*_COLUMNS, *_LET_IN_BY], rows)
