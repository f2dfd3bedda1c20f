"""The dispatch of one scheduled campaign: its date is near, and whom its last list has planned are sent to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.garbage import earlier_objects_frozen
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.sending.attempting import attempt_at, send_planned
from airflow_provider_rcs.sending.campaign import exclude_phones
from airflow_provider_rcs.sending.conclusion import conclude, counts, told
from airflow_provider_rcs.sending.scheduling import settings_of
from airflow_provider_rcs.sending.service import Service
from airflow_provider_rcs.store.attempts import Attempt
from airflow_provider_rcs.store.claims import has_planned
from airflow_provider_rcs.store.schedules import Scheduled, planned_without, settle_schedule, take_over_list

log = logging.getLogger(__name__)

_HOW_TO_GO_ON = (
    "Cancel the campaign (airflow-rcs cancel), or send it at once: run its task again without send_at and scheduled_by."
)


@earlier_objects_frozen()
def dispatch_campaign(
    engine: sa.Engine,
    service: Service,
    look_up: Callable[[], Template],
    scheduled: Scheduled,
    *,
    made_by: str,
    lease: timedelta,
    excluded: Iterable[Sequence[object]] = (),
) -> dict[str, Any]:
    """Send a scheduled campaign as far as it can be sent, nobody twice, whatever earlier attempts have done of it.

    :param engine: the store.
    :param look_up: returns the template as the service has it now; is called if someone is to be sent to.
    :param scheduled: the campaign, and how it is to be sent.
    :param made_by: who sends, for people.
    :param lease: how long this attempt counts as alive without a sign of life.
    :param excluded: phones that must not be messaged, as they are written, some at a time.
    :return: the campaign's name and counts, and the ids that the service gave; no recipients.
    :raises RcsUnplannedError: if its list is not whole.
    :raises RcsInputError: if its date has passed, or its template has come to need what was not listed.
    :raises RcsRefusedError: one of its kinds, if the template cannot be looked up.
    :raises RcsCancelledError: if it was cancelled meanwhile.
    :raises RcsInDoubtError: if messages are in doubt and ``on_in_doubt`` is ``"fail"``.
    :raises RcsError: another one that made it stop; what was not sent then is planned still.
    """
    campaign, settings = scheduled.campaign, settings_of(scheduled)
    with attempt_at(engine, campaign, made_by, lease) as attempt:
        exclude_phones(engine, campaign, settings, excluded)
        take_over_list(engine, attempt, scheduled)
        if has_planned(engine, attempt):
            settings.require_date_to_come(_HOW_TO_GO_ON)
            _require_values(engine, attempt, look_up())
        funnel = counts(engine, campaign.name)
        log.info("Campaign %s is due at %s UTC: %s", campaign.name, f"{scheduled.due_at:%Y-%m-%d %H:%M}", told(funnel))
        stopped_by = send_planned(engine, attempt, settings, service, funnel.requested)
    sent = conclude(engine, attempt, settings, stopped_by)
    settle_schedule(engine, attempt)
    return sent


def _require_values(engine: sa.Engine, attempt: Attempt, template: Template) -> None:
    if missing := planned_without(engine, attempt, template.required_variables):
        values = ", ".join(f"{variable!r} ({count} of those planned have none)" for variable, count in missing.items())
        raise RcsInputError(
            "variables",
            f"template {template.id} needs values that were not listed: {values}; nobody was sent to",
            "Run the task again that listed them, with a column or a constant for it; the next dispatch sends it.",
        )
