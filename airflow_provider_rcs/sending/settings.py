"""The checked settings of a task that sends a campaign."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from hashlib import blake2b
from typing import Any

from airflow_provider_rcs.api.dates import read_moment, read_timezone, require_expressible, write_moment
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import FrequencyCap, QuietHours
from airflow_provider_rcs.recipients.listing import ListSettings

DEFAULT_MAX_IN_FLIGHT = 8
MOST_IN_FLIGHT = 32
GRACE_FOR_PAST_DATES = timedelta(minutes=5)
DEFAULT_LEAD = timedelta(minutes=30)
_REMEDY_FOR_PASSED_DATE = (
    "Give a future date, or leave it out: the recipients that are still planned are then sent to at once."
)
_CHOICES: Mapping[str, Sequence[object]] = {
    "on_invalid": ("reject", "fail"),
    "on_in_doubt": ("fail", "hold"),
    "scheduled_by": ("service", "store"),
    "mobile_only": (True, False),
    "phone_format": (None, "e164", "national"),
}
_NONE = "none"
_PLAN_HASH = re.compile("[0-9a-f]{16}-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class SendSettings(ListSettings):
    """What a task sends, and how; construction checks the values.

    :param template_id: the template to send.
    :param campaign: the campaign's name; each recipient is messaged at most once under it.
    :param agent: the RCS agent to send as; empty for the connection's.
    :param send_at: when the service sends the messages, with a time zone; ``None`` for at once.
    :param quiet_hours: parts of the day in which the service must not send, in Spain's time.
    :param request_reports: whether the service is asked to push delivery reports.
    :param batch_size: the most recipients of one request; ``None`` for the connection's.
    :param max_in_flight: how many requests may be in flight at once, at most 32.
    :param frequency_cap: how often a phone may be messaged, over all campaigns; ``None`` for no cap.
    :param exclusions: the query of the phones that must not be messaged, as :func:`describe_query` returns it;
        ``None`` if it is not compared with that of the campaign.
    :param min_credits: the credit that the account must have for the campaign to begin; ``None`` for no check.
    :param on_invalid: ``"reject"`` records invalid recipients as rejected; ``"fail"`` sends nothing if one is invalid.
    :param on_in_doubt: ``"fail"`` fails the task while messages are in doubt, ``"hold"`` lets it succeed.
    :param scheduled_by: what waits for ``send_at``: the ``"service"``, or the ``"store"`` until shortly before it.
    :param approved_plan: the hash of the only plan that may be sent; ``None`` if no approval is needed.
    :raises RcsInputError: if a value cannot be used; names the argument.
    """

    template_id: str
    campaign: str
    agent: str = ""
    send_at: datetime | None = None
    quiet_hours: tuple[QuietHours, ...] = ()
    request_reports: bool = True
    batch_size: int | None = None
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT
    frequency_cap: FrequencyCap | None = None
    exclusions: str | None = None
    min_credits: float | None = None
    on_invalid: str = "reject"
    on_in_doubt: str = "fail"
    scheduled_by: str = "service"
    approved_plan: str | None = None

    def __post_init__(self) -> None:
        for argument in ("template_id", "campaign", "phone_column"):
            _require_text(argument, getattr(self, argument))
        _require_no_space_around("campaign", self.campaign)
        _require_rendered("campaign", self.campaign)
        for argument, choices in _CHOICES.items():
            _require_choice(argument, getattr(self, argument), choices)
        for argument in ("batch_size", "max_in_flight"):
            _require_count(argument, getattr(self, argument))
        if self.max_in_flight > MOST_IN_FLIGHT:
            raise RcsInputError(
                "max_in_flight",
                f"{self.max_in_flight} is more than {MOST_IN_FLIGHT}",
                f"Use 1 to {MOST_IN_FLIGHT}; for more, divide the list into shards.",
            )
        if self.default_region is not None:
            require_region(self.default_region)
        if self.phone_format == "national" and self.default_region is None and self.region_column is None:
            raise RcsInputError(
                "phone_format", "national phones need a country", "Set default_region or region_column as well."
            )
        self._require_frequency_cap()
        self._require_usable_date()
        self._require_plan_hash()

    @property
    def conditions(self) -> dict[str, str]:
        """How the messages are sent, in words: what all lists of a campaign must have in common, besides its date."""
        cap = self.frequency_cap
        quiet_hours = sorted(f"{each} (action {each.action})" for each in self.quiet_hours)
        conditions = {
            "quiet_hours": ", ".join(quiet_hours) or _NONE,
            "request_reports": str(self.request_reports),
            "frequency_cap": cap.reason.partition(": ")[2] if cap else _NONE,
        }
        return conditions if self.exclusions is None else {**conditions, "exclude_sql": self.exclusions}

    def require_future_send_at(self, remedy: str = _REMEDY_FOR_PASSED_DATE) -> None:
        """Check that ``send_at`` has not passed by more than a few minutes.

        :param remedy: what to do if it has, for the error's text.
        :raises RcsInputError: if it has.
        """
        if self.send_at is not None and self.send_at < datetime.now(UTC) - GRACE_FOR_PAST_DATES:
            raise RcsInputError("send_at", f"{self.send_at:%Y-%m-%d %H:%M %Z} has passed; nothing was sent", remedy)

    def warnings(self) -> list[str]:
        """Return what is allowed, but probably not meant."""
        if self.send_at is None:
            return []
        return [
            f"send_at: {write_moment(self.send_at)} in Spain is within quiet_hours[{number}] ({hours}): the service "
            f"does with the messages what action {hours.action} says (assumed of 1: it sends them at its end)."
            for number, hours in enumerate(self.quiet_hours)
            if hours.in_service_time(self.send_at).includes(self.send_at)
        ]

    def _require_frequency_cap(self) -> None:
        if not isinstance(self.frequency_cap, FrequencyCap | None):
            raise RcsInputError(
                "frequency_cap",
                f"a {type(self.frequency_cap).__name__} is not a FrequencyCap",
                "Use, for example, FrequencyCap(at_most=2, within=timedelta(days=7)).",
            )

    def _require_usable_date(self) -> None:
        if self.send_at is not None:
            require_expressible("send_at", self.send_at)
        elif self.scheduled_by == "store":
            raise RcsInputError(
                "send_at",
                "it is not set, and scheduled_by='store' needs it",
                "Give a date, or use scheduled_by='service'.",
            )
        if self.selection.is_shard and self.scheduled_by == "store":
            raise RcsInputError(
                "shard",
                f"{self.selection.shard_name!r} is a part of a list, and scheduled_by='store' sends only the last list",
                "Leave it out: one task must list all recipients.",
            )

    def _require_plan_hash(self) -> None:
        if self.approved_plan is not None and not _PLAN_HASH.fullmatch(self.approved_plan):
            raise RcsInputError(
                "approved_plan",
                f"{self.approved_plan!r} is not the plan_hash of a plan",
                "Give the hash that was approved: \"{{ ti.xcom_pull(task_ids='approve', key='plan_hash') }}\".",
            )


def read_send_at(value: datetime | str | None, timezone: str | None = None) -> datetime | None:
    """Return the date to send at, from a datetime or a text in ISO 8601 such as ``2026-12-01T09:00+01:00``.

    :param timezone: the time zone of a value that has none of its own.
    :raises RcsInputError: if it cannot be read, does not exist, or cannot be expressed in the API.
    """
    if timezone:
        read_timezone(timezone)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return read_moment("send_at", value, timezone)


def read_quiet_hours(
    entries: Sequence[QuietHours | Mapping[str, Any]] | None,
    timezone: str | None = None,
    send_at: datetime | None = None,
) -> tuple[QuietHours, ...]:
    """Return quiet hours in Spain's time, from :class:`QuietHours` or dicts of its fields.

    :param timezone: the time zone of a ``send_at`` that had none. Quiet hours that have none of their own are then
        refused, unless this zone has the same time as Spain: they could be meant in either.
    :param send_at: the date at which messages go out; ``None`` for at once.
    :raises RcsInputError: if an entry cannot be read, or not in one way only; names its field.
    """
    if isinstance(entries, str | Mapping) or not isinstance(entries or (), Iterable):
        raise RcsInputError("quiet_hours", f"a {type(entries).__name__} is not a list", _QUIET_HOURS_REMEDY)
    quiet_hours = [_read_entry(number, entry) for number, entry in enumerate(entries or ())]
    if timezone:
        for number, hours in enumerate(quiet_hours):
            _require_one_reading(number, hours, timezone, send_at)
    return tuple(hours.in_service_time(send_at) for hours in quiet_hours)


def describe_query(sql: str | None, conn_id: str = "") -> str:
    """Return a query in a word that tells it from others; its text may quote phones, and is not repeated."""
    if sql is None:
        return _NONE
    digest = blake2b(" ".join(sql.split()).rstrip("; ").encode(), digest_size=4).hexdigest()
    return f"query {digest} on {conn_id}"


def require_region(region: str) -> None:
    """Check that a region is one that phone numbers can be of.

    :raises RcsInputError: if it is unknown, or not written in capital letters.
    """
    import phonenumbers

    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise RcsInputError("default_region", f"{region!r} is not a region", 'Use two capital letters, such as "ES".')


def _read_entry(number: int, entry: object) -> QuietHours:
    where = f"quiet_hours[{number}]"
    if isinstance(entry, QuietHours):
        return entry
    if not isinstance(entry, Mapping):
        raise RcsInputError(where, f"{entry!r} is neither QuietHours nor a dict", _QUIET_HOURS_REMEDY)
    if unknown := entry.keys() - _QUIET_HOURS_READERS.keys():
        raise RcsInputError(where, f"no such field: {', '.join(sorted(map(str, unknown)))}", _QUIET_HOURS_REMEDY)
    values: dict[str, Any] = {}
    for name, (read, kind) in _QUIET_HOURS_READERS.items():
        if name in ("action", "timezone") and name not in entry:
            continue
        try:
            values[name] = read(entry[name])
        except KeyError:
            raise RcsInputError(f"{where}[{name!r}]", "it is missing", _QUIET_HOURS_REMEDY) from None
        except (TypeError, ValueError):
            raise RcsInputError(f"{where}[{name!r}]", f"{entry[name]!r} is not {kind}", _QUIET_HOURS_REMEDY) from None
    try:
        return QuietHours(**values)
    except RcsInputError:
        raise
    except ValueError as error:
        raise RcsInputError(where, str(error).partition(": ")[2], _QUIET_HOURS_REMEDY) from None


def _require_one_reading(number: int, hours: QuietHours, timezone: str, send_at: datetime | None) -> None:
    if hours.timezone is not None:
        return
    try:
        is_the_same = replace(hours, timezone=timezone).in_service_time(send_at) == hours
    except RcsInputError:
        is_the_same = False
    if not is_the_same:
        raise RcsInputError(
            f"quiet_hours[{number}]",
            f"{hours} without a timezone is Spain's time, but timezone={timezone!r} could be meant",
            f'Write {{"start": "{hours.start:%H:%M}", "end": "{hours.end:%H:%M}", "timezone": "{timezone}"}}, or '
            '"timezone": "Europe/Madrid" for Spain\'s time.',
        )


def _read_zone_name(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError("not a text")
    return value or None


def _read_time(value: time | str) -> time:
    """Read a time of day, also in the form ``9:00`` of the API's document."""
    if isinstance(value, time):
        return value
    if not isinstance(value, str):
        raise TypeError("not a text")
    text = value.strip()
    return time.fromisoformat(text.zfill(5) if text[1:2] == ":" else text)


