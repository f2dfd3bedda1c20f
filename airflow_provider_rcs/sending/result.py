"""The result of an attempt at a campaign: its counts and the next step, or the error that says what is left to do."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import (
    RcsError,
    RcsInDoubtError,
    RcsOutcomeUnknown,
    RcsStoppedError,
    RcsTaskStoppedError,
)
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.sending.progress import Progress
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import Campaign, resolve_command
from airflow_provider_rcs.store.inbox.folding import fold_if_possible, fold_parked
from airflow_provider_rcs.store.outbox.attempts import Attempt, count_shard_states
from airflow_provider_rcs.store.outbox.settlement import api_campaign_ids
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel

# Reports that came before the reply to their request are parked until it is recorded. Older ones are on messages that
# others send from the same account, or wait for a load or a refold, which look at all of them.
_PARKED_SINCE = timedelta(days=1)

log = logging.getLogger(__name__)


def conclude(
    engine: sa.Engine, attempt: Attempt, settings: SendSettings, progress: Progress, stopped_by: RcsError | None
) -> dict[str, Any]:
    """Return the result of a send that was not stopped and left no messages in doubt.

    :param progress: what the attempt has sent.
    :param stopped_by: the error that stopped it, or ``None``.
    :raises RcsInDoubtError: if messages of the attempt's shard are in doubt and ``on_in_doubt`` is ``"fail"``.
    :raises RcsStoppedError: if replies that were lost one after another stopped it.
    :raises RcsError: another error that stopped it.
    """
    if isinstance(stopped_by, RcsTaskStoppedError):
        raise stopped_by  # At once: there is no time left to count what it says already.
    fold_if_possible(engine, partial(fold_parked, since=datetime.now(UTC) - _PARKED_SINCE))
    funnel = require_funnel(engine, attempt.campaign.name)
    log.info("Campaign %s: %s; %s.", attempt.campaign.name, describe_counts(funnel), progress.describe_end())
    _require_settled(funnel, _own_states(engine, attempt, funnel), settings, stopped_by)
    if steps := _next_steps(funnel, settings):
        log.info("Campaign %s, next: %s.", attempt.campaign.name, "; ".join(steps))
    return task_result(engine, attempt.campaign, funnel)


def task_result(engine: sa.Engine, campaign: Campaign, funnel: Funnel) -> dict[str, Any]:
    """Return a campaign's name, its counts and the ids that the service gave, as plain values for XCom."""
    return {
        "campaign": campaign.name,
        **funnel.as_dict(),
        "api_campaign_ids": api_campaign_ids(engine, campaign.id),
    }


def require_funnel(engine: sa.Engine, campaign: str) -> Funnel:
    """Return the funnel of a campaign that exists."""
    funnel = read_funnel(engine, campaign)
    if funnel is None:
        raise LookupError(campaign)
    return funnel


def describe_counts(funnel: Funnel) -> str:
    """Return the counts as a text, such as ``3 requested, 2 accepted, 1 rejected``."""
    return ", ".join(
        [f"{funnel.requested:,} requested", *(f"{count:,} {state}" for state, count in funnel.states.items() if count)]
    )


def _next_steps(funnel: Funnel, settings: SendSettings) -> list[str]:
    """Return what a person may do after a send that has ended well."""
    steps = []
    if funnel.states[MessageState.ACCEPTED] and settings.request_reports:
        steps.append(f"wait for the reports with RcsCampaignSensor(campaign={settings.campaign!r})")
    if reasons := funnel.reasons.get(MessageState.REJECTED):
        reason, count = max(reasons.items(), key=itemgetter(1))
        steps.append(f"see the reasons of what was rejected in the result, most often: {reason} ({count:,})")
    if funnel.states[MessageState.IN_DOUBT]:
        steps.append(f"list what is in doubt with {resolve_command(settings.campaign)}")
    return steps


def _own_states(engine: sa.Engine, attempt: Attempt, funnel: Funnel) -> Mapping[MessageState, int]:
    """Return the counts of the attempt's own shard; those of the campaign where no part of it can be unsettled."""
    if funnel.states[MessageState.PLANNED] or funnel.states[MessageState.IN_DOUBT]:
        return count_shard_states(engine, attempt)
    return funnel.states


def _require_settled(
    funnel: Funnel, own: Mapping[MessageState, int], settings: SendSettings, stopped_by: RcsError | None
) -> None:
    """Raise an error if messages of the attempt's own shard are not settled; other shards' attempts raise their own."""
    planned, in_doubt = own[MessageState.PLANNED], own[MessageState.IN_DOUBT]
    of_shard = f" of shard {settings.selection.shard_name}" if settings.selection.is_shard else ""
    if stopped_by is not None:
        left = f"{planned}{of_shard} are left for a retry"
        stopped = f"Campaign {settings.campaign!r} stopped: {describe_counts(funnel)}; {left}."
        if isinstance(stopped_by, RcsOutcomeUnknown):
            # The call whose reply was lost must not be repeated, but a retry can send the rest of the campaign.
            raise RcsStoppedError(f"{stopped} {RcsStoppedError.remedy} The last reply was lost: {stopped_by}")
        stopped_by.add_note(stopped)
        raise stopped_by
    if planned:
        log.warning(
            "Campaign %s: %d recipients are still planned: they are not on this list, or another task sends to them.",
            settings.campaign,
            planned,
        )
    if in_doubt and settings.on_in_doubt == "fail":
        raise RcsInDoubtError(
            f"campaign {settings.campaign!r}: {in_doubt} messages{of_shard} are in doubt and are not sent again "
            f"({describe_counts(funnel)}). Delivery reports settle them: retry when reports have come, "
            f"or resolve them by hand: {resolve_command(settings.campaign)}"
        )
    if in_doubt:
        log.warning(
            "Campaign %s: %d messages%s are in doubt; a sensor waits for their reports.",
            settings.campaign,
            in_doubt,
            of_shard,
        )
