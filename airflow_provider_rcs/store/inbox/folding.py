"""Folding, which applies landed reports to their messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsError, RcsRefusedDataError
from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState, status_codes
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.inbox_tables import message_channel, report
from airflow_provider_rcs.store.db.statistics import refresh_outgrown_statistics
from airflow_provider_rcs.store.db.tables import campaign, message, request, store
from airflow_provider_rcs.store.inbox.backlog import EVER, IS_LANDED, IS_PARKED, read_waiting
from airflow_provider_rcs.store.inbox.cursors import CountedReports, record_counts
from airflow_provider_rcs.store.inbox.folded_codes import codes_as_text, record_folded_codes
from airflow_provider_rcs.store.inbox.inbound import fold_inbound, read_landed_inbound
from airflow_provider_rcs.store.inbox.matching import (
    assign_to_fold,
    find_reports_by_ids,
    find_reports_by_phone,
    requeue_parked,
    set_aside_of_other_accounts,
)
from airflow_provider_rcs.store.inbox.opt_outs import find_replied_messages
from airflow_provider_rcs.store.inbox.status_ranking import (
    CHANNEL,
    new_revision,
    update_statuses,
    update_statuses_from_several_channels,
)
from airflow_provider_rcs.store.outbox.settlement import ACCEPTED_BY_REPORT, IS_OF_REQUEST
from airflow_provider_rcs.store.privacy.pseudonyms import pseudonymise_reports

log = logging.getLogger(__name__)

# Reports arrive in random order, so even a small fold reads most pages of a large campaign. A fold locks its campaigns,
# and on SQLite all writers: for 2 to 4 seconds with this many reports.
_REPORTS_PER_FOLD = 200_000

# As long as a writer waits on SQLite: a process that hangs while it folds must not hold up those that send.
_SECONDS_TO_WAIT_FOR_LOCKS = 60

_REQUESTS = column_types(request, ("id",))

_IS_NOT_PROVEN = sa.or_(message.c.state != MessageState.ACCEPTED, message.c.reason == ACCEPTED_BY_REPORT)


def fold(engine: sa.Engine) -> int:
    """Fold all reports that have landed, and return their number.

    One process folds at a time; others wait. A report whose message is not in the store is parked. Any order and any
    repetition of the same reports ends in the same status; see
    :mod:`~airflow_provider_rcs.store.inbox.status_ranking`.

    A report whose data the database refuses to fold is set aside, with the reason in its column ``fold_error``. It is
    folded again once both this column and its ``fold`` are null.
    """
    waiting = read_waiting(engine)
    if waiting.reports:
        refresh_outgrown_statistics(engine)
    total = 0
    while waiting.reports:
        try:
            folded = _fold_some(engine)
        except RcsRefusedDataError:
            folded = _fold_range(engine, *_first_landed(engine))
        total += folded
        if folded < _REPORTS_PER_FOLD:
            break
    while waiting.replies and _fold_inbound(engine, unapplied=False):
        refresh_outgrown_statistics(engine)
    return total


def fold_parked(engine: sa.Engine, since: datetime = EVER) -> int:
    """Fold all reports that have landed, and parked ones whose message is in the store now; return their number.

    Opt-outs by reply that could not be applied are applied if the message that they reply to is in the store now.

    :param since: parked reports that were received before are left parked.
    """
    waiting = read_waiting(engine, since)
    if waiting.parked:
        _requeue_parked(engine, sa.and_(IS_PARKED, report.c.received_at >= since))
    if waiting.unapplied:
        _fold_inbound(engine, unapplied=True)
    return fold(engine) if any(waiting) else 0


def _requeue_parked(engine: sa.Engine, candidates: sa.ColumnElement[bool]) -> None:
    """Have parked reports whose message is in the store now folded with those that have landed."""
    with reading(engine) as connection:
        # Not under the lock: they may be many, and most of them on messages that others send from the same account.
        found = [*find_reports_by_phone(connection, candidates), *find_reports_by_ids(connection, candidates)]
    if found:
        with transaction(engine) as connection:
            lock_folding(connection)
            requeue_parked(connection, found)


def fold_if_possible(engine: sa.Engine, how: Callable[[sa.Engine], int] = fold) -> int:
    """Fold for a caller that does not depend on it: if folding fails, log the reason and return 0.

    A report that is not folded yet only leaves a message in doubt, or without its latest status.

    :param how: :func:`fold` or :func:`fold_parked`.
    """
    try:
        return how(engine)
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller goes on
        reason = str(error) if isinstance(error, RcsError) else type(error).__name__
        log.error("Delivery reports could not be folded; they are safe, and are folded later: %s", reason)  # noqa: TRY400 - no data in logs
        return 0


def lock_folding(connection: sa.Connection) -> int:
    """Lock folding until the transaction ends, and return the number of a new fold.

    This lock is taken before any campaign's lock. Every change to folded reports is made under it and sets the number
    of the new fold, so fold numbers become visible in their order.

    :raises sqlalchemy.exc.OperationalError: if another process holds the lock for longer than a minute.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_SECONDS_TO_WAIT_FOR_LOCKS * 1000:.0f}")
    statement = store.update().where(store.c.id == 1).values(fold=store.c.fold + 1).returning(store.c.fold)
    return int(connection.execute(statement).scalar_one())


