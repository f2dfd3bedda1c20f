"""Rows of a table as recipients of a template, each either ready to be sent to or rejected with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from airflow_provider_rcs.api import phones, values
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import Template

DEFAULT_NAME_COLUMN = "name"


@dataclass(frozen=True, slots=True)
class RecipientColumns:
    """Which column of the table holds what.

    :param phone: column of the phones.
    :param name: column of the names, or ``None``.
    :param reference: column of the sender's own references, or ``None``.
    :param variables: template variable -> column of its values.
    """

    phone: str
    name: str | None
    reference: str | None
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListedRecipient:
    """One row of the list of recipients, read.

    :param key: what tells this recipient from the others of the campaign: the phone, or a hash of what came instead.
    :param phone: E.164 digits, or ``None`` where there is no usable phone.
    :param phone_as_listed: the phone as it came, for a person to look at.
    :param rejection: why the recipient cannot be sent to; empty if it can.
    :param detail: where and what, with the phone masked; empty if there is no rejection.
    """

    key: str
    phone: str | None
    phone_as_listed: str
    name: str
    reference: str
    variables: Mapping[str, str]
    rejection: str = ""
    detail: str = ""


def choose_columns(
    template: Template,
    available: Sequence[str],
    *,
    phone: str,
    name: str | None,
    reference: str | None,
    variables: Mapping[str, str] | None,
) -> RecipientColumns:
    """Return which columns are read, after checking them against the table and the template.

    :param template: the template to be sent.
    :param available: the columns that the table has.
    :param variables: template variable -> column; a variable left out is looked for in the column of its own name.
    :raises RcsInputError: if a column is not there, or a variable is not in the template or has no column.
    """
    known = {variable.name for variable in template.variables}
    mapping = dict(variables or {})
    if unknown := sorted(mapping.keys() - known):
        raise RcsInputError(
            "variables",
            f"template {template.id} has no variable {_listing(unknown)}",
            f"It has {_listing(sorted(known)) or 'none'}.",
        )
    for variable in template.required_variables:
        mapping.setdefault(variable, variable)
        if mapping[variable] not in available:
            raise RcsInputError(
                "variables",
                f"variable {variable!r} of template {template.id} has no column {mapping[variable]!r}",
                f'Map it with variables={{"{variable}": "<column>"}}; the columns are {_listing(available)}.',
            )
    if name == DEFAULT_NAME_COLUMN and name not in available:
        name = None
    columns = RecipientColumns(phone, name, reference, mapping)
    for argument, column in [("phone", phone), ("name", name), ("reference", reference), *_as_arguments(mapping)]:
        if column is not None and column not in available:
            raise RcsInputError(argument, f"there is no column {column!r}", f"The columns are {_listing(available)}.")
    return columns


def read_recipients(
    chunk: Mapping[str, Sequence[object]],
    columns: RecipientColumns,
    required_variables: Sequence[str],
    *,
    default_region: str | None,
    first_row: int,
) -> Iterator[ListedRecipient]:
    """Read the rows of one chunk of the table.

    :param chunk: column -> its cells; all of the same length.
    :param columns: which column holds what.
    :param required_variables: variables without which a recipient is rejected.
    :param default_region: region of national phones, such as ``"ES"``.
    :param first_row: number of the chunk's first row in the table, from 1; named in rejections.
    """
    cells = [
        chunk[columns.phone],
        chunk[columns.name] if columns.name else (),
        chunk[columns.reference] if columns.reference else (),
        *(chunk[column] for column in columns.variables.values()),
    ]
    size = len(cells[0])
    filled = [column if len(column) else [None] * size for column in cells]
    required = frozenset(required_variables)
    for row, (phone, name, reference, *variable_cells) in enumerate(zip(*filled, strict=True), start=first_row):
        yield _read_row(row, phone, name, reference, variable_cells, columns, required, default_region)


def _read_row(
    row: int,
    phone_cell: object,
    name_cell: object,
    reference_cell: object,
    variable_cells: Sequence[object],
    columns: RecipientColumns,
    required: frozenset[str],
    default_region: str | None,
) -> ListedRecipient:
    rejection = detail = ""
    phone: str | None = None
    try:
        phone = phones.normalise(phone_cell, default_region)
    except phones.PhoneError as error:
        rejection = f"phone: {error}"
        detail = f"row {row}, column {columns.phone!r}, value {phones.mask(_shown(phone_cell))!r}"
    name, reference = "", ""
    texts: dict[str, str] = {}
    try:
        column: str | None = columns.name
        name = values.as_text(name_cell)
        column = columns.reference
        reference = values.as_text(reference_cell)
        for (variable, column), cell in zip(columns.variables.items(), variable_cells, strict=True):  # noqa: B007
            texts[variable] = values.as_text(cell)
    except ValueError as error:
        rejection = rejection or f"column {column}: {error}"
        detail = detail or f"row {row}"
    if not rejection and (missing := [name for name in columns.variables if name in required and not texts[name]]):
        rejection = f"variable {missing[0]}: it has no value"
        detail = f"row {row}, column {columns.variables[missing[0]]!r}"
    given = {variable: text for variable, text in texts.items() if text}
    listed_as = _shown(phone_cell)
    key = phone or _key_without_phone(listed_as, name, reference, given)
    return ListedRecipient(key, phone, listed_as, name, reference, given, rejection, detail)


def _key_without_phone(*identity: object) -> str:
    return "no-phone:" + hashlib.blake2b(orjson.dumps(identity), digest_size=12).hexdigest()


def _shown(cell: object) -> str:
    """Return a phone as it came, as far as every database can keep it."""
    text = "" if values.is_missing(cell) else str(cell).strip()[:64]
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _as_arguments(mapping: Mapping[str, str]) -> list[tuple[str, str | None]]:
    return [(f"variables[{variable!r}]", column) for variable, column in mapping.items()]


def _listing(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
