"""The arguments of a send, as people write them in a DAG, a notebook or a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_provider_rcs.api.accounts import read_min_credits
from airflow_provider_rcs.api.models import FrequencyCap, QuietHours
from airflow_provider_rcs.api.texts import text_of
from airflow_provider_rcs.recipients.selection import read_selection
from airflow_provider_rcs.sending.settings import DEFAULT_MAX_IN_FLIGHT, SendSettings, read_quiet_hours, read_send_at


@dataclass(frozen=True, slots=True, kw_only=True)
class SendArguments:
    """What is sent, and how, with the names and defaults of the sending operators, which describe each argument.

    See :class:`~airflow_provider_rcs.operators.sending.RcsSendingOperator`.
    """

    template_id: str
    campaign: str
    phone_column: str = "phone"
    name_column: str | None = "name"
    reference_column: str | None = None
    variables: Mapping[str, str] | None = None
    constants: Mapping[str, Any] | None = None
    default_region: str | None = None
    region_column: str | None = None
    phone_format: str | None = None
    mobile_only: bool = True
    agent: str | None = None
    send_at: datetime | str | None = None
    timezone: str | None = None
    quiet_hours: Sequence[QuietHours | Mapping[str, Any]] | None = None
    request_reports: bool = True
    batch_size: int | None = None
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT
    frequency_cap: FrequencyCap | None = None
    min_credits: float | str | None = None
    shard: str | None = None
    sample: float | str = 1.0
    on_invalid: str = "reject"
    on_in_doubt: str = "fail"
    scheduled_by: str = "service"
    approved_plan: str | None = None

    def settings(self, exclusions: str | None) -> SendSettings:
        """Return the checked settings.

        :param exclusions: what ``exclude_sql`` is, as :func:`~airflow_provider_rcs.sending.settings.describe_query`
            returns it.
        :raises RcsInputError: if an argument cannot be used; names it.
        """
        timezone = self._text_or_none("timezone")
        send_at = read_send_at(self.send_at, timezone)
        return SendSettings(
            template_id=text_of("template_id", self.template_id),
            campaign=text_of("campaign", self.campaign),
            phone_column=self.phone_column,
            name_column=self.name_column,
            reference_column=self.reference_column,
            variables=self.variables or {},
            constants=self.constants or {},
            default_region=self._text_or_none("default_region"),
            region_column=self.region_column,
            phone_format=self._text_or_none("phone_format"),
            mobile_only=self.mobile_only,
            agent=self._text_or_none("agent") or "",
            send_at=send_at,
            quiet_hours=read_quiet_hours(self.quiet_hours, timezone, send_at),
            request_reports=self.request_reports,
            batch_size=self.batch_size,
            max_in_flight=self.max_in_flight,
            frequency_cap=self.frequency_cap,
            exclusions=exclusions,
            min_credits=None if self.min_credits is None else read_min_credits(self.min_credits),
            selection=read_selection(self.shard, self.sample),
            on_invalid=self.on_invalid,
            on_in_doubt=self.on_in_doubt,
            scheduled_by=self.scheduled_by,
            approved_plan=self.approved_plan,
        )

    def _text_or_none(self, argument: str) -> str | None:
        value = getattr(self, argument)
        return text_of(argument, value) or None if value is not None else None
