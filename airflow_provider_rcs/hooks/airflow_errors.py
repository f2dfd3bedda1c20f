"""The provider's errors as Airflow's exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_rcs.api.errors import RcsError


@contextmanager
def airflow_exceptions() -> Iterator[None]:
    """Raise errors of the provider as Airflow's exceptions; errors that a retry cannot fix skip the retries."""
    try:
        yield
    except RcsError as error:
        kind = AirflowException if error.retry_may_help else AirflowFailException
        raise kind(describe_error(error)) from error


def describe_error(error: Exception) -> str:
    """Return the text of an error for logs: the provider's own in full, others' first line with digits masked."""
    if isinstance(error, RcsError):
        return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
    return f"{type(error).__name__}: {first_line_without_digits(str(error))}"


def first_line_without_digits(text: str) -> str:
    """Return the first line of an error's text with digits masked: some drivers quote values, which may be phones."""
    return re.sub(r"[0-9]", "*", text.partition("\n")[0])
