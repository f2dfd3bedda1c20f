"""The values that travel between the pieces: recipients, templates, requests, results and delivery reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import TYPE_CHECKING, NamedTuple, overload

from airflow_provider_rcs.api.dates import require_expressible
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.json_rows import VariableColumns, columns_of, part_of, rows_of
from airflow_provider_rcs.api.statuses import MessageState

if TYPE_CHECKING:
    pass
from datetime import timedelta

_CAP_REMEDY = "Use, for example, FrequencyCap(at_most=2, within=timedelta(days=7))."


class Recipient(NamedTuple):  # made by the million, at a third of what a frozen dataclass takes
    """One person of a campaign, ready to be sent to.

    :param phone: E.164 digits without the plus sign, such as ``34600000001``.
    :param name: the recipient's name, or empty.
    :param reference: the sender's own reference of the recipient; comes back in reports. Empty for none.
    :param variables: template variable -> its value for this recipient.
    """

    phone: str
    name: str = ""
    reference: str = ""
    variables: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Recipients(Sequence[Recipient]):
    """Recipients kept column by column, so that a request is written without an object for each of them."""

    phones: Sequence[str]
    names: Sequence[str]
    references: Sequence[str]
    variables: VariableColumns

    @classmethod
    def of(cls, recipients: Sequence[Recipient]) -> Recipients:
        """Return recipients by columns, whichever way they are kept."""
        if isinstance(recipients, cls):
            return recipients
        return recipients_of(*zip(*recipients, strict=True)) if recipients else cls((), (), (), {})

    def __len__(self) -> int:
        return len(self.phones)

    def __iter__(self) -> Iterator[Recipient]:
        return map(Recipient, self.phones, self.names, self.references, rows_of(self.variables, len(self)))

    @overload
    def __getitem__(self, place: int) -> Recipient: ...

    @overload
    def __getitem__(self, place: slice) -> Recipients: ...

    def __getitem__(self, place: int | slice) -> Recipient | Recipients:
        if isinstance(place, int):
            from_start = range(len(self))[place]
            return next(iter(self[from_start : from_start + 1]))
        variables = part_of(self.variables, place)
        return Recipients(self.phones[place], self.names[place], self.references[place], variables)


def recipients_of(
    phones: Sequence[str], names: Sequence[str], references: Sequence[str], variables: Sequence[Mapping[str, str]]
) -> Recipients:
    """Return recipients from what each of them has."""
    return Recipients(phones, names, references, columns_of(variables))


@dataclass(frozen=True, slots=True)
class TemplateVariable:
    """A variable of a template, written ``###Name###`` in it.

    :param name: the variable's name, as the service spells it.
    :param type: the service's type of it; seen are ``DESTINATARIO`` and ``TEXTO``.
    :param filled_by_service: whether the service fills it from the recipient itself.
    """

    name: str
    type: str
    filled_by_service: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A message template of the account and the variables in it."""

    id: str
    name: str
    variables: tuple[TemplateVariable, ...] = ()

    @property
    def required_variables(self) -> tuple[str, ...]:
        """Names of the variables that the sender must give a value for."""
        return tuple(variable.name for variable in self.variables if not variable.filled_by_service)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily stretch in which the service must not send, in Spain's time; may cross midnight.

    :param start: first minute of the stretch.
    :param end: first minute after it; before ``start`` means the next day.
    :param action: what the service does with a message due in it; passed through, because its meaning is not
        documented (assumed default: 1).
    :raises ValueError: if ``start`` equals ``end``, or one of them is finer than a minute or has a time zone.
    """

    start: time
    end: time
    action: int = 1

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment.tzinfo is not None or moment.second or moment.microsecond:
                raise ValueError(f"quiet_hours: {name} is {moment}, and must be a plain minute of the day")
        if self.start == self.end:
            raise ValueError(f"quiet_hours: start and end are both {self.start:%H:%M}, which leaves no time to send")


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One call that sends a template to a batch of recipients.

    :param template_id: the template to send.
    :param recipients: whom to send it to; no phone twice.
    :param campaign_reference: comes back in each report of the request.
    :param agent: the RCS agent to send as; empty for the only one of the account.
    :param send_at: when to send, with a time zone; ``None`` for now.
    :param quiet_hours: stretches of the day in which the service must not send.
    :param request_reports: whether the service is asked to push delivery reports.
    :raises RcsInputError: if ``send_at`` is a moment that the service's dates cannot name.
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


@dataclass(frozen=True, slots=True)
class SendResult:
    """What the service said it did with a request.

    :param messages: the number of messages that the service says it sent.
    :param api_campaign_id: the service's id of the send; comes back in reports. Empty if it gave none.
    :param accepted: phone -> the service's message id, where it listed them.
    :param rejected: phones that it did not send to, where it listed them.
    :param accepted_count: how many were sent, where it gave a number in place of the list.
    :param rejected_count: how many were not, where it gave a number in place of the list.
    :param duplicates: how many it left out because they were in the request twice.
    """

    messages: int
    api_campaign_id: str = ""
    accepted: Mapping[str, str] = field(default_factory=dict)
    rejected: frozenset[str] = frozenset()
    accepted_count: int = 0
    rejected_count: int = 0
    duplicates: int = 0


class Outcome(NamedTuple):  # made by the million, too
    """What became of one recipient of a request."""

    phone: str
    state: MessageState
    api_message_id: str = ""
    reason: str = ""


class Report(NamedTuple):  # made by the million, too
    """A delivery report as it was pushed: one change of one message's status.

    :param status_code: the code as it came; which status it means is decided when it is folded.
    :param phone: the recipient's phone as digits, or empty.
    :param campaign_reference: the reference that the request carried.
    :param message_reference: the sender's own reference of the recipient.
    :param service: the service of the account that reports, such as ``RCS``.
    :param agent: the agent that sent the message.
    :param reported_at: when the status changed, in UTC; ``None`` if the date could not be read.
    :param reported_at_text: the date as it came.
    :param api_campaign_id: the service's id of the send.
    :param api_message_id: the service's id of the message.
    :param extra: fields that the document does not name, kept as text.
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


def shards(count: int) -> list[str]:
    """Return the names of the shards that a list is split into, such as ``["1/2", "2/2"]``: one for each task.

    For ``SqlToRcsOperator.partial(...).expand(shard=shards(4))``.

    :raises RcsInputError: if it is not a whole number of 1 or more.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise RcsInputError("shards", f"{count!r} is not a whole number of 1 or more", "Write shards(4), for four.")
    return [f"{number}/{count}" for number in range(1, count + 1)]


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """How often a phone may be messaged, over all campaigns of the store.

    :param at_most: how many messages.
    :param within: the period that they are counted in, back from now.
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
        """Why a message is suppressed by it."""
        hours = self.within / timedelta(hours=1)
        stretch = f"{self.within.days} days" if hours % 24 == 0 else f"{hours:g} hours"
        return f"frequency cap: at most {self.at_most} within {stretch}"
