"""Everything that can be configured about the sandbox, validated on construction."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_rcs.sandbox.model import SandboxTemplate, VariableType
from airflow_provider_rcs.sandbox.quirks import Quirk

if TYPE_CHECKING:
    from pathlib import Path


class ReplyShape(StrEnum):
    """The shapes of replies that have been observed from this API and its sister services."""

    DOCUMENT = "document"  # a list of one object; numbers, arrays and objects are strings
    OBJECT = "object"  # an object with real numbers and arrays
    OBJECT_STRINGS = "object_strings"  # an object; numbers are strings, arrays are real
    COUNTS = "counts"  # like ``object``, with counts in place of the two lists of recipients
    ONE_OBJECT = "one_object"  # like ``object``, with the recipient itself in place of a list of one
    CERTIFIED = "certified"  # as for certified e-mail: the recipients sent to in ``Destinatarios``, and their count
    MOBILE = "mobile"  # like ``object``, with ``Movil`` for ``Telefono``
    TEXT = "text"  # Res:3;Cred:12,50; whatever format was asked for, and -1 for wrong credentials


class ReplyValues(StrEnum):
    """How a JSON reply writes numbers and arrays."""

    REAL = "real"
    NUMBERS_AS_TEXTS = "numbers_as_texts"
    TEXTS = "texts"  # numbers as strings, arrays and objects as strings that hold JSON


class RetryAfter(StrEnum):
    """What a refusal for too many requests says about when to try again."""

    NONE = "none"
    SECONDS = "seconds"
    DATE = "date"


class SandboxStatus(StrEnum):
    """The delivery statuses that the sandbox reports."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    TEMPORARILY_FAILED = "temporarily_failed"


class ReportFormat(StrEnum):
    """The forms in which the fields of a report or a reply are pushed."""

    JSON = "json"
    JSON_NUMBERS = "json-numbers"  # JSON with numbers for codes, ids and phones; elsewhere all values are strings
    FORM = "form"
    MULTIPART = "multipart"
    JSON_AS_FORM = "json-as-form"  # under the content type of a form, as PHP's curl sends it
    JSON_AS_TEXT = "json-as-text"
    JSON_WITHOUT_TYPE = "json-without-type"
    DATA_FIELD = "data-field"  # a form with one field, data=<json>
    DATA_OBJECT = "data-object"  # {"data": {...}}


class Compression(StrEnum):
    """How the bodies of pushes are compressed."""

    NONE = "none"
    GZIP = "gzip"
    DEFLATE = "deflate"
    RAW_DEFLATE = "raw-deflate"  # without the zlib header that HTTP requires, as some servers send it


class FallbackFormat(StrEnum):
    """Whose field names the reports of messages that fell back have."""

    RCS = "rcs"
    SMS_7 = "sms-7"
    SMS_58 = "sms-5.8"


# From the vendor's table for SMS, all of them beyond doubt there. No code for read is known: 20 is made up.
DEFAULT_CODES: Mapping[SandboxStatus, int] = {
    SandboxStatus.SENT: 10,
    SandboxStatus.DELIVERED: 13,
    SandboxStatus.READ: 20,
    SandboxStatus.FAILED: 50,
    SandboxStatus.TEMPORARILY_FAILED: 120,
}
DEFAULT_TEMPLATES = (
    SandboxTemplate(
        "1234567",
        "Customer welcome",
        {"Destinatario": VariableType.RECIPIENT, "Importe": VariableType.TEXT},
    ),
    SandboxTemplate("1234568", "Shipping notice", {"Pedido": VariableType.TEXT, "Fecha": VariableType.TEXT}),
    SandboxTemplate("1234569", "Plain greeting", {}),
)


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """The account that the sandbox serves.

    :param agents: if there is only one, a send may omit it.
    :param credit: messages that can be sent, including those of a record that is continued.
    :param refused_phones: numbers that are always returned as not sent.
    """

    login: str = "demo"
    password: str = "demo-token"  # noqa: S105 -- the sandbox protects nothing; it is no secret
    agents: tuple[str, ...] = ("my-rcs-agent",)
    credit: int = 10_000_000
    templates: tuple[SandboxTemplate, ...] = DEFAULT_TEMPLATES
    refused_phones: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _require(bool(self.login) and ":" not in self.login, "login must not be empty or contain a colon")
        _require(bool(self.agents) and all(self.agents), "at least one agent is required, and none may be empty")
        _require(self.credit >= 0, f"credit is {self.credit}, but must not be negative")
        ids = [template.template_id for template in self.templates]
        _require(len(ids) == len(set(ids)), "two templates have the same id")

    def template(self, template_id: str) -> SandboxTemplate | None:
        return next((each for each in self.templates if each.template_id == template_id), None)

    def authorizes(self, header: str | None) -> bool:
        """Return whether an ``Authorization`` header carries the account's credentials."""
        scheme, _, token = (header or "").partition(" ")
        return scheme.lower() == "basic" and f"Basic {token.strip()}" == _basic(self.login, self.password)


