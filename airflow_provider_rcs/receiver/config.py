"""What the environment says about the receiver: its store, who may push, its spool and its proxies."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE, read_timezone
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.addresses import TrustedProxies
from airflow_provider_rcs.receiver.credentials import Credentials
from airflow_provider_rcs.receiver.spool import DEFAULT_MEGABYTES, Spool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    import sqlalchemy as sa

STORE_URL = "AIRFLOW_RCS_STORE_URL"
REPORTS_LOGIN = "AIRFLOW_RCS_REPORTS_LOGIN"
REPORTS_PASSWORD = "AIRFLOW_RCS_REPORTS_PASSWORD"  # noqa: S105 - the name of a variable
SPOOL = "AIRFLOW_RCS_SPOOL"
SPOOL_MEGABYTES = "AIRFLOW_RCS_SPOOL_MEGABYTES"
TRUSTED_PROXIES = "AIRFLOW_RCS_TRUSTED_PROXIES"
REPORTS_TIMEZONE = "AIRFLOW_RCS_REPORTS_TIMEZONE"
_DEFAULT_SPOOLS = "rcs_reports_spool"


def store_url(environment: Mapping[str, str]) -> str | None:
    """Return the SQLAlchemy URL of the store, or ``None`` if the environment gives none."""
    return environment.get(STORE_URL) or None


def reports_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """Return what whoever pushes reports must give, or ``None`` if the environment does not say.

    :raises RcsInputError: if it gives a login without a password, or a password without a login.
    """
    login, password = environment.get(REPORTS_LOGIN), environment.get(REPORTS_PASSWORD)
    if not (login or password):
        return None
    return Credentials.of(login, password, where=f"{REPORTS_LOGIN} and {REPORTS_PASSWORD}")


def reports_spool(environment: Mapping[str, str], store: sa.URL) -> Spool:
    """Return the spool: in the folder that the environment names, or in Airflow's home one that is named for the store.

    :param store: the store that it is for; what waits for one store must not be moved to another.
    :raises RcsInputError: if its size is not a number.
    """
    megabytes = environment.get(SPOOL_MEGABYTES) or str(DEFAULT_MEGABYTES)
    if not megabytes.isdecimal():
        raise RcsInputError(SPOOL_MEGABYTES, "it is not a whole number", "Say how many megabytes it may hold.")
    given = environment.get(SPOOL)
    name = sha256(store.set(password=None).render_as_string().encode()).hexdigest()[:16]
    return Spool(Path(given) if given else default_spools(environment) / name, int(megabytes))


def default_spools(environment: Mapping[str, str]) -> Path:
    """Return the folder in which each store has its spool, where none is given."""
    return Path(environment.get("AIRFLOW_HOME") or Path("~/airflow").expanduser()) / _DEFAULT_SPOOLS


def trusted_proxies(environment: Mapping[str, str]) -> TrustedProxies:
    """Return the proxies whose word is believed on the client's address; by default none.

    :raises RcsInputError: if one of them is not an address or a network.
    """
    return TrustedProxies.of(environment.get(TRUSTED_PROXIES, ""), where=TRUSTED_PROXIES)


def reports_timezone(environment: Mapping[str, str]) -> tzinfo:
    """Return whose clock the reports' dates are by; by default Spain's (assumed).

    :raises RcsInputError: if there is no such time zone.
    """
    name = environment.get(REPORTS_TIMEZONE)
    return read_timezone(name, REPORTS_TIMEZONE) if name else SERVICE_TIMEZONE
