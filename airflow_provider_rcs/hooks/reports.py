"""How Airflow's configuration says that delivery reports are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_rcs.api.accounts import ReportsConnection, account_of_reports
from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE, read_timezone
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.opt_out import read_opt_out_words

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
    """Return the words by which people opt out when they reply, ``[rcs] opt_out_words``."""
    from airflow.providers.common.compat.sdk import conf

    return read_opt_out_words(conf.get("rcs", "opt_out_words", fallback=""))


def reports_connection(conn_id: str) -> ReportsConnection:
    """Return a connection that lets reports in, with its account.

    :raises RcsInputError: if it, or the connection to its account, is not defined or cannot be used.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        return ReportsConnection(conn_id, account_of_reports(BaseHook.get_connection(conn_id), BaseHook.get_connection))
    except AirflowNotFoundException:
        problem = f"the connection {conn_id!r}, or that to its account, is not defined"
        raise RcsInputError("reports_conn_id", problem, "Define both in Airflow.") from None
