"""The values that the parts of the provider exchange."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE, read_timezone, require_expressible, service_time_ahead
from airflow_provider_rcs.api.errors import RcsInputError, RcsRefusedError
from airflow_provider_rcs.api.statuses import MessageState

# A message that is due in quiet hours goes out at their end, so within a day.
_DAYS_OF_A_CAMPAIGN = timedelta(days=2)
_A_YEAR = timedelta(days=366)
_ANY_DAY = date(2000, 1, 2)
_CAP_REMEDY = "Use, for example, FrequencyCap(at_most=2, within=timedelta(days=7))."

# Recipient, Outcome and Report are named tuples because a campaign makes one for each recipient, and making a frozen
# dataclass takes three times as long.


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily period in which the service must not send; it may cross midnight.

    :param start: first minute of the period.
    :param end: first minute after the period; before ``start`` means the next day.
    :param action: what the service does with a message that is due in the period. The values are undocumented, so they
        are passed through (assumed default: 1).
    :param timezone: the time zone of ``start`` and ``end``, such as ``"Atlantic/Canary"``; ``None`` for Spain's, which
        the service uses. Other times are converted.
    :raises ValueError: if ``start`` equals ``end``, or if one of them has seconds or a time zone of its own.
    :raises RcsInputError: if no time zone has the name.
    """

    start: time
    end: time
    action: int = 1
    timezone: str | None = None

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment.tzinfo is not None or moment.second or moment.microsecond:
                raise ValueError(f"quiet_hours: {name} is {moment}, and must be a plain minute of the day")
        if self.start == self.end:
            raise ValueError(f"quiet_hours: start and end are both {self.start:%H:%M}, which leaves no time to send")
        if self.timezone is not None:
            read_timezone(self.timezone, "quiet_hours: timezone")

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def in_service_time(self, send_at: datetime | None) -> QuietHours:
        """Return the period in Spain's time, without a time zone.

        :param send_at: the date at which messages go out; ``None`` for at once, which is any time of the year.
        :raises RcsInputError: if the clocks of the two zones differ by more at one time than at another, in the days
            after ``send_at`` or, without it, in the coming year.
        """
        if self.timezone is None:
            return self
        first = datetime.now(UTC) if send_at is None else send_at
        last = first + (_A_YEAR if send_at is None else _DAYS_OF_A_CAMPAIGN)
        ahead = service_time_ahead(read_timezone(self.timezone), first, last)
        if ahead is None:
            when, remedy = "in the coming year", "Write the period in Spain's time, without timezone, or give send_at."
            if send_at is not None:
                when, remedy = f"in the days after {send_at:%Y-%m-%d}", "Write the period in Spain's time."
            raise RcsInputError(
                "quiet_hours",
                f"{self} in {self.timezone} is not always the same time in Spain {when}: clocks change on other dates",
                remedy,
            )
        return QuietHours(_later(self.start, ahead), _later(self.end, ahead), self.action)

    def includes(self, moment: datetime) -> bool:
        """Return whether a moment is in the period, which must be in Spain's time."""
        now = moment.astimezone(SERVICE_TIMEZONE).time().replace(second=0, microsecond=0)
        if self.start < self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """How often a phone may be messaged, over all campaigns of the store.

    :param at_most: the maximum number of messages.
    :param within: messages that go out less than this before or after the campaign's messages are counted, by the
        dates at which they go out (``send_at``), not at which they were handed to the service.
    :raises RcsInputError: if ``at_most`` is below 1, or ``within`` is not a positive ``timedelta``.
    """

    at_most: int
    within: timedelta

    def __post_init__(self) -> None:
        if isinstance(self.at_most, bool) or not isinstance(self.at_most, int) or self.at_most < 1:
            raise RcsInputError("frequency_cap", f"at_most={self.at_most!r} is not a number of messages", _CAP_REMEDY)
        if not isinstance(self.within, timedelta) or self.within <= timedelta(0):
            raise RcsInputError("frequency_cap", f"within={self.within!r} is not a positive timedelta", _CAP_REMEDY)

    @property
    def reason(self) -> str:
        """The reason recorded with a message that the cap suppresses."""
        hours = self.within / timedelta(hours=1)
        period = f"{self.within.days} days" if hours % 24 == 0 else f"{hours:g} hours"
        return f"frequency cap: at most {self.at_most} within {period}"


def shards(count: int) -> list[str]:
    """Return the names of the shards of a list, one for each task: ``shards(2)`` returns ``["1/2", "2/2"]``.

    Used as in ``SqlToRcsOperator.partial(...).expand(shard=shards(4))``.

    :raises RcsInputError: if the count is not a whole number of 1 or more.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise RcsInputError(
            "shards", f"{count!r} is not a whole number of 1 or more", "Write shards(4) for four shards."
        )
    return [f"{number}/{count}" for number in range(1, count + 1)]


@dataclass(frozen=True, slots=True)
class TemplateVariable:
    """A variable of a template, which writes it as ``###Name###``.

    :param name: the variable's name, as the service spells it.
    :param type: its type, as the service names it; known are ``DESTINATARIO`` and ``TEXTO`` (sure).
    :param filled_by_service: whether the service fills it from the recipient.
    """

    name: str
    type: str
    filled_by_service: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A message template of the account, with its variables."""

    id: str
    name: str
    variables: tuple[TemplateVariable, ...] = ()

    @property
    def required_variables(self) -> tuple[str, ...]:
        """The names of the variables for which the sender must supply values."""
        return tuple(variable.name for variable in self.variables if not variable.filled_by_service)

    def taken_from_recipient(self, given: Collection[str]) -> tuple[str, ...]:
        """Return the names of the variables that the service fills from the recipient, without those that are given.

        :param given: the variables for which the sender supplies values.
        """
        filled = [variable.name for variable in self.variables if variable.filled_by_service]
        return tuple(name for name in filled if name not in given)


