"""Folding: landed reports become the latest status of their messages, and the proof that these were accepted.

Any order and any repetition of the same reports ends in the same status; ``store.latest_status`` tells which.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState, status_codes
from airflow_provider_rcs.store.campaigns import lock_campaign
from airflow_provider_rcs.store.claims import ACCEPTED_BY_ECHO
from airflow_provider_rcs.store.engine import transaction
from airflow_provider_rcs.store.hashed_reports import take_persons_out
from airflow_provider_rcs.store.latest_status import update_statuses
from airflow_provider_rcs.store.tables import campaign, message, report, request, store

_REPORTS_A_FOLD = 50_000


def fold(engine: sa.Engine) -> int:
    """Fold all reports that have landed and were not folded yet.

    One process folds at a time; another one that asks waits for it. A report whose message is not known is parked.

    :return: the number of reports taken up.
    """
    total = 0
    while folded := _fold_some(engine):
        total += folded
    return total


def fold_parked(engine: sa.Engine) -> int:
    """Fold all reports, those too that were parked and whose message has become known since.

    :return: the number of reports taken up.
    """
    with transaction(engine) as connection:
        lock_folding(connection)
        connection.execute(
            report.update()
            .where(
                report.c.fold.is_not(None),
                report.c.message_id.is_(None),
                report.c.api_message_id != "",
                sa.exists().where(message.c.api_message_id == report.c.api_message_id),
            )
            .values(fold=None)
        )
    return fold(engine)


def _fold_some(engine: sa.Engine) -> int:
    with transaction(engine) as connection:
        fold_number = lock_folding(connection)
        landed = sa.select(report.c.id).where(report.c.fold.is_(None)).order_by(report.c.id).limit(_REPORTS_A_FOLD)
        taken = connection.execute(
            report.update()
            .where(report.c.id.in_(landed))
            .values(fold=fold_number, message_id=sa.func.coalesce(_message_by_reference(), _message_by_api_id()))
        ).rowcount
        of_this_fold = report.c.fold == fold_number
        take_persons_out(connection, of_this_fold)
        for row in connection.execute(_campaigns_touched(of_this_fold)):
            revision = lock_campaign(connection, row.id)
            _prove_accepted(connection, row.id, revision, of_this_fold)
            _learn_api_message_ids(connection, row.id, revision, of_this_fold)
            update_statuses(connection, row.id, revision, status_codes(row.status_codes), of_this_fold)
    return taken


def lock_folding(connection: sa.Connection) -> int:
    """Take the folds' lock until the transaction ends, and return the number of the fold that it makes.

    Taken before any campaign's lock. Whatever changes folded reports does it under this lock and gives them the number;
    so fold numbers become visible in their order.
    """
    statement = store.update().where(store.c.id == 1).values(fold=store.c.fold + 1).returning(store.c.fold)
    return int(connection.execute(statement).scalar_one())


def _message_by_reference() -> sa.ScalarSelect[Any]:
    return (
        sa.select(message.c.id)
        .join(request, request.c.campaign_id == message.c.campaign_id)
        .where(request.c.reference == report.c.campaign_reference, message.c.recipient_key == report.c.phone)
        .correlate(report)
        .scalar_subquery()
    )


def _message_by_api_id() -> sa.ScalarSelect[Any]:
    return (
        sa.select(sa.func.min(message.c.id))
        .where(message.c.api_message_id == report.c.api_message_id, report.c.api_message_id != "")
        .correlate(report)
        .scalar_subquery()
    )


def _campaigns_touched(of_this_fold: sa.ColumnElement[bool]) -> sa.Select[Any]:
    # In the order of their numbers, so that two processes never wait for each other's campaign crosswise.
    touched = sa.select(message.c.campaign_id).join(report, report.c.message_id == message.c.id).where(of_this_fold)
    return sa.select(campaign.c.id, campaign.c.status_codes).where(campaign.c.id.in_(touched)).order_by(campaign.c.id)


def _prove_accepted(
    connection: sa.Connection, campaign_id: int, revision: int, of_this_fold: sa.ColumnElement[bool]
) -> None:
    """Take a report as proof that the service accepted its message, and the rest of the request that it echoes."""
    now = datetime.now(UTC)
    accepted = {"state": MessageState.ACCEPTED, "revision": revision, "updated_at": now}
    reported = sa.select(report.c.message_id).where(of_this_fold, report.c.message_id.is_not(None))
    connection.execute(
        message.update()
        .where(
            message.c.campaign_id == campaign_id,
            message.c.id.in_(reported),
            sa.or_(message.c.state != MessageState.ACCEPTED, message.c.reason == ACCEPTED_BY_ECHO),
        )
        .values(reason="", **accepted)
    )
    references = sa.select(report.c.campaign_reference).where(of_this_fold)
    connection.execute(
        request.update()
        .where(
            request.c.campaign_id == campaign_id,
            request.c.reference.in_(references),
            request.c.echoed_at.is_(None),
        )
        .values(echoed_at=now)
    )
    # Only where no reply was read: one that is awaited still, or that named some recipients only, tells more.
    unanswered = sa.select(request.c.id).where(
        request.c.campaign_id == campaign_id, request.c.reference.in_(references), request.c.state == "in_doubt"
    )
    connection.execute(
        message.update()
        .where(message.c.request_id.in_(unanswered), message.c.state == MessageState.IN_DOUBT)
        .values(reason=ACCEPTED_BY_ECHO, **accepted)
    )


def _learn_api_message_ids(
    connection: sa.Connection, campaign_id: int, revision: int, of_this_fold: sa.ColumnElement[bool]
) -> None:
    told = (
        sa.select(report.c.message_id, sa.func.min(report.c.api_message_id).label("api_message_id"))
        .where(of_this_fold, report.c.message_id.is_not(None), report.c.api_message_id != "")
        .group_by(report.c.message_id)
        .subquery()
    )
    connection.execute(
        message.update()
        .where(
            message.c.id == told.c.message_id,
            message.c.campaign_id == campaign_id,
            message.c.api_message_id.is_(None),
        )
        .values(api_message_id=told.c.api_message_id, revision=revision, updated_at=datetime.now(UTC))
    )
