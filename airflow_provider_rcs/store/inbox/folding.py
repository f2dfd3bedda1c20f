"""Folding: landed reports become the latest status of their messages, and the proof that these were accepted.

Any order and any repetition of the same reports ends in the same status; ``store.latest_status`` tells which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState, status_codes
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.bulk import column_types, rows_from_json, rows_as_json
from airflow_provider_rcs.store.db.engine import transaction
from airflow_provider_rcs.store.db.tables import campaign, message, message_channel, report, request, store
from airflow_provider_rcs.store.inbox.status_ranking import new_revision, update_statuses, update_statuses_from_several_channels
from airflow_provider_rcs.store.outbox.settlement import ACCEPTED_BY_REPORT, IS_OF_REQUEST
from airflow_provider_rcs.store.privacy.pseudonyms import pseudonymise_reports

# Reports come out of order, so that a fold reads most pages of a large campaign however few it takes. Meanwhile it
# holds the campaign, and on SQLite all who write: for 2 to 4 seconds, where so many wait.
_REPORTS_A_FOLD = 200_000


_REQUESTS = column_types(request, ("id",))


def fold(engine: sa.Engine) -> int:
    """Fold all reports that have landed and were not folded yet.

    One process folds at a time; another one that asks waits for it. A report whose message is not known is parked.

    :return: the number of reports taken up.
    """
    total = 0
    while True:
        folded = _fold_some(engine)
        total += folded
        if folded < _REPORTS_A_FOLD:
            return total


def fold_parked(engine: sa.Engine) -> int:
    """Fold all reports, those too that were parked and whose message has become known since.

    :return: the number of reports taken up.
    """
    is_parked = sa.and_(report.c.fold.is_not(None), report.c.message_id.is_(None))
    with transaction(engine) as connection:
        lock_folding(connection)
        if name_requests(connection, is_parked):
            connection.execute(report.update().where(is_parked, sa.exists().where(IS_NAMED_BY_IDS)).values(fold=None))
    return fold(engine)


def _fold_some(engine: sa.Engine) -> int:
    with transaction(engine) as connection:
        fold_number = lock_folding(connection)
        taken = _take_up(connection, fold_number)
        if not taken:
            return 0
        of_this_fold = report.c.fold == fold_number
        pseudonymise_reports(connection, of_this_fold)
        touched = folded_campaigns(connection, of_this_fold)
        # In the order of their numbers, so that two processes never wait for each other's campaign crosswise.
        for each in touched:
            lock_campaign(connection, each.campaign_id)
        if any(each.is_proof_due for each in touched):
            _prove_accepted(connection, of_this_fold)
        _note_echoes(connection, [each.campaign_id for each in touched], of_this_fold)
        if any(each.is_id_due for each in touched):
            _learn_api_message_ids(connection, of_this_fold)
        for campaigns, codes in _by_status_codes(touched):
            several = any(each.has_several_channels for each in campaigns)
            update = update_statuses_from_several_channels if several else update_statuses
            update(connection, [each.campaign_id for each in campaigns], codes, of_this_fold)
    return taken


def _take_up(connection: sa.Connection, fold_number: int) -> int:
    """Give landed reports the number of the fold, and their messages; return how many they are."""
    landed = (
        sa.select(report.c.id).where(report.c.fold.is_(None)).order_by(report.c.id).limit(_REPORTS_A_FOLD).subquery()
    )
    first, last = connection.execute(sa.select(sa.func.min(landed.c.id), sa.func.max(landed.c.id))).one()
    if first is None:
        return 0
    # By the range of their ids: for a list of ids PostgreSQL reads the whole table, however many are folded already.
    to_take = sa.and_(report.c.fold.is_(None), report.c.id.between(first, last))
    by_reference = sa.and_(
        request.c.reference == report.c.campaign_reference,
        message.c.campaign_id == request.c.campaign_id,
        message.c.recipient_key == report.c.phone,
    )
    known = {"fold": fold_number, "message_id": message.c.id}
    taken = connection.execute(report.update().where(to_take, by_reference).values(known)).rowcount
    if name_requests(connection, to_take):
        taken += connection.execute(report.update().where(to_take, IS_NAMED_BY_IDS).values(known)).rowcount
    return taken + connection.execute(report.update().where(to_take).values(fold=fold_number)).rowcount


def lock_folding(connection: sa.Connection) -> int:
    """Take the folds' lock until the transaction ends, and return the number of the fold that it makes.

    Taken before any campaign's lock. Whatever changes folded reports does it under this lock and gives them the number;
    so fold numbers become visible in their order.
    """
    statement = store.update().where(store.c.id == 1).values(fold=store.c.fold + 1).returning(store.c.fold)
    return int(connection.execute(statement).scalar_one())


def _by_status_codes(
    touched: list[FoldedCampaign],
) -> Iterator[tuple[list[FoldedCampaign], Mapping[str, DeliveryStatus]]]:
    """Give the campaigns whose status codes mean the same, and what they mean."""
    for _, campaigns in groupby(sorted(touched, key=_codes_of), key=_codes_of):
        alike = list(campaigns)
        yield alike, status_codes(alike[0].status_codes)


def _codes_of(touched: FoldedCampaign) -> list[tuple[str, str]]:
    return sorted(touched.status_codes.items())


def _prove_accepted(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> None:
    """Take a report as proof that the service accepted its message."""
    reported = sa.select(report.c.message_id).where(of_this_fold, report.c.message_id.is_not(None))
    connection.execute(
        message.update()
        .where(
            message.c.id.in_(reported),
            sa.or_(message.c.state != MessageState.ACCEPTED, message.c.reason == ACCEPTED_BY_REPORT),
        )
        .values(state=MessageState.ACCEPTED, reason="", **new_revision())
    )


def _note_echoes(connection: sa.Connection, campaign_ids: list[int], of_this_fold: sa.ColumnElement[bool]) -> None:
    """Take a report as proof that the service accepted the request that it echoes."""
    told = sa.select(report.c.campaign_reference).where(of_this_fold).distinct().subquery()
    # No condition more: PostgreSQL, which takes a fold for a few reports, would look all of them through for each
    # request that it leaves.
    echoed = sa.select(request.c.id, request.c.campaign_id, request.c.state, request.c.echoed_at).join(
        told, told.c.campaign_reference == request.c.reference
    )
    locked = set(campaign_ids)
    rows = [row for row in connection.execute(echoed) if row.campaign_id in locked]
    first_time = [(row.id,) for row in rows if row.echoed_at is None]
    if first_time:
        dialect = connection.dialect.name
        parameter = rows_as_json(dialect, _REQUESTS, first_time)
        connection.execute(_mark_as_echoed(dialect), parameter | {"now": datetime.now(UTC)})
    # Only where no reply was read: one that is awaited still, or that named some recipients only, tells more.
    unanswered = [row.id for row in rows if row.state == "in_doubt"]
    if unanswered:
        connection.execute(
            message.update()
            .where(IS_OF_REQUEST, request.c.id.in_(unanswered), message.c.state == MessageState.IN_DOUBT)
            .values(state=MessageState.ACCEPTED, reason=ACCEPTED_BY_REPORT, **new_revision())
        )


@cache
def _mark_as_echoed(dialect: str) -> sa.Update:
    first_time = rows_from_json(dialect, _REQUESTS)
    now = sa.bindparam("now", type_=request.c.echoed_at.type)
    return request.update().where(request.c.id == first_time.c.id).values(echoed_at=now)


def _learn_api_message_ids(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> None:
    told = (
        sa.select(report.c.message_id, sa.func.min(report.c.api_message_id).label("api_message_id"))
        .where(of_this_fold, report.c.message_id.is_not(None), report.c.api_message_id != "")
        .group_by(report.c.message_id)
        .subquery()
    )
    connection.execute(
        message.update()
        .where(message.c.id == told.c.message_id, message.c.api_message_id.is_(None))
        .values(api_message_id=told.c.api_message_id, **new_revision())
    )


@dataclass(frozen=True, slots=True)
class FoldedCampaign:
    """A campaign that reports of a fold are about.

    :param status_codes: its overrides of the status codes.
    :param is_proof_due: whether a message may not be known as accepted yet, although it was reported on.
    :param is_id_due: whether a message may not have its id yet, although a report names it.
    :param has_several_channels: whether a message may have been reported on by several channels, now or before.
    """

    campaign_id: int
    status_codes: Mapping[str, str]
    is_proof_due: bool
    is_id_due: bool
    has_several_channels: bool


def folded_campaigns(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> list[FoldedCampaign]:
    """Return the campaigns of a fold in the order of their numbers.

    One pass over the messages here spares a pass for each step that has nothing to do, which is most of them: an
    accepted message stays accepted and keeps its id, so what is not due now will not be either.
    """
    channels_apart = _has_messages_with_channels_apart(connection, of_this_fold)
    first, last = sa.func.min(report.c.service), sa.func.max(report.c.service)
    by_campaign = (
        sa.select(
            message.c.campaign_id,
            _any(sa.or_(message.c.state != MessageState.ACCEPTED, message.c.reason == ACCEPTED_BY_REPORT)).label("proof"),
            _any(sa.and_(message.c.api_message_id.is_(None), report.c.api_message_id != "")).label("id"),
            _any(sa.and_(message.c.delivery_rank >= 0, message.c.delivery_channel != report.c.service)).label("other"),
            sa.case((first != last, 1), else_=0).label("several"),
        )
        .join(report, report.c.message_id == message.c.id)
        .where(of_this_fold)
        .group_by(message.c.campaign_id)
        .subquery()
    )
    campaigns = (
        sa.select(by_campaign, campaign.c.status_codes)
        .join(campaign, campaign.c.id == by_campaign.c.campaign_id)
        .order_by(campaign.c.id)
    )
    return [
        FoldedCampaign(
            row.campaign_id,
            row.status_codes,
            bool(row.proof),
            bool(row.id),
            channels_apart or bool(row.other or row.several),
        )
        for row in connection.execute(campaigns)
    ]


def _any(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    return sa.func.max(sa.case((condition, 1), else_=0))


def _has_messages_with_channels_apart(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> bool:
    apart = (
        sa.select(message_channel.c.message_id)
        .join(report, report.c.message_id == message_channel.c.message_id)
        .where(of_this_fold)
    )
    return connection.execute(apart.limit(1)).first() is not None


_NAMES_REQUEST = (
    request.c.reference == report.c.campaign_reference,
    sa.and_(request.c.api_campaign_id == report.c.api_campaign_id, report.c.api_campaign_id != ""),
)


# Of a report, a request and a message.
IS_NAMED_BY_IDS = sa.and_(
    sa.or_(*_NAMES_REQUEST),
    IS_OF_REQUEST,
    message.c.api_message_id == report.c.api_message_id,
    report.c.api_message_id != "",
)


def name_requests(connection: sa.Connection, reports: sa.ColumnElement[bool]) -> bool:
    """Tell whether some of these reports name a request of the store.

    To be asked first: reports on what others send from the same account would else be looked for among all messages.
    """
    # Counted, and asked report by report: a database that expects to come upon one soon, or begins with the requests,
    # reads reports that are not meant, or reads all of them once for each request.
    named = [sa.exists(sa.select(request.c.id).where(names_one).correlate(report)) for names_one in _NAMES_REQUEST]
    count = sa.select(sa.func.count()).select_from(report)
    return any(connection.execute(count.where(reports, is_named)).scalar_one() for is_named in named)