class Recipient(NamedTuple):
    """A recipient of a campaign who can be messaged.

    :param phone: in E.164, such as ``+34600000001``.
    :param name: the recipient's name, or empty.
    :param reference: the sender's own reference of the recipient, which comes back in reports; empty for none.
    :param variables: template variable -> value.
    """

    phone: str
    name: str = ""
    reference: str = ""
    variables: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One call that sends a template to a batch of recipients.

    :param template_id: the template to send.
    :param recipients: its recipients, without repeated phones.
    :param campaign_reference: the reference of this request, which comes back in its reports.
    :param agent: the RCS agent to send as; empty for the account's only agent.
    :param send_at: when the service sends, with a time zone; ``None`` for now.
    :param quiet_hours: daily periods in which the service must not send.
    :param request_reports: whether the service is asked to push delivery reports.
    :raises RcsInputError: if the service's dates cannot express ``send_at``, or its times ``quiet_hours``.
    """

    template_id: str
    recipients: Sequence[Recipient]
    campaign_reference: str
    agent: str = ""
    send_at: datetime | None = None
    quiet_hours: tuple[QuietHours, ...] = ()
    request_reports: bool = True

    def __post_init__(self) -> None:
        if self.send_at is not None:
            require_expressible("send_at", self.send_at)
        for hours in self.quiet_hours:
            hours.in_service_time(self.send_at)


def _later(moment: time, by: timedelta) -> time:
    """Return a time of day that is later by some time, modulo a day."""
    return (datetime.combine(_ANY_DAY, moment) + by).time()


@dataclass(frozen=True, slots=True)
class SendResult:
    """The service's reply to a send request.

    :param messages: the number of messages sent, by the reply's result.
    :param api_campaign_id: the service's id of the send, which comes back in reports; empty if the reply has none.
    :param accepted: phone -> the service's message id, if the reply lists the accepted recipients.
    :param rejected: phones of the recipients that were not sent to, if the reply lists them.
    :param accepted_count: number of accepted recipients, if the reply has it in place of the list; 0 for an empty list,
        ``None`` if it has neither.
    :param rejected_count: likewise of the recipients that were not sent to.
    :param duplicates: number of recipients left out as duplicates.
    :param is_unclear: whether a part of the reply cannot be read, or contradicts another part.
    :param refused: the refusal of the request, if the reply refuses it and yet says something of its recipients.
    """

    messages: int
    api_campaign_id: str = ""
    accepted: Mapping[str, str] = field(default_factory=dict)
    rejected: frozenset[str] = frozenset()
    accepted_count: int | None = None
    rejected_count: int | None = None
    duplicates: int = 0
    is_unclear: bool = False
    refused: RcsRefusedError | None = None


class Outcome(NamedTuple):
    """The outcome of a request for one of its recipients, as far as the reply proves it.

    :param state: ``planned`` for a recipient who was not sent to because the service refused the request.
    """

    phone: str
    state: MessageState
    api_message_id: str = ""
    reason: str = ""


class Report(NamedTuple):
    """A pushed delivery report: one change of one message's status.

    :param status_code: the code as received; its meaning is decided when the report is folded.
    :param phone: the recipient's phone in E.164; what is no phone as received, or empty.
    :param campaign_reference: the reference of the request.
    :param message_reference: the sender's own reference of the recipient.
    :param service: the account's service that sent the message, such as ``RCS``.
    :param agent: the agent that sent the message.
    :param reported_at: when the status changed, in UTC; ``None`` if the date cannot be read.
    :param reported_at_text: the date as received.
    :param api_campaign_id: the service's id of the send.
    :param api_message_id: the service's id of the message.
    :param extra: fields that the document does not name, as text.
    """

    status_code: str
    phone: str = ""
    campaign_reference: str = ""
    message_reference: str = ""
    service: str = ""
    agent: str = ""
    reported_at: datetime | None = None
    reported_at_text: str = ""
    api_campaign_id: str = ""
    api_message_id: str = ""
    extra: Mapping[str, str] = {}


class InboundMessage(NamedTuple):
    """A message that a person sent to the account, such as the reply ``BAJA`` to a campaign (public).

    :param phone: the person's phone in E.164; what is no phone as received, or empty.
    :param text: what the person wrote.
    :param sent_at: when the person wrote it, in UTC; ``None`` if the date cannot be read.
    :param sent_at_text: the date as received.
    :param sender: the sender or agent that the person replied to, as received.
    :param service: the service that received it, such as ``SMSRECIBIDO``.
    :param message_reference: the sender's own reference of the recipient that the person is, if the service gives it.
    :param api_message_id: the service's id of the message that the person replied to.
    :param api_inbound_id: the service's id of this message.
    :param extra: other fields, as text.
    """

    phone: str
    text: str = ""
    sent_at: datetime | None = None
    sent_at_text: str = ""
    sender: str = ""
    service: str = ""
    message_reference: str = ""
    api_message_id: str = ""
    api_inbound_id: str = ""
    extra: Mapping[str, str] = {}


class ParsedBody(NamedTuple):
    """What a pushed body holds.

    :param reports: the delivery reports that were understood.
    :param inbound: the messages of people that were understood.
    :param problem: what is wrong with the rest, without quoting it; empty if nothing is.
    """

    reports: Sequence[Report] = ()
    inbound: Sequence[InboundMessage] = ()
    problem: str = ""
