"""``python -m examples.demo``: run the demo, from the root of a clone."""

from __future__ import annotations

import argparse
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from airflow_provider_rcs.api.errors import RcsError
from examples.demo.home import Home
from examples.demo.processes import ProcessDiedError
from examples.demo.run import Demo, DemoFailedError


def main() -> int:
    """Run the demo, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description="Run a campaign against the sandbox.")
    parser.add_argument("--campaign", help="name of the campaign; repeat a name to see that nobody is messaged twice")
    parser.add_argument(
        "--home",
        type=Path,
        default=Path(".airflow"),
        help="folder for Airflow, the databases and the logs (default: %(default)s)",
    )
    parser.add_argument(
        "--dags", type=Path, default=Path("dags"), help="folder of the DAG files (default: %(default)s)"
    )
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    campaign = arguments.campaign or f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    try:
        Demo(Home(arguments.home.resolve(), arguments.dags.resolve()), campaign).run()
    except KeyboardInterrupt:
        print("\nStopped. No process was left running.", file=sys.stderr)
        return 130
    except (DemoFailedError, ProcessDiedError, TimeoutError, RcsError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
