"""What a person decides on a campaign, applied after all that is known by then: cancelling it, and resolving doubts."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import require_campaign
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, CancellationResult, cancel
from airflow_provider_rcs.store.inbox.folding import fold, fold_if_possible
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.resolutions import (
    RequestInDoubt,
    Resolution,
    requests_in_doubt,
    resolve_all,
    resolve_phone,
    resolve_request,
)


def cancel_campaign(engine: sa.Engine, name: str, cancellation: Cancellation) -> CancellationResult:
    """Cancel a campaign, after settling what its dead attempts left in flight: no later attempt will.

    :raises RcsInputError: if there is no such campaign.
    """
    campaign = require_campaign(engine, name)
    recover_dead_attempts(engine, campaign)
    fold_if_possible(engine)
    return cancel(engine, campaign, cancellation)


def doubts_of_campaign(engine: sa.Engine, name: str) -> Sequence[RequestInDoubt]:
    """Return the requests of a campaign that have messages in doubt, after folding new reports, the oldest first.

    :raises RcsInputError: if there is no such campaign.
    """
    campaign = require_campaign(engine, name)
    fold(engine)
    return requests_in_doubt(engine, campaign)


def resolve_doubts(engine: sa.Engine, name: str, resolution: Resolution, *, request: str = "", phone: str = "") -> int:
    """Resolve the messages of a campaign that are in doubt, and return their number.

    New reports are folded first: a message that they prove accepted must not be planned again by mistake.

    :param request: only those of the request with this reference.
    :param phone: only the one to this phone, in E.164.
    :raises RcsInputError: if there is no such campaign.
    """
    campaign = require_campaign(engine, name)
    fold(engine)
    if request:
        return resolve_request(engine, campaign, resolution, request)
    if phone:
        return resolve_phone(engine, campaign, resolution, phone)
    return resolve_all(engine, campaign, resolution)