@dataclass(frozen=True, slots=True)
class ReportShares:
    """How often each outcome occurs; messages that do not fail, stop at sent or fall back are delivered.

    :param failed: of all messages, and again of those that fall back.
    :param only_sent: of all messages; they never become final.
    :param fallback: of all messages; they fail, and another service then sends them.
    :param read: of the delivered messages.
    :param replies: of the messages delivered by any service; a person answers each of these with a text.
    :param temporarily_failed: of the delivered messages, before they are delivered.
    :param repeated: of all reports; each of these is pushed twice.
    :param out_of_order: of all reports except the first of each message; each of these overtakes the one before it.
    """

    failed: float = 0.08
    only_sent: float = 0.0
    fallback: float = 0.0
    read: float = 0.6
    replies: float = 0.0
    temporarily_failed: float = 0.05
    repeated: float = 0.05
    out_of_order: float = 0.05

    def __post_init__(self) -> None:
        _require_share("failed share", self.failed)
        _require_share("only-sent share", self.only_sent)
        _require_share("fallback share", self.fallback)
        _require_share("read share", self.read)
        _require_share("replies share", self.replies)
        _require_share("temporarily-failed share", self.temporarily_failed)
        _require_share("repeated share", self.repeated)
        _require_share("out-of-order share", self.out_of_order)
        together = self.failed + self.only_sent + self.fallback
        _require(together <= 1, "failed, only-sent and fallback shares add up to more than 1")


@dataclass(frozen=True, slots=True)
class ReportTarget:
    """Where reports are pushed, as the panel of a real account configures it.

    :param login: for HTTP Basic; None means no authentication.
    """

    url: str
    login: str | None = None
    password: str = ""

    def __post_init__(self) -> None:
        _require(self.url.startswith(("http://", "https://")), f"report URL {self.url!r} is not an HTTP URL")

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header of each push."""
        return None if self.login is None else _basic(self.login, self.password)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Which reports and replies are pushed, where, and in which form.

    :param jitter: maximum number of random seconds between two pushes about a message.
    :param fallback_format: whose field names the reports of messages that fell back have.
    :param fallback_service: name of the service that reports on them; ``None`` for the usual one of the format. The
        format ``sms-5.8`` has no such field.
    :param body_format: form of every push; ``None`` for the usual one: a form for ``sms-5.8``, JSON for all others.
    :param check_target: push only to an address that answers HEAD and GET with 200.
    """

    target: ReportTarget | None = None
    jitter: float = 0.2
    codes: Mapping[SandboxStatus, int] = field(default_factory=lambda: dict(DEFAULT_CODES))
    shares: ReportShares = field(default_factory=ReportShares)
    fallback_format: FallbackFormat = FallbackFormat.SMS_7
    fallback_service: str | None = None
    body_format: ReportFormat | None = None
    compression: Compression = Compression.NONE
    check_target: bool = False

    def __post_init__(self) -> None:
        named = self.fallback_service is not None
        _require(self.fallback_service != "", "the name of the fallback service is empty")
        _require(
            not named or self.fallback_format is not FallbackFormat.SMS_58,
            "fallback service: the reports of sms-5.8 name none",
        )
        _require(self.jitter >= 0, "report jitter must not be negative")
        missing = set(SandboxStatus) - set(self.codes)
        _require(not missing, f"no code for {', '.join(sorted(missing))}")


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """All options of a sandbox.

    :param port: 0 picks a free port.
    :param record: file to which every accepted message is appended; an existing file is continued.
    :param seed: seed of everything random.
    :param quiet: log warnings only.
    :param reply_values: how replies write numbers and arrays; ``None`` for the way of their shape.
    :param quirks: those that are on at the start.
    :param latency: seconds by which each reply to a send is delayed.
    :param requests_per_second: the most sends in any second; the others are refused with HTTP 429. ``None`` for no
        limit.
    :param retry_after: the form of the ``Retry-After`` header of these refusals.
    """

    host: str = "127.0.0.1"
    port: int = 8700
    record: Path | None = None
    seed: int = 1
    quiet: bool = False
    account: SandboxAccount = field(default_factory=SandboxAccount)
    reply_shape: ReplyShape = ReplyShape.DOCUMENT
    reply_values: ReplyValues | None = None
    quirks: frozenset[Quirk] = frozenset()
    latency: float = 0.0
    requests_per_second: int | None = None
    retry_after: RetryAfter = RetryAfter.NONE
    reports: ReportOptions = field(default_factory=ReportOptions)

    def __post_init__(self) -> None:
        _require(0 <= self.port <= 65_535, f"port is {self.port}, but must be between 0 and 65535")
        _require(self.latency >= 0, f"latency is {self.latency}, but must not be negative")
        limit = self.requests_per_second
        _require(limit is None or limit >= 1, f"requests per second is {limit}, but must be at least 1")


def _basic(login: str, password: str) -> str:
    return f"Basic {b64encode(f'{login}:{password}'.encode()).decode()}"


def _require_share(name: str, value: float) -> None:
    _require(0 <= value <= 1, f"{name} is {value}, but must be between 0 and 1")


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise ValueError(text)
