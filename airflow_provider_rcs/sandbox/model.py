"""The sandbox's own data types, named in English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


class VariableType(StrEnum):
    """Where the value of a template variable comes from; the values are those of the API."""

    RECIPIENT = "DESTINATARIO"
    TEXT = "TEXTO"


@dataclass(frozen=True, slots=True)
class SandboxTemplate:
    """A message template of the account.

    :param template_id: digits, as the service assigns them.
    :param name: its name in the panel.
    :param variables: variable name -> where its value comes from.
    :raises ValueError: if the id is not made of digits or the name is empty.
    """

    template_id: str
    name: str
    variables: Mapping[str, VariableType]

    def __post_init__(self) -> None:
        if not (self.template_id.isascii() and self.template_id.isdigit()):
            raise ValueError(f"template id {self.template_id!r} is not made of digits")
        if not self.name:
            raise ValueError(f"template {self.template_id} has no name")

    @property
    def required(self) -> frozenset[str]:
        """The variables that each recipient must bring; the others take the recipient's name, even an empty one."""
        return frozenset(name for name, kind in self.variables.items() if kind is VariableType.TEXT)


# Each request creates thousands of the two tuples below: a frozen dataclass takes three times as long.
class SandboxRecipient(NamedTuple):
    """One recipient of a send as it was received, not checked yet."""

    phone: str
    name: str
    reference: str
    variables: dict[str, str]


class AcceptedMessage(NamedTuple):
    """A message that the service has promised to send."""

    message_id: int
    phone: str
    name: str
    reference: str
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class ReceivedSend:
    """A send whose parameters are valid; its recipients may not be.

    :param send_at: as received, in Spain's time; empty means now.
    :param quiet_hours: mappings with ``start``, ``end`` and ``action``, as received.
    """

    template: SandboxTemplate
    agent: str
    recipients: Sequence[SandboxRecipient]
    send_at: str
    quiet_hours: Sequence[Mapping[str, str]]
    campaign_reference: str
    report: bool


@dataclass(frozen=True, slots=True)
class AcceptedSend:
    """The messages that the service accepted from one request.

    :param request: number of the send request, counted from 1.
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
class SendOutcome:
    """What the reply to a send reports.

    :param accepted: None if no recipient could be accepted.
    """

    processed: int
    accepted: AcceptedSend | None
    refused: Sequence[SandboxRecipient]
    duplicates: int


class RefusalError(Exception):
    """The service refused the whole request, and did nothing.

    :param text: error text of the reply.
    :param result: result code of the reply.
    """

    def __init__(self, text: str, result: int) -> None:
        super().__init__(text)
        self.text = text
        self.result = result


class WrongCredentialsError(RefusalError):
    def __init__(self) -> None:
        super().__init__("Usuario o token incorrectos", -1)


class NotEnoughCreditError(RefusalError):
    def __init__(self) -> None:
        super().__init__("Créditos insuficientes", -2)


class ParameterError(RefusalError):
    def __init__(self, text: str) -> None:
        super().__init__(text, -3)
