"""The Airflow plugin that adds the receiver and the RCS page to Airflow's API server."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowPlugin

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa
    from starlette.types import ASGIApp, Receive, Scope, Send

    from airflow_provider_rcs.receiver.metrics import Metrics

MOUNT = "/rcs"
# Beside the pages: both paths are those of a receiver that runs by itself.
_OF_RECEIVER = (f"{MOUNT}/reports", f"{MOUNT}/health")
_SECONDS_FOR_A_CHECK = 10.0


class RcsInAirflow:
    """The receiver and the pages, configured by Airflow.

    One application for both, because two that are mounted under one prefix do not both get requests. Each is loaded at
    the first request for it: every Airflow process loads plugins.
    """

    def __init__(self) -> None:
        # One engine for both; errors are not cached.
        get_engine = cache(lambda: _store_engine())
        self._receiver = cache(lambda: _load_receiver(get_engine))
        self._pages = cache(lambda: _load_pages(get_engine))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._pages() if _is_for_pages(scope) else self._receiver()
        await app(scope, receive, send)


class RcsPlugin(AirflowPlugin):
    """Mounts the receiver, to which reports are pushed (``/rcs/reports``), and the RCS page with its menu entry."""

    name = "rcs"
    # Both authenticate requests themselves: Airflow's authentication does not cover mounted applications.
    fastapi_apps: list[Any] = [  # noqa: RUF012 - the type that Airflow declares
        {"app": RcsInAirflow(), "url_prefix": MOUNT, "name": "rcs"}
    ]
    # Without a leading slash: relative to Airflow's address, which may have a path of its own.
    external_views: list[Any] = [  # noqa: RUF012 - the type that Airflow declares
        {
            "name": "RCS",
            "href": "rcs/",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": "rcs",
            "icon": "rcs/assets/icon.svg",
            "icon_dark_mode": "rcs/assets/icon-dark.svg",
        },
        {
            "name": "RCS",
            # In the path, where a plus sign of a run's id stays one.
            "href": "rcs/runs/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "rcs-run",
            "icon": "rcs/assets/icon.svg",
            "icon_dark_mode": "rcs/assets/icon-dark.svg",
        },
    ]


def _is_for_pages(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    path = scope["path"].removeprefix(scope.get("root_path", "").removesuffix(MOUNT))
    return path.removesuffix("/") not in _OF_RECEIVER


def _store_engine() -> sa.Engine:
    from airflow_provider_rcs.hooks.store import store_engine

    return store_engine()


def _load_receiver(get_engine: Callable[[], sa.Engine]) -> ASGIApp:
    from airflow_provider_rcs.hooks.reports import opt_out_words_from_airflow, timezone_from_airflow
    from airflow_provider_rcs.receiver import config
    from airflow_provider_rcs.receiver.app import ReportsApp

    return ReportsApp(
        get_engine,
        config.look_ups_from_airflow(),
        spool=config.spool_from_airflow(),
        metrics=_stats(),
        timezone=timezone_from_airflow(),
        opt_out_words=opt_out_words_from_airflow(),
    )


def _load_pages(get_engine: Callable[[], sa.Engine]) -> ASGIApp:
    from airflow_provider_rcs.doctor.setup import Setup, examine
    from airflow_provider_rcs.receiver.config import spool_from_airflow
    from airflow_provider_rcs.ui.app import create_app
    from airflow_provider_rcs.ui.approvals import read_waiting
    from airflow_provider_rcs.ui.pages import Pages

    spool = spool_from_airflow()
    return create_app(
        Pages(
            get_engine,
            read_spool=lambda: spool.state() if spool else None,
            check_setup=lambda: examine(Setup(), _SECONDS_FOR_A_CHECK),
            read_waiting=read_waiting,
        )
    )


def _stats() -> Metrics:
    # Not the Stats of the task SDK, which common.compat returns: the API server initializes only Airflow core's.
    try:
        module = import_module("airflow.observability.stats")
    except ImportError:  # before Airflow 3.2
        module = import_module("airflow.stats")
    stats: Metrics = module.Stats
    return stats
