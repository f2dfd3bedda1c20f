"""The provider's errors as Airflow's exceptions."""

from __future__ import annotations

import logging
import re
from types import TracebackType

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowNotFoundException

from airflow_provider_rcs.api.errors import RcsError

log = logging.getLogger(__name__)


class airflow_exceptions:  # noqa: N801 - a context manager, which reads like a function
    """Log errors of the provider as one line, and raise them as Airflow's exceptions, in a ``with`` statement.

    Errors that a retry cannot fix skip the retries. The exception has none of the frames in which the error arose: they
    show nothing that its text does not say. Two of the provider's frames are left, because Python adds those that an
    exception passes. A connection that is not defined is treated alike. Other errors, which are bugs, pass unchanged,
    with their traceback. The provider's error is the exception's ``__context__``.

    A class, and not a generator, so that none of ``contextlib``'s frames are added.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, RcsError):
            raised: type[AirflowException] = AirflowException if error.retry_may_help else AirflowFailException
            text = describe_error(error)
        elif isinstance(error, AirflowNotFoundException):
            # Retried as before: a secrets backend that is away for a moment looks the same.
            raised, text = type(error), f"{error}. Define it (airflow connections add), or name another one."
        else:
            return
        log.error("%s", text)
        raise raised(text) from None


def describe_error(error: Exception) -> str:
    """Return the text of an error for logs: the provider's own in full, others' first line with digits masked."""
    if isinstance(error, RcsError):
        return " ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
    return f"{type(error).__name__}: {first_line_without_digits(str(error))}"


def first_line_without_digits(text: str) -> str:
    """Return the first line of an error's text with digits masked: some drivers quote values, which may be phones."""
    return re.sub(r"[0-9]", "*", text.partition("\n")[0])
