"""``airflow-rcs receiver``: run the web application that delivery reports are pushed to.

Environment variables configure it: ``AIRFLOW_RCS_STORE_URL`` the store, ``AIRFLOW_RCS_REPORTS_LOGIN`` and
``AIRFLOW_RCS_REPORTS_PASSWORD`` the credentials. What they do not set is read from Airflow's connections.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreUnavailable
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.store_option import add_store_option, store_of
from airflow_provider_rcs.get_provider_info import STORE_URL_VARIABLE
from airflow_provider_rcs.receiver.config import REPORTS_LOGIN, REPORTS_PASSWORD
from airflow_provider_rcs.receiver.server import DEFAULT_HOST, DEFAULT_PORT

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.receiver.app import ReportsApp


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_store_option(parser)
    parser.add_argument(
        "--reports-conn-id",
        help="Airflow connections whose logins and passwords let reports in, with commas between them (default: "
        f"${REPORTS_LOGIN} and ${REPORTS_PASSWORD}, or else reports_conn_id in section rcs of airflow.cfg)",
    )
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free port (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="number of processes (default: %(default)s)")
    end_help(parser, "receiver --host 127.0.0.1 --port 8071 --workers 2")


def run(arguments: argparse.Namespace) -> None:
    """Serve until stopped; also if the store cannot be reached, because then the spool accepts the reports."""
    from airflow_provider_rcs.receiver.server import serve

    if arguments.workers < 1:
        raise RcsInputError("workers", f"{arguments.workers} is no number of processes", "Give 1 or more.")
    # Worker processes read it from the environment: other users of the machine can read command lines.
    if arguments.store_conn_id:
        os.environ.pop(STORE_URL_VARIABLE, None)
        os.environ["AIRFLOW__RCS__STORE_CONN_ID"] = arguments.store_conn_id
    elif arguments.store_url:
        os.environ[STORE_URL_VARIABLE] = arguments.store_url
    if arguments.reports_conn_id:
        for name in (REPORTS_LOGIN, REPORTS_PASSWORD):
            os.environ.pop(name, None)
        os.environ["AIRFLOW__RCS__REPORTS_CONN_ID"] = arguments.reports_conn_id
        _require_reports_connections()
    engine = store_of(arguments)
    _require_store(engine)
    _name_other_spools(engine.url)
    load_app()  # Each process calls it again; what is wrong with the environment is reported here.
    serve(load_app, arguments.host, arguments.port, arguments.workers)


def load_app() -> ReportsApp:
    """Return the application that the environment and Airflow's connections configure.

    :raises RcsInputError: if a variable is wrong.
    :raises RcsStoreError: if the store cannot be used.
    """
    from airflow_provider_rcs.receiver import config
    from airflow_provider_rcs.receiver.app import ReportsApp
    from airflow_provider_rcs.receiver.server import prepare_process

    engine = store_of(argparse.Namespace(store_url=os.environ.get(STORE_URL_VARIABLE), store_conn_id=None))
    app = ReportsApp(
        lambda: engine,
        config.look_ups_from_environment(os.environ) or config.look_ups_from_airflow(),
        spool=config.spool_from_environment(os.environ, engine.url),
        timezone=config.timezone_from_environment(os.environ),
        opt_out_words=config.opt_out_words_from_environment(os.environ),
    )
    prepare_process()
    return app


def _require_reports_connections() -> None:
    """Raise an error if a connection that the option names cannot let a report in.

    :raises RcsInputError: if it is not defined, or lacks login or password.
    """
    from airflow_provider_rcs.receiver import config

    for conn_id, look_up in config.look_ups_from_airflow().items():
        if look_up() is None:
            raise RcsInputError(
                "reports-conn-id", f"the connection {conn_id!r} is not defined", "Define it in Airflow."
            )


def _require_store(engine: sa.Engine) -> None:
    """Raise an error if the store has no tables; leave no connection open, which the server's processes do not share.

    :raises RcsStoreError: if the store has no tables.
    """
    from airflow_provider_rcs.store.db.migrate import require_migrated

    try:
        require_migrated(engine)
    except RcsStoreUnavailable as error:
        print(f"airflow-rcs receiver: starting without the store, so reports go to the spool: {error}", file=sys.stderr)
    finally:
        engine.dispose()


def _name_other_spools(store: sa.URL) -> None:
    """Name the folders in which reports wait that no receiver of this store will move."""
    from airflow_provider_rcs.receiver import config

    spool = config.spool_from_environment(os.environ, store)
    for folder, entries in config.other_spools_that_wait(spool).items():
        print(
            f"airflow-rcs receiver: {counted(entries, 'request waits', 'requests wait')} in {folder}, the spool of a "
            "store with another address or login. If that has become this one, move the files, while no receiver of "
            f"the other runs, to {spool.folder}",
            file=sys.stderr,
        )
