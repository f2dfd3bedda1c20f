"""The provider's errors as Airflow's: decides in one place which failures a retry may mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_rcs.api.errors import RcsError


@contextmanager
def airflow_failures() -> Iterator[None]:
    """Tell the provider's errors to Airflow: those that a retry cannot help fail the task at once."""
    try:
        yield
    except RcsError as error:
        text = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
        kind = AirflowException if error.retry_may_help else AirflowFailException
        raise kind(text) from error