def _read_action(value: int | str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a whole number")
    return int(value)


_QUIET_HOURS_REMEDY = 'Write [{"start": "22:00", "end": "09:00"}].'
_QUIET_HOURS_READERS: Mapping[str, tuple[Any, str]] = {
    "start": (_read_time, "a time of day"),
    "end": (_read_time, "a time of day"),
    "action": (_read_action, "a whole number"),
    "timezone": (_read_zone_name, "the name of a time zone"),
}


def _require_text(argument: str, value: object) -> None:
    if not str(value).strip():
        raise RcsInputError(argument, "it is empty", "Give it a value.")


def _require_no_space_around(argument: str, value: str) -> None:
    if value != value.strip():
        raise RcsInputError(
            argument, f"{value!r} begins or ends with white space", "Leave that out: with it, it is another campaign."
        )


def _require_rendered(argument: str, value: str) -> None:
    # Runs without the param would all continue the campaign of the first one, and leave out those it has messaged.
    if value == "None":
        raise RcsInputError(
            argument, "its template has rendered to None", "Check the param, or what else the template names."
        )


def _require_choice(argument: str, value: object, choices: Sequence[object]) -> None:
    if value not in choices:
        raise RcsInputError(argument, f"{value!r} is not a choice", f"Use {' or '.join(map(repr, choices))}.")


def _require_count(argument: str, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise RcsInputError(argument, f"{value!r} is not a whole number of 1 or more", "Use 1 or more.")
