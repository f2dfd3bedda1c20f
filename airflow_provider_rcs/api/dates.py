"""Dates and times in the form of the service: Spain's time, without a zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from airflow_provider_rcs.api.errors import RcsInputError

SERVICE_TIMEZONE = ZoneInfo("Europe/Madrid")

_REPORT_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?P<dash>-?)(?P<month>[0-9]{2})(?P=dash)(?P<day>[0-9]{2})(?:[ T]|(?<=[0-9]{8}))"
    r"(?P<hour>[0-9]{2})(?P<colon>:?)(?P<minute>[0-9]{2})(?:(?P=colon)(?P<second>[0-9]{2})|(?<=:[0-9]{2}))"
    r"(?:[.,](?P<fraction>[0-9]{1,9}))?\s?(?P<offset>Z|[+-][0-9]{2}(?::?[0-5][0-9])?)?",
    re.IGNORECASE,
)
# Other dates are beyond what some database, or some time zone, can hold.
_YEARS_OF_REPORTS = range(1971, 9999)
_LONGEST_REPORT_DATE = len("2026-12-01 09:00:00.000000000 +01:00")
_REMEDY = "Write it in ISO 8601 with its offset: 2026-12-01T09:00+01:00."


def read_moment(field: str, value: datetime | str, timezone: str | None = None) -> datetime:
    """Return a date and time in UTC.

    A time in the hour that repeats when clocks go back means the first pass.

    :param field: the argument that holds the value, named in errors.
    :param value: a datetime, or a date and time in ISO 8601.
    :param timezone: the time zone of a value that has neither zone nor offset, such as ``"Europe/Madrid"``.
    :raises RcsInputError: if the value cannot be read, has no zone, is skipped when clocks go forward, or cannot be
        written for the service (see :func:`require_expressible`).
    """
    moment = _parse(field, value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise RcsInputError(field, f"{value!r} is not a date with its time", _REMEDY)
    _require_no_missing_date(field, moment)
    zone = read_timezone(timezone) if timezone else None
    if moment.utcoffset() is None:
        if zone is None:
            raise RcsInputError(
                field,
                f"{moment} has no time zone",
                "Use an aware datetime or a text with its offset, or set the zone: timezone='Europe/Madrid'.",
            )
        # Not replace(): pendulum's moves an hour that does not exist to one that does, and its fold is 1 unless set.
        moment = datetime(*moment.timetuple()[:6], moment.microsecond, tzinfo=zone)
    _require_existing(field, moment)
    require_expressible(field, moment)
    return moment.astimezone(UTC)


def read_timezone(name: str, field: str = "timezone") -> ZoneInfo:
    """Return a time zone by its name.

    :param field: the argument or setting that holds the name, named in errors.
    :raises RcsInputError: if no time zone has this name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise RcsInputError(field, f"{name!r} is not a time zone", "Use a name such as Europe/Madrid.") from None


def require_expressible(field: str, moment: datetime) -> None:
    """Check that a moment can be written as a date of the service.

    Such a date has no offset (sure). In the hour that repeats in October it means the first pass (assumed), so the
    second one cannot be expressed.

    :raises RcsInputError: if the moment has no zone, is in the second pass, or is out of range.
    """
    _require_no_missing_date(field, moment)
    if moment.utcoffset() is None:
        raise RcsInputError(field, f"{moment} has no time zone", "Use an aware datetime.")
    try:
        # Through UTC, because only a conversion sets the fold correctly.
        local = moment.astimezone(UTC).astimezone(SERVICE_TIMEZONE)
    except OverflowError:
        raise RcsInputError(field, f"{moment} is out of range", _REMEDY) from None
    if local.fold:
        raise RcsInputError(
            field,
            f"{local:%Y-%m-%d %H:%M} repeats in Spain that night, and its second pass ({local.tzname()}) cannot be "
            "expressed in the service's dates, which have no offset",
            "Use a time in the first pass (CEST), or from 03:00 on.",
        )


