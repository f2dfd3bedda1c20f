"""``airflow-rcs sandbox``: run a stand-in for the RCS service, to try things out and to test."""

from __future__ import annotations

import argparse

from airflow_provider_rcs.sandbox.arguments import add_arguments, options_from_arguments

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace) -> None:
    """Serve until the process is stopped."""
    from airflow_provider_rcs.sandbox.server import run as serve

    serve(options_from_arguments(arguments))
