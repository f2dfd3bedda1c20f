"""What a fold touches: the campaigns that its reports are about, and which of the steps of folding they call for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.claims import ACCEPTED_BY_ECHO
from airflow_provider_rcs.store.tables import campaign, message, message_channel, report


@dataclass(frozen=True, slots=True)
class Touched:
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


def touched_campaigns(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> list[Touched]:
    """Return the campaigns of a fold in the order of their numbers.

    One pass over the messages here spares a pass for each step that has nothing to do, which is most of them: an
    accepted message stays accepted and keeps its id, so what is not due now will not be either.
    """
    channels_apart = _has_messages_with_channels_apart(connection, of_this_fold)
    first, last = sa.func.min(report.c.service), sa.func.max(report.c.service)
    by_campaign = (
        sa.select(
            message.c.campaign_id,
            _any(sa.or_(message.c.state != MessageState.ACCEPTED, message.c.reason == ACCEPTED_BY_ECHO)).label("proof"),
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
        Touched(
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
