"""The receiver's configuration: from environment variables if it runs by itself, from Airflow if it runs there."""

from __future__ import annotations

import logging
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.accounts import ACCOUNT_EXTRA, account_of_reports
from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE, read_timezone
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.opt_out import read_opt_out_words
from airflow_provider_rcs.receiver.auth import Credentials
from airflow_provider_rcs.receiver.spool import DEFAULT_MEGABYTES, Spool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    import sqlalchemy as sa

    from airflow_provider_rcs.receiver.auth import LookUp

log = logging.getLogger(__name__)

REPORTS_LOGIN = "AIRFLOW_RCS_REPORTS_LOGIN"
REPORTS_PASSWORD = "AIRFLOW_RCS_REPORTS_PASSWORD"  # noqa: S105 - the name of a variable
SPOOL = "AIRFLOW_RCS_SPOOL"
SPOOL_MEGABYTES = "AIRFLOW_RCS_SPOOL_MEGABYTES"
REPORTS_TIMEZONE = "AIRFLOW_RCS_REPORTS_TIMEZONE"
OPT_OUT_WORDS = "AIRFLOW_RCS_OPT_OUT_WORDS"
DEFAULT_REPORTS_CONN_ID = "rcs_reports"
_DEFAULT_SPOOLS = "rcs_reports_spool"
# Kept with reports in place of a connection.
FROM_ENVIRONMENT = "environment"


def look_ups_from_environment(environment: Mapping[str, str]) -> Mapping[str, LookUp]:
    """Return what returns the credentials that the environment sets, under a name of its own; empty if it sets none.

    :raises RcsInputError: if only one of login and password is set.
    """
    login, password = environment.get(REPORTS_LOGIN), environment.get(REPORTS_PASSWORD)
    if not (login or password):
        return {}
    credentials = Credentials.of(login, password, where=f"{REPORTS_LOGIN} and {REPORTS_PASSWORD}")
    return {FROM_ENVIRONMENT: lambda: credentials}


def look_ups_from_airflow() -> Mapping[str, LookUp]:
    """Return what returns the credentials of each connection of ``[rcs] reports_conn_id``: connection -> look-up."""
    from airflow.providers.common.compat.sdk import conf

    listed = conf.get("rcs", "reports_conn_id", fallback="")
    conn_ids = [each.strip() for each in listed.split(",") if each.strip()]
    return {conn_id: partial(credentials_of, conn_id) for conn_id in conn_ids or [DEFAULT_REPORTS_CONN_ID]}


def credentials_of(conn_id: str) -> Credentials | None:
    """Return login and password of a connection for reports, or ``None`` if it is not defined.

    :raises RcsInputError: if the connection lacks one of the two, or names an account's connection that is not defined.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None
    where = f"the connection {conn_id!r}"
    try:
        account = account_of_reports(connection, BaseHook.get_connection)
    except AirflowNotFoundException:
        raise RcsInputError(
            where, f"its extra {ACCOUNT_EXTRA!r} names a connection that is not defined", "Define it, or correct it."
        ) from None
    return Credentials.of(connection.login, connection.password, where, account)


def spool_from_environment(environment: Mapping[str, str], store: sa.URL) -> Spool:
    """Return the spool in the folder that is set, or in one in Airflow's home that is named after the store.

    :param store: the store that it is for; what waits for one store must not be moved to another.
    :raises RcsInputError: if its size is not a number.
    """
    megabytes = environment.get(SPOOL_MEGABYTES) or str(DEFAULT_MEGABYTES)
    if not megabytes.isdecimal():
        raise RcsInputError(SPOOL_MEGABYTES, "it is not a whole number", "Set it to the spool's size in megabytes.")
    if folder := environment.get(SPOOL):
        return Spool(Path(folder).expanduser(), int(megabytes))
    home = environment.get("AIRFLOW_HOME") or "~/airflow"
    # Not by its driver either, which may be the newest that is installed. set() would keep the password.
    address = store.set(drivername=store.get_backend_name())._replace(password=None)
    name = sha256(address.render_as_string().encode()).hexdigest()[:16]
    return Spool(Path(home).expanduser() / _DEFAULT_SPOOLS / name, int(megabytes))


def other_spools_that_wait(spool: Spool) -> Mapping[Path, int]:
    """Return the default folders of other stores in which requests wait: folder -> requests.

    A store at a new address, or with a new login, is another one by its folder.
    """
    if spool.folder.parent.name != _DEFAULT_SPOOLS or not spool.folder.parent.is_dir():
        return {}
    others = sorted(each for each in spool.folder.parent.iterdir() if each != spool.folder)
    return {each: entries for each in others if (entries := Spool(each).state().entries)}


def spool_from_airflow() -> Spool | None:
    """Return the spool in the folder ``[rcs] reports_spool``, or ``None`` if that is not set.

    There is no default, because the disk of an API server in a container does not outlive it, and its reports neither.
    """
    from airflow.providers.common.compat.sdk import conf

    folder = conf.get("rcs", "reports_spool", fallback="")
    if not folder:
        return None
    megabytes = conf.get("rcs", "reports_spool_megabytes", fallback="").strip() or str(DEFAULT_MEGABYTES)
    if not megabytes.isdecimal():
        # Not raised: no one waits for the start of an API server, and its reports would be answered 500.
        log.error("[rcs] reports_spool_megabytes is not a whole number; the spool may grow to %d MB", DEFAULT_MEGABYTES)
        return Spool(Path(folder).expanduser())
    return Spool(Path(folder).expanduser(), int(megabytes))


def timezone_from_environment(environment: Mapping[str, str]) -> tzinfo:
    """Return the time zone of the dates in reports; by default Spain's (assumed).

    :raises RcsInputError: if the time zone does not exist.
    """
    return read_timezone(environment.get(REPORTS_TIMEZONE) or SERVICE_TIMEZONE.key, REPORTS_TIMEZONE)


def opt_out_words_from_environment(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words by which people opt out when they reply; by default ``BAJA`` and ``STOP``."""
    return read_opt_out_words(environment.get(OPT_OUT_WORDS, ""))
