"""Everything about the sandbox that can be chosen, checked when it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_rcs.sandbox.templates import DEFAULT_TEMPLATES, Template

if TYPE_CHECKING:
    from pathlib import Path


class ReplyShape(StrEnum):
    """The forms in which replies of this API were seen."""

    DOCUMENT = "document"  # a list of one object; numbers, arrays and objects are strings
    OBJECT = "object"  # an object with real numbers and arrays
    OBJECT_STRINGS = "object_strings"  # an object; numbers are strings, arrays are real
    COUNTS = "counts"  # as ``object``, but who was sent to, and who was not, are only counted


class EmptyTemplates(StrEnum):
    """What stands for no templates at all, or for no variables."""

    ARRAY = "array"
    OBJECT = "object"
    TEXT = "text"


class WrongCredentials(StrEnum):
    """How wrong credentials are answered."""

    RES = "res"  # 200 with a result of -1
    STATUS = "status"  # 401


class ReportFormat(StrEnum):
    """In what body a report is pushed."""

    JSON = "json"
    FORM = "form"
    MULTIPART = "multipart"


class Status(StrEnum):
    """What can become of a message."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    TEMPORARILY_FAILED = "temporarily_failed"


# 11 is the document's example; 13, 50 and 52 are the vendor's for SMS. No code for read is known: 20 is made up.
DEFAULT_CODES: Mapping[Status, int] = {
    Status.SENT: 11,
    Status.DELIVERED: 13,
    Status.READ: 20,
    Status.FAILED: 50,
    Status.TEMPORARILY_FAILED: 52,
}


@dataclass(frozen=True, slots=True)
class Account:
    """The account that the sandbox serves.

    :param agents: where there is only one, a send may leave it out.
    :param credit: messages that can be sent, those in a record that is continued included.
    :param refused_phones: numbers that always come back as not sent.
    :param batch_limit: most recipients in a request.
    """

    login: str = "demo"
    password: str = "demo-token"  # noqa: S105 -- the sandbox guards nothing; everyone may know it
    agents: tuple[str, ...] = ("my-rcs-agent",)
    credit: int = 10_000_000
    templates: tuple[Template, ...] = DEFAULT_TEMPLATES
    refused_phones: frozenset[str] = frozenset()
    batch_limit: int = 1_000

    def __post_init__(self) -> None:
        _require(bool(self.login) and ":" not in self.login, "login must be given, and without a colon")
        _require(bool(self.agents) and all(self.agents), "at least one agent is needed, and none may be empty")
        _require(self.credit >= 0, f"credit is {self.credit}, but cannot be below 0")
        _require(self.batch_limit >= 1, f"batch limit is {self.batch_limit}, but must be at least 1")
        ids = [template.template_id for template in self.templates]
        _require(len(ids) == len(set(ids)), "two templates have the same id")

    def template(self, template_id: str) -> Template | None:
        return next((each for each in self.templates if each.template_id == template_id), None)


@dataclass(frozen=True, slots=True)
class Wire:
    """What the document leaves open about requests and replies.

    :param recipient_reference_key: under which a recipient's own reference is sent; its case does not matter.
    """

    reply_shape: ReplyShape = ReplyShape.DOCUMENT
    empty_templates: EmptyTemplates = EmptyTemplates.ARRAY
    wrong_credentials: WrongCredentials = WrongCredentials.RES
    recipient_reference_key: str = "Referencia"

    def __post_init__(self) -> None:
        _require(bool(self.recipient_reference_key), "recipient reference key is empty")


@dataclass(frozen=True, slots=True)
class Trouble:
    """How the service misbehaves by chance; what befalls an exact request is said through the control calls.

    :param latency: seconds by which the reply to each send comes later.
    :param error_rate: share of sends answered by 500, nothing accepted.
    :param drop_rate: share of sends that are accepted, but whose connection is reset in place of a reply.
    :param max_requests_per_second: more are answered by 429; none: no limit.
    """

    latency: float = 0.0
    error_rate: float = 0.0
    drop_rate: float = 0.0
    max_requests_per_second: int | None = None

    def __post_init__(self) -> None:
        _require(self.latency >= 0, f"latency is {self.latency}, but cannot be below 0")
        _require_share("error rate", self.error_rate)
        _require_share("drop rate", self.drop_rate)
        limit = self.max_requests_per_second
        _require(limit is None or limit >= 1, f"requests per second are {limit}, but must be at least 1")


