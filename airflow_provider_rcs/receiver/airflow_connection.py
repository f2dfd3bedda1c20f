"""The Airflow connection that says who may push reports."""

from __future__ import annotations

from airflow_provider_rcs.receiver.credentials import Credentials

DEFAULT_REPORTS_CONN_ID = "rcs_reports"


def reports_credentials() -> Credentials | None:
    """Return login and password of ``[rcs] reports_conn_id``, or ``None`` if there is no such connection.

    :raises RcsInputError: if the connection lacks one of the two.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, conf

    conn_id = conf.get("rcs", "reports_conn_id", fallback=DEFAULT_REPORTS_CONN_ID)
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None
    return Credentials.of(connection.login, connection.password, where=f"the connection {conn_id!r}")
