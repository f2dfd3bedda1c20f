"""``python -m airflow_provider_rcs.receiver``: run the receiver as the environment configures it, without Airflow."""

from __future__ import annotations

import argparse
import os
import sys

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.server import DEFAULT_HOST, DEFAULT_PORT, app_from_environment, run, run_workers
from airflow_provider_rcs.receiver.workers import is_worker


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_rcs.receiver", description=__doc__)
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free port (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="number of processes (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        if arguments.workers > 1 and not is_worker(os.environ):
            run_workers(["-m", "airflow_provider_rcs.receiver"], arguments.workers, arguments.host, arguments.port)
            return 0
        run(app_from_environment(), arguments.host, arguments.port)
    except RcsError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
