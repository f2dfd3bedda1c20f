"""``airflow-rcs receiver``: run the web application that delivery reports are pushed to.

Environment variables configure it: ``AIRFLOW_RCS_STORE_URL`` the store, ``AIRFLOW_RCS_REPORTS_LOGIN`` and
``AIRFLOW_RCS_REPORTS_PASSWORD`` the credentials. What they do not set is read from Airflow's connections.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from airflow_provider_rcs.cli.store_option import add_store_option, store_of
from airflow_provider_rcs.receiver.server import DEFAULT_HOST, DEFAULT_PORT

if TYPE_CHECKING:
    from airflow_provider_rcs.receiver.auth import Credentials

_WORKER_CODE = "import sys; from airflow_provider_rcs.cli.main import main; sys.exit(main())"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_store_option(parser)
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free port (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="number of processes (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Serve until stopped."""
    from airflow_provider_rcs.receiver import config
    from airflow_provider_rcs.receiver.app import ReportsApp
    from airflow_provider_rcs.receiver.server import run as serve
    from airflow_provider_rcs.receiver.server import run_workers
    from airflow_provider_rcs.receiver.workers import is_worker

    if arguments.workers > 1 and not is_worker(os.environ):
        # The URL is passed in the environment: other users of the machine can read command lines.
        if arguments.store_url:
            os.environ[config.STORE_URL] = arguments.store_url
        options = ["--store-conn-id", arguments.store_conn_id] if arguments.store_conn_id else []
        run_workers(["-c", _WORKER_CODE, "receiver", *options], arguments.workers, arguments.host, arguments.port)
        return
    engine = store_of(arguments)
    app = ReportsApp(
        lambda: engine,
        _credentials,
        spool=config.spool_from_environment(os.environ, engine.url),
        proxies=config.trusted_proxies_from_environment(os.environ),
        timezone=config.timezone_from_environment(os.environ),
    )
    serve(app, arguments.host, arguments.port)


def _credentials() -> Credentials | None:
    from airflow_provider_rcs.receiver import config

    return config.credentials_from_environment(os.environ) or config.credentials_from_airflow()
