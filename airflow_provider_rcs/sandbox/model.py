"""What a send asks for and what came of it, in English names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider_rcs.sandbox.templates import Template


# The two tuples below are made by the thousand for every request: a frozen dataclass takes three times as long.
class Recipient(NamedTuple):
    """One of those whom a send names, as it came; nothing of it is checked yet."""

    phone: str
    name: str
    reference: str
    variables: dict[str, str]


class AcceptedMessage(NamedTuple):
    """A recipient to whom the service has promised to send."""

    message_id: int
    phone: str
    name: str
    reference: str
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A send whose parameters are all right; its recipients may still not be.

    :param send_at: as it was written, in Spain's time; empty means now.
    :param quiet_hours: objects with ``start``, ``end`` and ``action``, as they were written.
    """

    template: Template
    agent: str
    recipients: Sequence[Recipient]
    send_at: str
    quiet_hours: Sequence[Mapping[str, str]]
    campaign_reference: str
    report: bool


@dataclass(frozen=True, slots=True)
class AcceptedSend:
    """What the service has taken on with one request.

    :param request: which send request it was, counted from 1.
    """

    request: int
    send_id: int
    template_id: str
    agent: str
    campaign_reference: str
    send_at: str
    quiet_hours: Sequence[Mapping[str, str]]
    report: bool
    accepted_at: datetime
    messages: Sequence[AcceptedMessage]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a send is answered with.

    :param accepted: none if there was nobody to send to.
    """

    processed: int
    accepted: AcceptedSend | None
    refused: Sequence[Recipient]
    duplicates: int
