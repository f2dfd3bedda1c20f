"""Operators that list campaigns, cancel them, and resolve their messages in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.masking import mask_text
from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.operators.maintenance.base import RcsMaintenanceOperator, who_decides
from airflow_provider_rcs.operators.maintenance.phones import delete_variable, phones_of_variable

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_rcs.store.campaign.cancellations import Cancellation


class RcsListCampaignsOperator(RcsMaintenanceOperator):
    """Log the campaigns of the store with their progress, like ``airflow-rcs campaigns``.

    Returns a list with the name and the counts of each campaign.

    :param rcs_conn_id: the connection whose status codes count for the campaigns of its account. (templated)
    """

    template_fields: Sequence[str] = ("rcs_conn_id", *RcsMaintenanceOperator.template_fields)

    def __init__(self, *, rcs_conn_id: str = DEFAULT_RCS_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rcs_conn_id = rcs_conn_id

    def maintain(self, engine: sa.Engine, context: Context) -> list[dict[str, Any]]:  # noqa: ARG002
        """List the campaigns, after folding new reports."""
        from airflow_provider_rcs.hooks.status_codes import outdated_warnings
        from airflow_provider_rcs.store.inbox.folding import fold_if_possible
        from airflow_provider_rcs.store.read import overview

        fold_if_possible(engine)
        progress = overview.read_progress(engine)
        self.log.info("%s", overview.progress_table(progress))
        for line in (*overview.scheduled_lines(engine), *overview.cancelled_lines(engine, _describe)):
            self.log.info("%s", line)
        outdated = outdated_warnings(engine, self.rcs_conn_id)
        for line in (*outdated, *overview.backlog_lines(engine, "the action 'refused' of rcs_maintenance")):
            self.log.warning("%s", line)
        if any(each.health.is_overdue for each in progress):
            self.log.warning("%s", overview.REPORTS_OVERDUE)
        return [each.as_counts() for each in progress]


class RcsCancelCampaignOperator(RcsMaintenanceOperator):
    """Cancel a campaign, so that nothing more is sent, like ``airflow-rcs cancel``.

    Planned messages are suppressed, and a task that is sending stops before its next request. What the service already
    has cannot be recalled, and a cancelled campaign cannot be resumed. Returns ``{"campaign": ..., "not_sent": ...,
    "handed_over": ...}``.

    :param campaign: the campaign's name. (templated)
    :param reason: why; recorded with each message, so it must not hold personal data. (templated)
    :param decided_by: who cancels it; by default the user who triggered the run.
    """

    template_fields: Sequence[str] = ("campaign", "reason", *RcsMaintenanceOperator.template_fields)

    def __init__(self, *, campaign: str, reason: str, decided_by: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.campaign = campaign
        self.reason = reason
        self.decided_by = decided_by

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, Any]:
        """Cancel the campaign."""
        from airflow_provider_rcs.store.campaign.cancellations import Cancellation
        from airflow_provider_rcs.store.maintenance.decisions import cancel_campaign

        name = text_of("campaign", self.campaign)
        decided_by, reason = who_decides(context, self.decided_by), text_of("reason", self.reason)
        cancellation = Cancellation(decided_by, reason, datetime.now(UTC))
        cancelled = cancel_campaign(engine, name, cancellation)
        if cancelled.cancellation != cancellation:
            self.log.warning("It was already %s.", _describe(cancelled.cancellation))
        self.log.info("Campaign %s is cancelled. Planned messages that are not sent: %d.", name, cancelled.not_sent)
        if cancelled.handed_over:
            self.log.warning(
                "Messages that the service has, and that cannot be recalled: %d. Those that it has not sent yet can "
                "perhaps be stopped in its panel.",
                cancelled.handed_over,
            )
        return {"campaign": name, "not_sent": cancelled.not_sent, "handed_over": cancelled.handed_over}


class RcsListInDoubtOperator(RcsMaintenanceOperator):
    """Log the requests of a campaign whose messages are in doubt, like ``airflow-rcs resolve`` without ``--as``.

    Returns a list of ``{"request": ..., "in_doubt": ...}``.

    :param campaign: the campaign's name. (templated)
    """

    template_fields: Sequence[str] = ("campaign", *RcsMaintenanceOperator.template_fields)

    def __init__(self, *, campaign: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.campaign = campaign

    def maintain(self, engine: sa.Engine, context: Context) -> list[dict[str, Any]]:  # noqa: ARG002
        """List the requests, after folding new reports."""
        from airflow_provider_rcs.api.tables import aligned
        from airflow_provider_rcs.store.maintenance.decisions import doubts_of_campaign

        name = text_of("campaign", self.campaign)
        doubts = doubts_of_campaign(engine, name)
        rows = [(each.reference, f"{each.claimed_at:%Y-%m-%d %H:%M:%S}", each.in_doubt, each.reason) for each in doubts]
        table = aligned(["request", "sent (UTC)", "in doubt", "why"], rows) if rows else "nothing is in doubt."
        self.log.info("Campaign %s: %s", name, f"\n{table}" if rows else table)
        return [{"request": each.reference, "in_doubt": each.in_doubt} for each in doubts]


class RcsResolveOperator(RcsMaintenanceOperator):
    """Resolve messages in doubt, like ``airflow-rcs resolve``: all of a campaign, of one request, or of some phones.

    Returns ``{"campaign": ..., "resolved": ...}``.

    :param campaign: the campaign's name. (templated)
    :param outcome: ``"accepted"``, or ``"not_sent"``, which plans the messages again, so that the next attempt sends
        them: be certain that they were not sent. (templated)
    :param reason: why, such as what was seen in the service's panel. (templated)
    :param request: only the messages of the request with this reference. (templated)
    :param phones_variable: only the messages to the phones in this Airflow variable, which is deleted afterwards.
        (templated)
    :param decided_by: who decides; by default the user who triggered the run.
    """

    template_fields: Sequence[str] = (
        "campaign",
        "outcome",
        "reason",
        "request",
        "phones_variable",
        *RcsMaintenanceOperator.template_fields,
    )

    def __init__(
        self,
        *,
        campaign: str,
        outcome: str,
        reason: str,
        request: str = "",
        phones_variable: str = "",
        decided_by: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.campaign = campaign
        self.outcome = outcome
        self.reason = reason
        self.request = request
        self.phones_variable = phones_variable
        self.decided_by = decided_by

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, Any]:
        """Resolve the messages."""
        from airflow_provider_rcs.sending.sources.phone_lists import read_one_phone
        from airflow_provider_rcs.store.maintenance.decisions import resolve_doubts
        from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict

        if self.outcome not in list(Verdict):
            raise RcsInputError("outcome", f"{self.outcome!r} is no outcome", "Use accepted or not_sent.")
        if self.request and self.phones_variable:
            raise RcsInputError("request", "it cannot be combined with phones_variable", "Give one of the two.")
        name, reason = text_of("campaign", self.campaign), text_of("reason", self.reason)
        resolution = Resolution(Verdict(self.outcome), who_decides(context, self.decided_by), reason)
        if self.phones_variable:
            given = phones_of_variable(self.phones_variable)
            phones = [read_one_phone("phones_variable", each, None) for each in given]
            resolved = sum(resolve_doubts(engine, name, resolution, phone=phone) for phone in phones)
            delete_variable(self.phones_variable)
        else:
            resolved = resolve_doubts(engine, name, resolution, request=self.request or "")
        self.log.info("Campaign %s: messages resolved: %d, as %s.", name, resolved, self.outcome)
        if resolved and resolution.verdict is Verdict.NOT_SENT:
            self.log.info("Clear the sending task: they are planned again, unless erased or cancelled.")
        return {"campaign": name, "resolved": resolved}


class RcsAllowCredentialsOperator(RcsMaintenanceOperator):
    """Allow a campaign to use credentials that the service refused, like ``airflow-rcs resolve --credentials-fixed``.

    For an account that was fixed at the service; corrected credentials need nothing. Returns
    ``{"campaign": ..., "cleared": ...}``.

    :param campaign: the campaign's name. (templated)
    """

    template_fields: Sequence[str] = ("campaign", *RcsMaintenanceOperator.template_fields)

    def __init__(self, *, campaign: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.campaign = campaign

    def maintain(self, engine: sa.Engine, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Delete the refusals of the campaign."""
        from airflow_provider_rcs.store.outbox.refused_credentials import forget_refusals

        name = text_of("campaign", self.campaign)
        cleared = forget_refusals(engine, name)
        self.log.info("Campaign %s: rejections of credentials cleared: %d.", name, cleared)
        return {"campaign": name, "cleared": cleared}


def _describe(cancellation: Cancellation) -> str:
    """Return a cancellation for a log: its reason, which a person wrote freely, and the person are not shown."""
    return f"cancelled by {mask_text(cancellation.decided_by)}, {cancellation.decided_at:%Y-%m-%d %H:%M} UTC"
