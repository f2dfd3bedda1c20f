"""``python -m airflow_provider_rcs.sandbox``: run the sandbox without loading the rest of the command line."""

from __future__ import annotations

import argparse

from airflow_provider_rcs.sandbox.arguments import add_arguments, options_from_arguments
from airflow_provider_rcs.sandbox.server import run


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_rcs.sandbox", description="Run a stand-in for the RCS service."
    )
    add_arguments(parser)
    arguments = parser.parse_args()
    try:
        options = options_from_arguments(arguments)
    except ValueError as error:
        parser.error(str(error))
    run(options)


if __name__ == "__main__":
    main()