@dataclass(frozen=True, slots=True)
class _FoldedCampaign:
    """A campaign that has reports in a fold.

    :param status_codes: its overrides of the status codes.
    :param folded_codes: the codes that its earlier reports were folded with, as text; ``None`` if it has none.
    :param has_unproven: whether a message has a report, but may not be accepted yet.
    :param has_new_ids: whether a report has an id of the service that its message may not have yet.
    :param has_foreign: whether a report came from another account.
    :param has_several_channels: whether several channels may have reported on a message, in this fold or before.
    :param counted: its reports in this fold.
    """

    campaign_id: int
    status_codes: Mapping[str, str]
    folded_codes: str | None
    has_unproven: bool
    has_new_ids: bool
    has_foreign: bool
    has_several_channels: bool
    counted: CountedReports


def _fold_some(engine: sa.Engine, candidates: sa.ColumnElement[bool] = IS_LANDED) -> int:
    """Fold landed reports in one transaction, and return their number.

    :param candidates: selects them; no more are folded than a fold may have.
    """
    with transaction(engine) as connection:
        fold_number = lock_folding(connection)
        folded = _assign_to_fold(connection, fold_number, candidates)
        if not folded:
            return 0
        of_this_fold = report.c.fold == fold_number
        pseudonymise_reports(connection, of_this_fold)
        campaigns = _folded_campaigns(connection, of_this_fold)
        if any(each.has_foreign for each in campaigns):
            _set_foreign_aside(connection, of_this_fold)
            of_this_fold = sa.and_(of_this_fold, report.c.fold_error.is_(None))
            campaigns = _folded_campaigns(connection, of_this_fold)
        # In the order of their ids, so that two processes cannot deadlock.
        for each in campaigns:
            lock_campaign(connection, each.campaign_id)
        if any(each.has_unproven for each in campaigns):
            _mark_accepted(connection, of_this_fold)
        _record_echoed_requests(connection, [each.campaign_id for each in campaigns], of_this_fold)
        if any(each.has_new_ids for each in campaigns):
            _set_api_message_ids(connection, of_this_fold)
        for alike, codes in _by_status_codes(campaigns):
            several = any(each.has_several_channels for each in alike)
            update = update_statuses_from_several_channels if several else update_statuses
            update(connection, [each.campaign_id for each in alike], codes, of_this_fold)
            if differing := [each.campaign_id for each in alike if each.folded_codes != codes_as_text(codes)]:
                record_folded_codes(connection, differing, codes)
        parked = folded - sum(each.counted.reports for each in campaigns)
        record_counts(connection, fold_number, [*(each.counted for each in campaigns), CountedReports(0, parked, None)])
    return folded


def _fold_inbound(engine: sa.Engine, *, unapplied: bool) -> bool:
    """Fold messages of people in one transaction, and return whether there were any.

    :param unapplied: those that are opt-outs which suppress no phone, instead of those that have landed.
    """
    with reading(engine) as connection:
        landed = read_landed_inbound(connection, unapplied=unapplied)
        replied = find_replied_messages(connection, [each for each in landed if each.is_unapplied])
    if unapplied:
        landed = [each for each in landed if each.id in replied]
    if landed:
        with transaction(engine) as connection:
            fold_inbound(connection, lock_folding(connection), landed, replied)
    return bool(landed)