@dataclass(frozen=True, slots=True)
class Shares:
    """How often what becomes of a message; messages that neither fail, stay at sent nor fall back are delivered.

    :param failed: of all messages, and again of those that fall back.
    :param only_sent: of all messages; they never become final.
    :param fallback: of all messages; they fail, and are then sent on by another service.
    :param read: of the delivered ones.
    :param temporarily_failed: of the delivered ones, before they are.
    :param repeated: of all reports; each of these is pushed twice.
    :param out_of_order: of all reports but a message's first; each of these overtakes the one before it.
    """

    failed: float = 0.08
    only_sent: float = 0.0
    fallback: float = 0.0
    read: float = 0.6
    temporarily_failed: float = 0.05
    repeated: float = 0.05
    out_of_order: float = 0.05

    def __post_init__(self) -> None:
        _require_share("failed share", self.failed)
        _require_share("only-sent share", self.only_sent)
        _require_share("fallback share", self.fallback)
        _require_share("read share", self.read)
        _require_share("temporarily-failed share", self.temporarily_failed)
        _require_share("repeated share", self.repeated)
        _require_share("out-of-order share", self.out_of_order)
        together = self.failed + self.only_sent + self.fallback
        _require(together <= 1, "failed, only-sent and fallback shares are together above 1")


@dataclass(frozen=True, slots=True)
class ReportTarget:
    """Where reports are pushed, as the panel of the real account has it.

    :param login: for HTTP Basic; none: without authentication.
    """

    url: str
    login: str | None = None
    password: str = ""
    format: ReportFormat = ReportFormat.JSON

    def __post_init__(self) -> None:
        _require(self.url.startswith(("http://", "https://")), f"report URL {self.url!r} is not one of HTTP")


@dataclass(frozen=True, slots=True)
class Reports:
    """Which reports are pushed, and how hard.

    :param workers: most pushes under way at once.
    :param retries: how often a report that got no 200 is tried again before it is dropped.
    :param delay: seconds between two reports of a message.
    :param jitter: most seconds, drawn by chance, that come on top.
    :param fallback_service: the name under which the service reports that takes over what falls back.
    """

    target: ReportTarget | None = None
    workers: int = 16
    retries: int = 3
    delay: float = 0.0
    jitter: float = 0.2
    codes: Mapping[Status, int] = field(default_factory=lambda: dict(DEFAULT_CODES))
    shares: Shares = field(default_factory=Shares)
    fallback_service: str = "SMS"

    def __post_init__(self) -> None:
        _require(bool(self.fallback_service), "the name of the fallback service is empty")
        _require(self.workers >= 1, f"report workers are {self.workers}, but must be at least 1")
        _require(self.retries >= 0, f"report retries are {self.retries}, but cannot be below 0")
        _require(self.delay >= 0 and self.jitter >= 0, "report delay and jitter cannot be below 0")
        missing = set(Status) - set(self.codes)
        _require(not missing, f"no code for {', '.join(sorted(missing))}")


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """All of it.

    :param port: 0 takes a free one.
    :param record: file to which everything accepted is appended, and which is continued if it is there.
    :param seed: decides all chance.
    :param quiet: log warnings only.
    """

    host: str = "127.0.0.1"
    port: int = 8700
    record: Path | None = None
    seed: int = 1
    quiet: bool = False
    account: Account = field(default_factory=Account)
    wire: Wire = field(default_factory=Wire)
    trouble: Trouble = field(default_factory=Trouble)
    reports: Reports = field(default_factory=Reports)

    def __post_init__(self) -> None:
        _require(0 <= self.port <= 65_535, f"port is {self.port}, but must lie within 0 and 65535")


def _require_share(name: str, value: float) -> None:
    _require(0 <= value <= 1, f"{name} is {value}, but must lie within 0 and 1")


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise ValueError(text)
