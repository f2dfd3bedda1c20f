"""What the environment says about the receiver: its store, and who may push."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_rcs.receiver.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

STORE_URL = "AIRFLOW_RCS_STORE_URL"
REPORTS_LOGIN = "AIRFLOW_RCS_REPORTS_LOGIN"
REPORTS_PASSWORD = "AIRFLOW_RCS_REPORTS_PASSWORD"  # noqa: S105 - the name of a variable


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
