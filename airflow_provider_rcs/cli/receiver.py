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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_store_option(parser)
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Serve until stopped."""
    from airflow_provider_rcs.receiver.app import ReportsApp
    from airflow_provider_rcs.receiver.server import run as serve

    engine = store_of(arguments)
    serve(ReportsApp(lambda: engine, _credentials), arguments.host, arguments.port)


def _credentials() -> Credentials | None:
    from airflow_provider_rcs.receiver import airflow_connection, settings

    return settings.reports_credentials(os.environ) or airflow_connection.reports_credentials()
