"""What becomes of messages that turn out not to have been sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.cancellations import reason_if_cancelled
from airflow_provider_rcs.store.hashed_messages import ERASED_UNSENT, IS_HASHED
from airflow_provider_rcs.store.request_messages import IS_OF_REQUEST
from airflow_provider_rcs.store.tables import message, request


def when_not_sent(connection: sa.Connection, campaign_id: int) -> Mapping[str, Any]:
    """Return the state and the reason of messages of a campaign that are proven not to have been sent.

    They are planned again, unless they can be sent no more: their campaign was cancelled, or the person erased. To be
    asked under the campaign's lock.
    """
    if cancelled := reason_if_cancelled(connection, campaign_id):
        return {"state": MessageState.SUPPRESSED, "reason": cancelled}
    return {
        "state": sa.case((IS_HASHED, MessageState.SUPPRESSED), else_=MessageState.PLANNED),
        "reason": sa.case((IS_HASHED, ERASED_UNSENT), else_=""),
    }


def take_out_of_requests(
    connection: sa.Connection, campaign_id: int, request_ids: Sequence[int], revision: int
) -> None:
    """Give back the messages of requests of a campaign that are proven not to have been accepted.

    Also those that are taken for in doubt: the proof settles it. To be called under the campaign's lock.
    """
    not_sent = when_not_sent(connection, campaign_id)
    connection.execute(
        message.update()
        .where(
            IS_OF_REQUEST,
            request.c.id.in_(request_ids),
            message.c.state.in_((MessageState.SENDING, MessageState.IN_DOUBT)),
        )
        .values(request_id=None, revision=revision, updated_at=datetime.now(UTC), **not_sent)
    )
