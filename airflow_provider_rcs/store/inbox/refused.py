"""Refused bodies: listed for people, and read again after an upgrade or with another setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import ReportsConnection
from airflow_provider_rcs.api.errors import RcsRefusedDataError
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.api.opt_out import DEFAULT_OPT_OUT_WORDS
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.inbox_tables import report, report_refused
from airflow_provider_rcs.store.inbox.bodies import read_line, received
from airflow_provider_rcs.store.inbox.landing import REJECTED_BY_DATABASE, ReceivedReports, land_within

_BODIES_PER_BATCH = 500
# No database has a greater id, and some refuse to compare one.
_GREATEST_ID = 2**63 - 1

# What tells the reports of one body apart, as it was read when they landed.
_IDENTITY = ("status_code", "phone", "campaign_reference", "message_reference", "api_campaign_id", "api_message_id")


@dataclass(frozen=True, slots=True)
class RefusedBody:
    """A body that could not be read, in whole or in part.

    :param received_at: when it was received first.
    :param last_received_at: when it was received last.
    :param times: how often it was received.
    :param reason: why it could not be read, without any of its content.
    :param reports_conn_id: the connection that let it in; empty if it came another way.
    :param size: in bytes.
    """

    id: int
    received_at: datetime
    last_received_at: datetime
    times: int
    reason: str
    content_type: str
    reports_conn_id: str
    size: int


@dataclass(frozen=True, slots=True)
class Reread:
    """What reading a refused body again resulted in.

    :param landed: how many reports and replies in it were understood now, and landed.
    :param reason: why it still cannot be read, or not as a whole; empty if it is refused no more.
    """

    id: int
    landed: int
    reason: str


def refused_bodies(engine: sa.Engine) -> Iterator[RefusedBody]:
    """Yield all refused bodies, in the order of their first arrival."""
    columns = [report_refused.c[name] for name in RefusedBody.__dataclass_fields__ if name != "size"]
    size = sa.func.length(report_refused.c.body).label("size")
    with reading(engine) as connection:
        rows = sa.select(*columns, size).order_by(report_refused.c.id)
        for row in connection.execute(rows, execution_options={"yield_per": _BODIES_PER_BATCH}):
            yield RefusedBody(**row._mapping)


def read_refused_body(engine: sa.Engine, body_id: int) -> bytes | None:
    """Return a refused body byte for byte, or ``None`` if there is none with this id."""
    if abs(body_id) > _GREATEST_ID:
        return None
    with reading(engine) as connection:
        found = sa.select(report_refused.c.body).where(report_refused.c.id == body_id)
        return connection.execute(found).scalar_one_or_none()


def retry_refused(
    engine: sa.Engine,
    timezone: tzinfo,
    opt_out_words: Collection[str] = DEFAULT_OPT_OUT_WORDS,
    ids: Collection[int] | None = None,
) -> Iterator[Reread]:
    """Read refused bodies again, each once, however often it was received.

    What is understood lands in the transaction that deletes the refused body, so that a kill in between neither loses
    nor doubles it. A body that is still not understood as a whole stays, with the new reason. Of a body that was
    understood in part, the reports that landed then do not land again. A line of the spool that could not be read or
    landed before lands as a whole.

    :param timezone: the time zone of dates without an offset.
    :param opt_out_words: a person whose whole message is one of these words is suppressed.
    :param ids: the bodies to read; ``None`` for all.
    """
    last = 0
    while rows := _next_bodies(engine, last, ids):
        last = rows[-1].id
        landed = _landed_with(engine, [row.received_at for row in rows if row.landed])
        for row in rows:
            let_in_by = ReportsConnection(row.reports_conn_id, row.account)
            if (line := read_line(row.body)) is not None:
                # Of a line that could not be read, only the line itself says by which connection it came.
                new = line._replace(let_in_by=let_in_by) if row.reports_conn_id else line
                # A body in it that was refused becomes a row of its own.
                push = new._replace(refused=())
            else:
                push = received(row.content_type, row.body, row.received_at, timezone)._replace(let_in_by=let_in_by)
                new = _without(push, landed.get(row.received_at, Counter()) if row.landed else Counter())
            done = _land_again(engine, row, push, new, opt_out_words)
            if done is not None:
                yield done


def _next_bodies(engine: sa.Engine, after: int, ids: Collection[int] | None) -> Sequence[sa.Row[Any]]:
    is_wanted = sa.true() if ids is None else report_refused.c.id.in_(ids)
    bodies = sa.select(report_refused).where(report_refused.c.id > after, is_wanted)
    with reading(engine) as connection:
        return connection.execute(bodies.order_by(report_refused.c.id).limit(_BODIES_PER_BATCH)).all()


def _landed_with(engine: sa.Engine, moments: Collection[datetime]) -> Mapping[datetime, Counter[tuple[str, ...]]]:
    """Return the reports that landed at these moments, as what tells them apart: moment -> reports."""
    if not moments:
        return {}
    columns = [report.c[name] for name in _IDENTITY]
    found: dict[datetime, Counter[tuple[str, ...]]] = {}
    with reading(engine) as connection:
        reports = sa.select(report.c.received_at, *columns).where(report.c.received_at.in_(set(moments)))
        for received_at, *identity in connection.execute(reports):
            found.setdefault(received_at, Counter())[tuple(identity)] += 1
    return found


def _without(push: ReceivedReports, landed: Counter[tuple[str, ...]]) -> ReceivedReports:
    """Return what lands of a push: without the reports that have landed, and without the refused body."""
    rest = Counter(landed)
    new: list[Report] = []
    for each in push.reports:
        identity = tuple(getattr(each, name) for name in _IDENTITY)
        if rest[identity]:
            rest[identity] -= 1
        else:
            new.append(each)
    # A message of a person that has landed does not land again: it is known by all that it holds.
    return push._replace(reports=new, refused=())


def _land_again(
    engine: sa.Engine,
    row: sa.Row[Any],
    push: ReceivedReports,
    new: ReceivedReports,
    opt_out_words: Collection[str],
) -> Reread | None:
    """Land what is new of a refused body; return ``None`` if another process has read it meanwhile."""
    understood = len(push.reports) + len(push.inbound)
    # As it was read: not if another process has landed what is new, or if it was erased.
    is_unchanged = sa.and_(report_refused.c.id == row.id, report_refused.c.landed == row.landed)
    reason = push.refused[0].reason if push.refused else ""
    try:
        with transaction(engine) as connection:
            if reason:
                values = {"reason": reason, "landed": max(understood, row.landed)}
                changed = connection.execute(report_refused.update().where(is_unchanged).values(values)).rowcount
            else:
                changed = connection.execute(report_refused.delete().where(is_unchanged)).rowcount
            if not changed:
                return None
            land_within(connection, [new], opt_out_words)
    except RcsRefusedDataError:
        with transaction(engine) as connection:
            connection.execute(report_refused.update().where(is_unchanged).values(reason=REJECTED_BY_DATABASE))
        return Reread(row.id, 0, REJECTED_BY_DATABASE)
    return Reread(row.id, max(understood - row.landed, 0), reason)
