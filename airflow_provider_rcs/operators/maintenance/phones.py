"""Phones that an operator gets without leaving them in Airflow: in a variable, which it deletes, a query or a file."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence

from airflow_provider_rcs.api.errors import RcsInputError

log = logging.getLogger(__name__)

_BETWEEN = re.compile(r"[\n,;]+")


def phones_of_variable(name: str) -> list[str]:
    """Return the phones in an Airflow variable, as they are written: one a line, or with commas between them.

    :raises RcsInputError: if there is no such variable, or if it holds none.
    """
    text = _read(name)
    phones = [each.strip() for each in _BETWEEN.split(text or "") if each.strip()]
    if not phones:
        raise RcsInputError(
            "phones_variable",
            f"the Airflow variable {name!r} {'does not exist' if text is None else 'holds no phone'}",
            "Create it under Admin -> Variables, with one phone a line. Nothing was changed.",
        )
    return phones


def delete_variable(name: str) -> None:
    """Delete an Airflow variable, so that the phones in it do not stay; warn if it is not Airflow's to delete."""
    from airflow.providers.common.compat.sdk import Variable

    Variable.delete(name)
    if _read(name) is not None:
        log.warning("The variable %s is not in Airflow's database, so it was not deleted: delete it where it is.", name)


def cells_given(
    phones_variable: str, sql: str, sql_conn_id: str, path: str, column: str, read_options: Mapping[str, str]
) -> tuple[str, Iterable[Sequence[object]]]:
    """Return the argument that phones come from, and the phones, some at a time.

    :raises RcsInputError: unless exactly one source is given, with what it needs.
    """
    given = {name: value for name, value in _named(phones_variable, sql, path).items() if value}
    if len(given) != 1:
        raise RcsInputError(
            "phones_variable, sql, path",
            f"{len(given)} of them are given" if given else "none of them is given",
            "Give exactly one: where the phones come from.",
        )
    if read_options and not path:
        raise RcsInputError("read_options", "the phones are not in a CSV file", "Leave it out.")
    if phones_variable:
        return "phones_variable", [phones_of_variable(phones_variable)]
    if path:
        from airflow_provider_rcs.sending.sources.phone_lists import cells_of_file

        return "path", cells_of_file("path", path, column, read_options)
    from airflow_provider_rcs.hooks.sql import stream_only_column

    if not sql_conn_id:
        raise RcsInputError("sql_conn_id", "it is not set, and sql needs it", "Name the Airflow connection to query.")
    return "sql", stream_only_column("sql", sql_conn_id, sql)


def _named(phones_variable: str, sql: str, path: str) -> dict[str, str]:
    return {"phones_variable": phones_variable, "sql": sql, "path": path}


def _read(name: str) -> str | None:
    from airflow.providers.common.compat.sdk import Variable

    value = Variable.get(name, default=None)
    return None if value is None else str(value)
