"""When a request was received, in the forms in which gateways and databases write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

# Seconds since 1970 have that many only after the year 5000; milliseconds, since 1973.
_FIRST_MILLISECONDS = 1e11
_FIRST_YEAR = 1971
_APACHE_FORMAT = "%d/%b/%Y:%H:%M:%S %z"
# Clocks differ; a later moment is a mistake.
_LATEST_AHEAD = timedelta(minutes=5)


def read_received_at(value: object) -> datetime | None:
    """Return a moment in UTC, or ``None`` if it cannot be read, is before 1971 or is in the future.

    :param value: a datetime; ISO 8601; seconds or milliseconds since 1970, as a number or as text; or the form of
        Apache's logs, ``29/Nov/2026:10:00:00 +0100``. Without an offset, it is in UTC.
    """
    try:
        moment = _moment(value)
        if moment is None or moment != moment:  # pandas' NaT
            return None
        # Not replace() alone: a subclass such as pandas' would stay one.
        aware = moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)
        found = datetime.fromtimestamp(aware.timestamp(), UTC)
    except (ArithmeticError, OSError, TypeError, ValueError):
        return None
    return found if found.year >= _FIRST_YEAR and found <= datetime.now(UTC) + _LATEST_AHEAD else None


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return _parsed(text)
    return datetime.fromtimestamp(number / 1000 if number >= _FIRST_MILLISECONDS else number, UTC)


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.strptime(text, _APACHE_FORMAT)  # noqa: DTZ007 - the format has the offset
