"""The Airflow plugin that adds the receiver to Airflow's API server."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from airflow_provider_rcs.receiver.app import ReportsApp
    from airflow_provider_rcs.receiver.metrics import Metrics


class ReceiverInAirflow:
    """The receiver, configured by Airflow; loaded at the first request, because every Airflow process loads plugins."""

    def __init__(self) -> None:
        self._app: ReportsApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = _load_app()
        await self._app(scope, receive, send)


class RcsPlugin(AirflowPlugin):
    """Mounts the receiver: delivery reports are pushed to ``/rcs/reports`` of the API server."""

    name = "rcs"
    # The receiver authenticates requests itself: Airflow's authentication does not cover mounted applications.
    fastapi_apps: list[Any] = [  # noqa: RUF012 - the type that Airflow declares
        {"app": ReceiverInAirflow(), "url_prefix": "/rcs", "name": "rcs-reports"}
    ]


def _load_app() -> ReportsApp:
    from airflow_provider_rcs.hooks.reports import opt_out_words_from_airflow, timezone_from_airflow
    from airflow_provider_rcs.hooks.store import store_engine
    from airflow_provider_rcs.receiver import config
    from airflow_provider_rcs.receiver.app import ReportsApp

    return ReportsApp(
        store_engine,
        config.look_ups_from_airflow(),
        spool=config.spool_from_airflow(),
        metrics=_stats(),
        timezone=timezone_from_airflow(),
        opt_out_words=opt_out_words_from_airflow(),
    )


def _stats() -> Metrics:
    # Not the Stats of the task SDK, which common.compat returns: the API server initializes only Airflow core's.
    try:
        module = import_module("airflow.observability.stats")
    except ImportError:  # before Airflow 3.2
        module = import_module("airflow.stats")
    stats: Metrics = module.Stats
    return stats
