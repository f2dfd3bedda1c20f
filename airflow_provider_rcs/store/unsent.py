"""What becomes of messages that turn out not to have been sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.cancellations import reason_if_cancelled
from airflow_provider_rcs.store.hashed_messages import ERASED_UNSENT, IS_HASHED


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
