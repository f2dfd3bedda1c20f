"""``airflow-rcs sandbox``: run a stand-in for the RCS service, to try things out and to test."""

from __future__ import annotations

import argparse

from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.sandbox import arguments as of_sandbox


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    of_sandbox.add_arguments(parser)
    end_help(parser, "sandbox --record accepted.jsonl --report-url http://127.0.0.1:8071/rcs/reports")


def run(arguments: argparse.Namespace) -> None:
    """Serve until the process is stopped."""
    from airflow_provider_rcs.sandbox.server import run as serve

    serve(of_sandbox.options_from_arguments(arguments))
