"""The names of a source's columns: looked up without regard to case, and shown in errors."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from airflow_provider_rcs.api.errors import RcsInputError

# A name like a phone or an address of a page is a cell of a table without a header.
_LOOKS_LIKE_A_CELL = re.compile(r"\+?(?:[\s\-()./]*\d){7,}[\s\-()./]*|.*://.*", re.DOTALL)
_LONGEST_NAME = 128


def find_column(argument: str, wanted: str, available: Sequence[str]) -> str | None:
    """Return the column of this name, in any case, or ``None`` if there is none.

    :param argument: the argument that names the column, for the error.
    :raises RcsInputError: if two columns have the name in different case: which one is meant is not certain, even if
        one of them is spelled exactly so.
    """
    matches = [column for column in available if column.casefold() == str(wanted).casefold()]
    if len(matches) > 1:
        raise RcsInputError(
            argument,
            f"{list_columns(matches)} differ only in upper and lower case, so which of them is column {wanted!r} is "
            "not certain",
            "Rename all but one of them.",
        )
    return matches[0] if matches else None


def require_distinct_columns(argument: str, columns: Sequence[str], remedy: str) -> None:
    """Check that no two columns have the same name.

    :param argument: the argument that names the source, for the error.
    :raises RcsInputError: if two have; says which, by name and place.
    """
    places: defaultdict[str, list[str]] = defaultdict(list)
    for place, column in enumerate(columns, start=1):
        places[column].append(str(place))
    repeated = {column: where for column, where in places.items() if len(where) > 1}
    if repeated:
        names = list_columns(repeated, among=columns)
        where = "; ".join(" and ".join(each) for each in repeated.values())
        raise RcsInputError(argument, f"two columns have the same name: {names} (columns {where})", remedy)


def require_same_columns(argument: str, part: str, first: Iterable[str], columns: Iterable[str]) -> None:
    """Check that a further part of a source has the columns of its first part, in any order.

    :param argument: the argument that names the source, for the error.
    :param part: the part, for the error.
    :raises RcsInputError: if a column is missing or new.
    """
    before, now = set(first), set(columns)
    if before == now:
        return
    differences = [
        f"it {verb} {list_columns(sorted(names), among=[*before, *now])}"
        for verb, names in (("lacks", before - now), ("adds", now - before))
        if names
    ]
    raise RcsInputError(
        argument,
        f"{part} has other columns than the first one: {' and '.join(differences)}",
        "Give all parts the same columns.",
    )


def list_columns(names: Iterable[str], *, among: Iterable[str] | None = None) -> str:
    """Return names of columns for an error; of a table whose header seems to be a row of recipients, none.

    :param among: all columns of the source, if these are only some of them.
    """
    shown = list(names)
    if any(map(_looks_like_a_cell, shown if among is None else among)):
        return "(not shown, because they look like a row of recipients: is the header missing?)"
    return ", ".join(map(repr, shown)) or "none"


def _looks_like_a_cell(name: str) -> bool:
    return len(name) > _LONGEST_NAME or not name.isprintable() or _LOOKS_LIKE_A_CELL.fullmatch(name) is not None
