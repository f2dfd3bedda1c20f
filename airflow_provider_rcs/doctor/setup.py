"""The checks of a setup: which there are, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from airflow_provider_rcs.doctor.connections import check_connections
from airflow_provider_rcs.doctor.findings import SECONDS_FOR_A_CHECK, Check, Finding, run_checks
from airflow_provider_rcs.doctor.receiver import check_receiver, check_reports_password
from airflow_provider_rcs.doctor.service import Service, check_service, check_template
from airflow_provider_rcs.doctor.spool import check_spool
from airflow_provider_rcs.doctor.store import check_store
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID

if TYPE_CHECKING:
    import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Setup:
    """What to check.

    :param store_conn_id: the connection to the store; by default ``[rcs] store_conn_id``.
    :param store_url: the SQLAlchemy URL of the store, instead of a connection.
    :param receiver_url: the address that the panel of the RCS account has for reports.
    :param sql: the query of a campaign, with ``sql_conn_id`` and ``template_id``.
    """

    rcs_conn_id: str = DEFAULT_RCS_CONN_ID
    store_conn_id: str | None = None
    store_url: str | None = None
    receiver_url: str = ""
    sql: str = ""
    sql_conn_id: str = ""
    template_id: str = ""


def examine(setup: Setup, seconds: float = SECONDS_FOR_A_CHECK) -> Iterator[Finding]:
    """Run every check of a setup, and yield what each finds.

    :param seconds: the time limit of each check.
    """
    yield from run_checks(_checks(setup), seconds)


def _checks(setup: Setup) -> Iterator[Check]:
    get_store = cache(partial(_open_store, setup))
    # One for both of its checks, so that wrong credentials are shown once.
    service = Service(setup.rcs_conn_id, get_store)
    store_conn_id = None if setup.store_url else setup.store_conn_id or ""
    yield Check("connections", partial(check_connections, setup.rcs_conn_id, store_conn_id, setup.sql_conn_id))
    yield Check("store", partial(check_store, get_store))
    yield Check("service", partial(check_service, service))
    yield Check("reports' password", check_reports_password)
    yield Check("spool", partial(check_spool, get_store))
    if setup.receiver_url:
        yield Check("receiver", partial(check_receiver, setup.receiver_url))
    if setup.sql or setup.sql_conn_id or setup.template_id:
        yield Check("template", partial(check_template, service, setup.template_id, setup.sql, setup.sql_conn_id))


def _open_store(setup: Setup) -> sa.Engine:
    """Return the store, whatever its tables are."""
    if setup.store_url:
        from airflow_provider_rcs.store.db.engine import engine_from_url

        return engine_from_url(setup.store_url)
    from airflow_provider_rcs.hooks.store import unchecked_store_engine

    return unchecked_store_engine(setup.store_conn_id)
