"""Moments as people give them, and as the service writes them: by Spain's clock, without a zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from airflow_provider_rcs.api.errors import RcsInputError

SERVICE_TIMEZONE = ZoneInfo("Europe/Madrid")

_REPORT_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_REMEDY = "Write it in ISO 8601 with its offset: 2026-12-01T09:00+01:00."


def read_moment(field: str, value: datetime | str, timezone: str | None = None) -> datetime:
    """Return a moment, in UTC.

    An hour that comes twice, because clocks go back in it, is its first pass.

    :param field: the argument that it came in, for errors.
    :param value: a datetime, or a text in ISO 8601 with date and time.
    :param timezone: whose clock the value is by where it has neither zone nor offset, such as ``"Europe/Madrid"``.
    :raises RcsInputError: if it cannot be read, has no zone, names an hour that its clock skips, or cannot be told to
        the service.
    """
    moment = _parse(field, value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise RcsInputError(field, f"{value!r} is not a date with its time", _REMEDY)
    zone = read_timezone(timezone) if timezone else None
    if moment.utcoffset() is None:
        if zone is None:
            raise RcsInputError(
                field,
                f"{moment} has no time zone",
                "Give an aware datetime or a text with its offset, or say whose clock it is by: "
                "timezone='Europe/Madrid'.",
            )
        # Not replace(): pendulum's moves an hour that does not exist to one that does, and its fold is 1 unless set.
        moment = datetime(*moment.timetuple()[:6], moment.microsecond, tzinfo=zone)
    _require_existing(field, moment)
    require_expressible(field, moment)
    return moment.astimezone(UTC)


def read_timezone(name: str, field: str = "timezone") -> ZoneInfo:
    """Return a time zone by its name.

    :param field: the argument or setting that it came in, for errors.
    :raises RcsInputError: if there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise RcsInputError(field, f"{name!r} is not a time zone", "Use a name such as Europe/Madrid.") from None


def require_expressible(field: str, moment: datetime) -> None:
    """Refuse a moment that the service's text cannot name.

    The text has no offset, so of the hour that comes twice in October it can name one pass only: the first (assumed).

    :raises RcsInputError: if the moment has no zone, is in the second pass, or lies outside of what clocks show.
    """
    if moment.utcoffset() is None:
        raise RcsInputError(field, f"{moment} has no time zone", "Give an aware datetime.")
    try:
        # By way of UTC, because only a conversion sets the fold to what it is.
        local = moment.astimezone(UTC).astimezone(SERVICE_TIMEZONE)
    except OverflowError:
        raise RcsInputError(field, f"{moment} is out of range", _REMEDY) from None
    if local.fold:
        raise RcsInputError(
            field,
            f"{local:%Y-%m-%d %H:%M} comes twice in Spain that night, and its second pass ({local.tzname()}) cannot be "
            "told to the service, whose dates have no offset",
            "Give a time in the first pass (CEST), or from 03:00 on.",
        )


def write_moment(moment: datetime) -> str:
    """Return a moment as the service takes it: to the minute, in Spain's time."""
    return moment.astimezone(SERVICE_TIMEZONE).replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


@lru_cache(maxsize=4096)
def read_report_date(text: str, timezone: tzinfo = SERVICE_TIMEZONE) -> datetime | None:
    """Read a report's date, the hour that comes twice as its first pass.

    :param timezone: whose clock it is by; that it is Spain's is assumed.
    """
    if not _REPORT_DATE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=timezone).astimezone(UTC)
    except ValueError:
        return None


def _parse(field: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise RcsInputError(field, f"{text!r} is not a date", _REMEDY) from None
    if _is_date_alone(text.strip()):
        raise RcsInputError(field, f"{text!r} has no time of day", _REMEDY)
    return moment


def _is_date_alone(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _require_existing(field: str, moment: datetime) -> None:
    """Refuse an hour that clocks skip when they go forward."""
    try:
        there_and_back = moment.astimezone(UTC).astimezone(moment.tzinfo)
    except OverflowError:
        raise RcsInputError(field, f"{moment} is out of range", _REMEDY) from None
    if there_and_back.replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise RcsInputError(
            field,
            f"{moment.replace(tzinfo=None)} does not exist in {moment.tzinfo}: clocks go forward over it",
            "Give an hour before or after it.",
        )
