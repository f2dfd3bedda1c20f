"""The provider's errors as Airflow's: decides in one place which failures a retry may mend."""

from __future__ import annotations

import re
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
        kind = AirflowException if error.retry_may_help else AirflowFailException
        raise kind(told(error)) from error


def told(error: Exception) -> str:
    """Return an error in words that may be shown: the provider's own whole, of others the first line without digits."""
    if isinstance(error, RcsError):
        return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
    return f"{type(error).__name__}: {said_without_digits(error)}"


def said_without_digits(error: Exception) -> str:
    """Return what an error says first; some drivers quote values, whose digits may be a phone's."""
    return re.sub(r"[0-9]", "*", str(error).partition("\n")[0])
