"""``make demo``: run the demo from the clone's folder."""

from __future__ import annotations

import argparse
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.demo.home import Home
from airflow_provider_rcs.demo.processes import ProcessDiedError
from airflow_provider_rcs.demo.run import Demo, DemoFailedError


def main() -> int:
    """Run the demo, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--campaign", help="the campaign's name; a name used before sends nobody a second message")
    parser.add_argument("--home", type=Path, default=Path(".airflow"), help="folder that it is made in")
    parser.add_argument("--dags", type=Path, default=Path("dags"), help="folder of the DAG files")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    campaign = arguments.campaign or f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    try:
        Demo(Home(arguments.home.resolve(), arguments.dags.resolve()), campaign).run()
    except KeyboardInterrupt:
        print("\nStopped; no process is left behind.", file=sys.stderr)
        return 130
    except (DemoFailedError, ProcessDiedError, TimeoutError, RcsError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
