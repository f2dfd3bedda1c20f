"""The receiver inside Airflow's API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from airflow_provider_rcs.receiver.app import ReportsApp


class ReportsInAirflow:
    """The receiver with Airflow's connections; loaded at the first request, because every process imports plugins."""

    def __init__(self) -> None:
        self._app: ReportsApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = _load()
        await self._app(scope, receive, send)


class RcsPlugin(AirflowPlugin):
    """Mounts the receiver: delivery reports are pushed to ``/rcs/reports`` of the API server."""

    name = "rcs"
    # It authenticates for itself: Airflow's own authentication does not reach mounted applications.
    fastapi_apps: list[Any] = [  # noqa: RUF012 - Airflow's own shape of it
        {"app": ReportsInAirflow(), "url_prefix": "/rcs", "name": "rcs-reports"}
    ]


def _load() -> ReportsApp:
    from airflow.providers.common.compat.sdk import conf

    from airflow_provider_rcs.get_provider_info import DEFAULT_STORE_CONN_ID
    from airflow_provider_rcs.hooks.store import store_engine
    from airflow_provider_rcs.receiver import airflow_settings
    from airflow_provider_rcs.receiver.airflow_connection import reports_credentials
    from airflow_provider_rcs.receiver.app import ReportsApp

    store_conn_id = conf.get("rcs", "store_conn_id", fallback=DEFAULT_STORE_CONN_ID)
    return ReportsApp(
        store_engine,
        reports_credentials,
        spool=airflow_settings.reports_spool(store_conn_id),
        proxies=airflow_settings.trusted_proxies(),
        counters=airflow_settings.AirflowCounters(),
        timezone=airflow_settings.reports_timezone(),
    )