def _fold_range(engine: sa.Engine, first: int, last: int) -> int:
    """Fold the landed reports with ids in a range half by half, set those aside that are refused, and count both."""
    try:
        return _fold_some(engine, sa.and_(IS_LANDED, report.c.id.between(first, last)))
    except RcsRefusedDataError as error:
        if first == last:
            return _set_aside(engine, first, str(error))
    middle = (first + last) // 2
    return _fold_range(engine, first, middle) + _fold_range(engine, middle + 1, last)


def _set_aside(engine: sa.Engine, report_id: int, reason: str) -> int:
    """Set a landed report aside, so that it is not folded again; return 1, or 0 if it is no longer landed."""
    this_report = report.c.id == report_id
    with transaction(engine) as connection:
        fold_number = lock_folding(connection)
        values = {"fold": fold_number, "fold_error": reason}
        set_aside = connection.execute(report.update().where(IS_LANDED, this_report).values(values)).rowcount
        record_counts(connection, fold_number, [CountedReports(0, set_aside, None)])
        # If this is what the database refuses, the data is as safe as before.
        with suppress(sa.exc.DBAPIError), connection.begin_nested():
            pseudonymise_reports(connection, this_report)
    log.error("Delivery report %d of the store could not be folded and is set aside: %s", report_id, reason)
    return set_aside


def _first_landed(engine: sa.Engine) -> tuple[int, int]:
    """Return the ids of the first and the last report that the next fold would have; (0, 0) if none has landed."""
    with reading(engine) as connection:
        first, last = _ends_of_fold(connection, IS_LANDED)
    return first or 0, last or 0


def _ends_of_fold(connection: sa.Connection, candidates: sa.ColumnElement[bool]) -> tuple[int | None, int | None]:
    landed = sa.select(report.c.id).where(candidates).order_by(report.c.id).limit(_REPORTS_PER_FOLD).subquery()
    first, last = connection.execute(sa.select(sa.func.min(landed.c.id), sa.func.max(landed.c.id))).one()
    return first, last


def _assign_to_fold(connection: sa.Connection, fold_number: int, candidates: sa.ColumnElement[bool]) -> int:
    """Set the fold and the message of landed reports, and return their number."""
    first, last = _ends_of_fold(connection, candidates)
    if first is None:
        return 0
    # By the range of their ids: for a list of ids PostgreSQL reads the whole table, even if most reports are folded.
    return assign_to_fold(connection, sa.and_(IS_LANDED, report.c.id.between(first, last)), fold_number)


