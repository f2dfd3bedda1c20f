"""How Airflow's configuration says that delivery reports are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE, read_timezone
from airflow_provider_rcs.api.opt_out import DEFAULT_OPT_OUT_WORDS

if TYPE_CHECKING:
    from datetime import tzinfo


def timezone_from_airflow() -> tzinfo:
    """Return the time zone of the dates in reports, ``[rcs] reports_timezone``; by default Spain's (assumed).

    :raises RcsInputError: if the time zone does not exist.
    """
    from airflow.providers.common.compat.sdk import conf

    name = conf.get("rcs", "reports_timezone", fallback="") or SERVICE_TIMEZONE.key
    return read_timezone(name, "[rcs] reports_timezone")


def opt_out_words_from_airflow() -> tuple[str, ...]:
    """Return the replies by which people opt out, ``[rcs] opt_out_words``, which commas separate."""
    from airflow.providers.common.compat.sdk import conf

    written = conf.get("rcs", "opt_out_words", fallback=",".join(DEFAULT_OPT_OUT_WORDS))
    return tuple(word.strip() for word in written.split(",") if word.strip())
