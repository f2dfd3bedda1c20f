"""The status codes of a connection, and the campaigns whose reports were folded with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.rcs import RcsHook

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes


def codes_of_connection(rcs_conn_id: str) -> AccountCodes | None:
    """Return the status codes of a connection's account, or ``None`` if the connection is not defined.

    :raises RcsInputError: if a field of the connection cannot be used.
    """
    from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes

    hook = RcsHook(rcs_conn_id)
    try:
        return AccountCodes(hook.account, hook.settings.status_codes)
    except AirflowNotFoundException:
        return None


def outdated_warnings(engine: sa.Engine, rcs_conn_id: str) -> list[str]:
    """Return a warning for each campaign that needs a refold.

    :param rcs_conn_id: the connection whose codes count for the campaigns of its account; if it is not defined, the
        codes count that each campaign was last sent with.
    """
    from airflow_provider_rcs.store.inbox.folded_codes import outdated_campaigns

    try:
        codes = codes_of_connection(rcs_conn_id)
    except RcsInputError as error:
        return [f"Status codes are not compared with those of the connection. {error}"]
    return [each.warning for each in outdated_campaigns(engine, codes)]