def _folded_campaigns(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> list[_FoldedCampaign]:
    """Return the campaigns that have reports in a fold, in the order of their ids.

    This one pass over the messages saves a pass for each step that has nothing to do, which is the usual case. An
    accepted message stays accepted and keeps its id, so the result cannot become wrong before the campaigns are locked.
    """
    has_channel_rows = _any_message_has_channel_rows(connection, of_this_fold)
    first, last = sa.func.min(CHANNEL), sa.func.max(CHANNEL)
    other_channel = sa.and_(message.c.delivery_rank >= 0, message.c.delivery_channel != CHANNEL)
    by_campaign = (
        sa.select(
            message.c.campaign_id,
            _any(_IS_NOT_PROVEN).label("unproven"),
            _any(sa.and_(message.c.api_message_id.is_(None), report.c.api_message_id != "")).label("new_ids"),
            _any(other_channel).label("other_channel"),
            sa.case((first != last, 1), else_=0).label("several_channels"),
            sa.func.min(sa.func.nullif(report.c.account, "")).label("first_account"),
            sa.func.max(sa.func.nullif(report.c.account, "")).label("last_account"),
            sa.func.count().label("reports"),
            sa.func.max(report.c.received_at).label("received_at"),
        )
        .join(report, report.c.message_id == message.c.id)
        .where(of_this_fold)
        .group_by(message.c.campaign_id)
        .subquery()
    )
    campaigns = (
        sa.select(by_campaign, campaign.c.account, campaign.c.status_codes, campaign.c.folded_codes)
        .join(campaign, campaign.c.id == by_campaign.c.campaign_id)
        .order_by(campaign.c.id)
    )
    return [
        _FoldedCampaign(
            row.campaign_id,
            row.status_codes,
            row.folded_codes,
            has_unproven=bool(row.unproven),
            has_new_ids=bool(row.new_ids),
            has_foreign=not {row.first_account, row.last_account} <= {None, row.account},
            has_several_channels=has_channel_rows or bool(row.other_channel or row.several_channels),
            counted=CountedReports(row.campaign_id, row.reports, row.received_at),
        )
        for row in connection.execute(campaigns)
    ]


def _set_foreign_aside(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> None:
    set_aside = set_aside_of_other_accounts(connection, of_this_fold)
    log.error(
        "%s set aside: the login and password that let them in are of another account than their campaign. See: "
        "airflow-rcs campaigns",
        counted(set_aside, "delivery report is", "delivery reports are"),
    )


def _any(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    return sa.func.max(sa.case((condition, 1), else_=0))


def _any_message_has_channel_rows(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> bool:
    channels = (
        sa.select(message_channel.c.message_id)
        .join(report, report.c.message_id == message_channel.c.message_id)
        .where(of_this_fold)
    )
    return connection.execute(channels.limit(1)).first() is not None


def _mark_accepted(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> None:
    """Mark messages that have a report as accepted: the report proves that the service accepted them."""
    reported = sa.select(report.c.message_id).where(of_this_fold, report.c.message_id.is_not(None))
    connection.execute(
        message.update()
        .where(message.c.id.in_(reported), _IS_NOT_PROVEN)
        .values(state=MessageState.ACCEPTED, reason="", **new_revision())
    )


def _record_echoed_requests(
    connection: sa.Connection, campaign_ids: list[int], of_this_fold: sa.ColumnElement[bool]
) -> None:
    """Record that reports carry the references of requests, which proves that the service accepted these requests."""
    references = sa.select(report.c.campaign_reference).where(of_this_fold).distinct().subquery()
    # The rows are filtered in Python: with another condition, PostgreSQL, which expects few reports in a fold, would
    # scan all of them for each request that passes it.
    echoed = sa.select(request.c.id, request.c.campaign_id, request.c.state, request.c.echoed_at).join(
        references, references.c.campaign_reference == request.c.reference
    )
    locked = set(campaign_ids)
    rows = [row for row in connection.execute(echoed) if row.campaign_id in locked]
    if first_time := [(row.id,) for row in rows if row.echoed_at is None]:
        parameter = rows_as_json(connection.dialect.name, _REQUESTS, first_time)
        connection.execute(_set_echoed_at(connection.dialect.name), parameter | {"now": datetime.now(UTC)})
    # Only requests whose reply was lost: a reply that is still awaited, or that named only some of the recipients, says
    # more than the report.
    if in_doubt := [row.id for row in rows if row.state == "in_doubt"]:
        connection.execute(
            message.update()
            .where(IS_OF_REQUEST, request.c.id.in_(in_doubt), message.c.state == MessageState.IN_DOUBT)
            .values(state=MessageState.ACCEPTED, reason=ACCEPTED_BY_REPORT, **new_revision())
        )


@cache
def _set_echoed_at(dialect: str) -> sa.Update:
    echoed = rows_from_json(dialect, _REQUESTS)
    now = sa.bindparam("now", type_=request.c.echoed_at.type)
    return request.update().where(request.c.id == echoed.c.id).values(echoed_at=now)


def _set_api_message_ids(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> None:
    """Set the service's ids of messages that have none from the reports."""
    reported = (
        sa.select(report.c.message_id, sa.func.min(report.c.api_message_id).label("api_message_id"))
        .where(of_this_fold, report.c.message_id.is_not(None), report.c.api_message_id != "")
        .group_by(report.c.message_id)
        .subquery()
    )
    connection.execute(
        message.update()
        .where(message.c.id == reported.c.message_id, message.c.api_message_id.is_(None))
        .values(api_message_id=reported.c.api_message_id, **new_revision())
    )


def _by_status_codes(
    campaigns: list[_FoldedCampaign],
) -> Iterator[tuple[list[_FoldedCampaign], Mapping[str, DeliveryStatus]]]:
    """Yield the campaigns that have the same status codes, with these codes."""
    for _, alike in groupby(sorted(campaigns, key=_overrides_of), key=_overrides_of):
        group = list(alike)
        yield group, status_codes(group[0].status_codes)


def _overrides_of(folded: _FoldedCampaign) -> list[tuple[str, str]]:
    return sorted(folded.status_codes.items())