def service_time_ahead(timezone: tzinfo, first: datetime, last: datetime) -> timedelta | None:
    """Return how far Spain's clocks are ahead of those of a time zone, or ``None`` if that changes in a period.

    :param first: the beginning of the period, with a time zone.
    :param last: its end.
    """
    hours = int((last - first) / timedelta(hours=1)) + 1
    moments = [first.astimezone(UTC) + timedelta(hours=hour) for hour in range(hours)]
    ahead = {
        moment.astimezone(SERVICE_TIMEZONE).replace(tzinfo=None) - moment.astimezone(timezone).replace(tzinfo=None)
        for moment in moments
    }
    return ahead.pop() if len(ahead) == 1 else None


def write_moment(moment: datetime) -> str:
    """Return a moment as the service expects it: ``YYYY-MM-DD HH:MM`` in Spain's time (sure)."""
    return moment.astimezone(SERVICE_TIMEZONE).replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


def read_report_date(text: str, timezone: tzinfo = SERVICE_TIMEZONE) -> datetime | None:
    """Return the date of a report in UTC, or ``None`` if it is not a date in one of the forms that are known.

    These are ``YYYY-MM-DD HH:MM:SS`` of the document, ``YYYYMMDDHHMMSS`` of SMS on the same account (public), and ISO
    8601 with its ``T``, fractions of a second or no seconds, and an offset or ``Z``. Dates before 1971 and after 9998
    are not read. A time in the hour that repeats in October means the first pass.

    :param timezone: the time zone of a date without an offset; Spain's is assumed.
    """
    # Longer texts are not cached: they could be as long as a whole request.
    return _read_report_date(text, timezone) if len(text) <= _LONGEST_REPORT_DATE else None


@lru_cache(maxsize=4096)
def _read_report_date(text: str, timezone: tzinfo) -> datetime | None:
    found = _REPORT_DATE.fullmatch(text)
    if not found or int(found["year"]) not in _YEARS_OF_REPORTS:
        return None
    parts = [int(found[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")]
    microsecond = int((found["fraction"] or "")[:6].ljust(6, "0"))
    try:
        zone = _read_offset(found["offset"]) if found["offset"] else timezone
        return datetime(*parts, microsecond, tzinfo=zone).astimezone(UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None


def _read_offset(text: str) -> tzinfo:
    """Return the time zone of an offset, such as ``+01:00``, ``-0330``, ``+01`` or ``Z``.

    :raises ValueError: if there is no such offset.
    """
    if text in "Zz":
        return UTC
    # Python's parser checks the offset, and none of its versions reads less than this.
    minutes = text[3:].lstrip(":") or "00"
    zone = datetime.fromisoformat(f"2000-01-01T00:00:00{text[:3]}:{minutes}").tzinfo
    if zone is None:
        raise ValueError
    return zone


def _parse(field: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise RcsInputError(field, f"{text!r} is not a date", _REMEDY) from None
    if _is_only_a_date(text.strip()):
        raise RcsInputError(field, f"{text!r} has no time of day", _REMEDY)
    return moment


def _require_no_missing_date(field: str, moment: datetime) -> None:
    """Raise an error for pandas' NaT, which is a datetime, but no date."""
    if moment != moment:
        raise RcsInputError(field, f"{moment} is no date", f"{_REMEDY} For none, use None.")


def _is_only_a_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _require_existing(field: str, moment: datetime) -> None:
    """Raise an error for a time that clocks skip when they go forward."""
    try:
        there_and_back = moment.astimezone(UTC).astimezone(moment.tzinfo)
    except OverflowError:
        raise RcsInputError(field, f"{moment} is out of range", _REMEDY) from None
    if there_and_back.replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise RcsInputError(
            field,
            f"{moment.replace(tzinfo=None)} does not exist in {moment.tzinfo}: clocks go forward over it",
            "Use a time before or after that hour.",
        )
