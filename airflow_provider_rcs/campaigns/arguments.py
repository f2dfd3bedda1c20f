"""The arguments of a preview and of a send without a DAG."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.hooks.sql import stream_only_column
from airflow_provider_rcs.sending.arguments import SendArguments
from airflow_provider_rcs.sending.settings import SendSettings, describe_query

P = ParamSpec("P")
A = TypeVar("A")
R = TypeVar("R")

_ON_EMPTY = ("fail", "skip")
_EXAMPLES = {"campaign": 'Name what the list is for, such as campaign="spring": it is sent to each person once, ever.'}


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignArguments(SendArguments):
    """The arguments of the sending operators, with their names and defaults, that do not need a DAG.

    :param rcs_conn_id: the connection to the RCS API.
    :param store_conn_id: the connection to the store; by default ``[rcs] store_conn_id``.
    :param store_url: the store's SQLAlchemy URL, in place of a connection; by default ``$AIRFLOW_RCS_STORE_URL``.
    :param read_options: how CSV files are written: ``separator`` and ``encoding``.
    :param exclude_sql: a query with one column: phones that must not be messaged.
    :param exclude_conn_id: the connection of ``exclude_sql``.
    :param on_empty: ``"fail"`` raises an error if the list has no rows, ``"skip"`` sends nothing.
    """

    rcs_conn_id: str = DEFAULT_RCS_CONN_ID
    store_conn_id: str | None = None
    store_url: str | None = None
    read_options: Mapping[str, str] | None = None
    exclude_sql: str | None = None
    exclude_conn_id: str | None = None
    on_empty: str = "fail"

    def checked_settings(self) -> SendSettings:
        """Return the settings of the send.

        :raises RcsInputError: if an argument cannot be used; names it.
        """
        if self.on_empty not in _ON_EMPTY:
            choices = " or ".join(map(repr, _ON_EMPTY))
            raise RcsInputError("on_empty", f"{self.on_empty!r} is not a choice", f"Use {choices}.")
        if self.exclude_sql is not None and not self.exclude_sql.strip():
            raise RcsInputError("exclude_sql", "it is empty", "Give a query, or leave it out to exclude nobody.")
        if self.exclude_sql is not None and not self.exclude_conn_id:
            raise RcsInputError("exclude_conn_id", "it is not set", "Give the connection of exclude_sql.")
        return self.settings(describe_query(self.exclude_sql, self.exclude_conn_id or ""))

    def read_excluded(self) -> Iterator[Sequence[object]]:
        """Yield the phones of ``exclude_sql``, some at a time."""
        if self.exclude_sql is not None and self.exclude_conn_id:
            yield from stream_only_column("exclude_sql", self.exclude_conn_id, self.exclude_sql)


def with_signature_of(
    arguments: Callable[P, A],
) -> Callable[[Callable[[Any, A], R]], Callable[Concatenate[Any, P], R]]:
    """Have a function of a frame and its arguments take each argument by its own name, also where editors look.

    :param arguments: the class of the arguments.
    """
    own = inspect.signature(arguments)

    def decorate(call: Callable[[Any, A], R]) -> Callable[Concatenate[Any, P], R]:
        def called(frame: Any, *args: P.args, **kwargs: P.kwargs) -> R:
            _require_arguments(own, kwargs)
            return call(frame, arguments(*args, **kwargs))

        update_wrapper(called, call)
        first, *_ = inspect.signature(call).parameters.values()
        called.__signature__ = own.replace(  # type: ignore[attr-defined]
            parameters=[first, *own.parameters.values()], return_annotation=inspect.signature(call).return_annotation
        )
        return called  # type: ignore[return-value]  # takes the frame by its name as well

    return decorate


def _require_arguments(signature: inspect.Signature, given: Mapping[str, Any]) -> None:
    known = signature.parameters
    for name in given.keys() - known.keys():
        similar = get_close_matches(name, known, 1)
        meant = f"Did you mean {similar[0]}?" if similar else f"There are: {', '.join(known)}."
        raise RcsInputError(name, "there is no such argument", meant)
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in given:
            raise RcsInputError(name, "it is missing", _EXAMPLES.get(name, "Give it a value."))
