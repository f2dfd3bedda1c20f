"""``airflow-rcs receiver``: the web application that delivery reports are pushed to, by itself.

Store and credentials come from the environment (``AIRFLOW_RCS_STORE_URL``, ``AIRFLOW_RCS_REPORTS_LOGIN``,
``AIRFLOW_RCS_REPORTS_PASSWORD``), and what it does not give from Airflow's connections.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from airflow_provider_rcs.cli.store_option import add_store_option, store_of
from airflow_provider_rcs.receiver.server import DEFAULT_HOST, DEFAULT_PORT

if TYPE_CHECKING:
    from airflow_provider_rcs.receiver.credentials import Credentials

_ONE_WORKER = "import sys; from airflow_provider_rcs.cli.main import main; sys.exit(main())"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_store_option(parser)
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="how many processes serve (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Serve until stopped."""
    from airflow_provider_rcs.receiver import config
    from airflow_provider_rcs.receiver.app import ReportsApp
    from airflow_provider_rcs.receiver.server import run as serve
    from airflow_provider_rcs.receiver.server import run_workers
    from airflow_provider_rcs.receiver.workers import is_worker

    if arguments.workers > 1 and not is_worker(os.environ):
        # The URL goes by the environment: other users of the machine see what is on a command line.
        if arguments.store_url:
            os.environ[config.STORE_URL] = arguments.store_url
        named = ["--store-conn-id", arguments.store_conn_id] if arguments.store_conn_id else []
        run_workers(["-c", _ONE_WORKER, "receiver", *named], arguments.workers, arguments.host, arguments.port)
        return
    engine = store_of(arguments)
    app = ReportsApp(
        lambda: engine,
        _credentials,
        spool=config.reports_spool(os.environ, engine.url),
        proxies=config.trusted_proxies(os.environ),
        timezone=config.reports_timezone(os.environ),
    )
    serve(app, arguments.host, arguments.port)


def _credentials() -> Credentials | None:
    from airflow_provider_rcs.receiver import airflow_connection, config

    return config.reports_credentials(os.environ) or airflow_connection.reports_credentials()
