"""Columns of a source, read as recipients."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import orjson

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.recipients.cells import CellError, cell_text, is_missing, plain_texts, read_text_column
from airflow_provider_rcs.recipients.chunks import Chunk
from airflow_provider_rcs.recipients.column_names import find_column, list_columns
from airflow_provider_rcs.recipients.phones import PhoneRules
from airflow_provider_rcs.recipients.regions import read_phones_by_region

DEFAULT_NAME_COLUMN = "name"

_LONGEST_AS_LISTED = 64


@dataclass(frozen=True, slots=True)
class RecipientColumns:
    """The columns that the fields of a recipient are read from.

    :param phone: the column of phones.
    :param name: the column of names, or ``None``.
    :param reference: the column of the sender's own references, or ``None``.
    :param variables: template variable -> column.
    :param constants: template variable -> value for every recipient.
    :param region: the column of the phones' regions, or ``None``.
    :param needs_name: whether the template takes something from the recipient, so that an empty name is a mistake.
    """

    phone: str
    name: str | None
    reference: str | None
    variables: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    region: str | None = None
    needs_name: bool = False


class ListedRecipient(NamedTuple):  # made for each row: a frozen dataclass takes three times as long
    """A row of a list, read as a recipient or as a rejection.

    :param key: identifies the recipient in the campaign: the phone, or without one a hash of the row's values.
    :param phone: in E.164, such as ``+34600000001``, or ``None`` if the row has no usable phone.
    :param phone_as_listed: the phone as the source has it, for people to look at.
    :param rejection: why the recipient cannot be messaged; empty if it can.
    :param detail: row, column and value of the rejection, with the phone masked; empty without a rejection.
    :param is_fixed_line: whether the phone is a fixed line that cannot be a mobile.
    :param reading: how the phone was read; empty if the row has no usable phone.
    """

    key: str
    phone: str | None
    phone_as_listed: str
    name: str
    reference: str
    variables: Mapping[str, str]
    rejection: str = ""
    detail: str = ""
    is_fixed_line: bool = False
    reading: str = ""


def choose_columns(
    template: Template,
    available: Sequence[str],
    *,
    phone_column: str,
    name_column: str | None,
    reference_column: str | None,
    variables: Mapping[str, str] | None,
    constants: Mapping[str, object] | None = None,
    region_column: str | None = None,
    hint: str = "",
) -> RecipientColumns:
    """Return the columns to read, checked against the source and the template.

    Columns are found in any case, because databases such as Snowflake and Oracle change it: ``name`` finds ``NAME``.

    :param template: the template to send.
    :param available: the columns of the source.
    :param variables: template variable -> column; a variable that is left out is read from the column of its own name.
    :param constants: template variable -> value for every recipient.
    :param hint: what to add to the error about a column that does not exist.
    :raises RcsInputError: if a column does not exist or two have its name in different case; if a variable is not in
        the template, has neither column nor constant or has both; if a constant cannot be sent; or if the template
        takes something from the recipient and there is no column of names.
    """
    mapping = dict(variables or {})
    texts = {variable: _constant(variable, value) for variable, value in (constants or {}).items()}
    _require_known(template, "variables", mapping)
    _require_known(template, "constants", texts)
    if twice := sorted(mapping.keys() & texts.keys()):
        raise RcsInputError("constants", f"{_listing(twice)} is in variables as well", "Remove it from one of the two.")
    existing = f"The columns are {list_columns(available)}.{hint and f' {hint}'}"
    columns: dict[str, str] = {}
    for variable in [*mapping, *template.required_variables]:
        if variable in texts or variable in columns:
            continue
        wanted = mapping.get(variable, variable)
        column = find_column(f"variables[{variable!r}]", wanted, available)
        if column is None and variable in template.required_variables:
            raise RcsInputError(
                "variables",
                f"variable {variable!r} of template {template.id} has no column {wanted!r}",
                f'Map it with variables={{"{variable}": "<column>"}}; the columns are {list_columns(available)}. '
                f'Or send the same value to all recipients with constants={{"{variable}": "<value>"}}.'
                f"{hint and f' {hint}'}",
            )
        columns[variable] = column or _missing(f"variables[{variable!r}]", wanted, existing)
    phone = find_column("phone_column", phone_column, available) or _missing("phone_column", phone_column, existing)
    optional = {"region_column": region_column, "reference_column": reference_column}
    found = {
        argument: wanted and (find_column(argument, wanted, available) or _missing(argument, wanted, existing))
        for argument, wanted in optional.items()
    }
    taken = template.taken_from_recipient(columns.keys() | texts.keys())
    name = _choose_name_column(template, name_column, taken, available, existing)
    return RecipientColumns(
        phone,
        name,
        found["reference_column"],
        columns,
        texts,
        region=found["region_column"],
        needs_name=bool(name and taken),
    )


def _choose_name_column(
    template: Template, wanted: str | None, taken: Sequence[str], available: Sequence[str], existing: str
) -> str | None:
    if wanted is None:
        return None
    if found := find_column("name_column", wanted, available):
        return found
    if taken:
        raise RcsInputError(
            "name_column",
            f"there is no column {wanted!r}, and template {template.id} takes {_listing(taken)} from the recipient",
            f"Give the column of the names, or name_column=None to send without names. {existing}",
        )
    return None if wanted == DEFAULT_NAME_COLUMN else _missing("name_column", wanted, existing)


def _missing(argument: str, column: str, remedy: str) -> NoReturn:
    raise RcsInputError(argument, f"there is no column {column!r}", remedy)


def read_recipients(
    chunk: Chunk,
    columns: RecipientColumns,
    required_variables: Collection[str],
    *,
    phone_rules: PhoneRules,
    first_row: int,
) -> list[ListedRecipient]:
    """Read the rows of a chunk.

    :param columns: the columns to read.
    :param required_variables: the variables without which a recipient is rejected.
    :param phone_rules: how phones without a country are read, and which are accepted.
    :param first_row: the number of the chunk's first row in the source, from 1; shown in rejections.
    """
    reader = _ChunkReader(chunk, first_row)
    phone_cells = chunk[columns.phone]
    size = len(phone_cells)
    as_listed = _as_listed_column(phone_cells)
    phones = read_phones_by_region(phone_cells, chunk[columns.region] if columns.region else None, phone_rules)
    for position, rule in phones.refused.items():
        detail = f", column {columns.phone!r}, value {mask_phone(as_listed[position])!r}"
        if readings := phones.two_readings.get(position):
            detail += f", read as {' or '.join(readings)}"
        reader.reject(position, f"phone: {rule}", detail)
    names = reader.texts(columns.name) if columns.name else [""] * size
    references = reader.texts(columns.reference) if columns.reference else [""] * size
    texts = {variable: reader.texts(column) for variable, column in columns.variables.items()}
    for variable, column in columns.variables.items():
        if variable in required_variables and not all(texts[variable]):
            reader.require(texts[variable], f"variable {variable}: it has no value", f", column {column!r}")
    variables: list[dict[str, str]] = [{} for _ in range(size)]
    for variable, values_of_rows in texts.items():
        for values, text in zip(variables, values_of_rows, strict=True):
            if text:
                values[variable] = text
    keys: list[Any] = list(phones.phones)
    for position in (position for position in phones.refused if keys[position] is None):
        identity = (as_listed[position], names[position], references[position], variables[position])
        keys[position] = _key_without_phone(identity)
    for values in variables:
        values.update(columns.constants)
    rejections, details = reader.rejections_and_details(size)
    are_fixed_lines = [False] * size
    for position in phones.fixed_lines:
        are_fixed_lines[position] = True
    texts_of_rows = (keys, phones.phones, as_listed, names, references, variables, rejections, details)
    fields = (*texts_of_rows, are_fixed_lines, phones.readings)
    return list(map(ListedRecipient._make, zip(*fields, strict=True)))


@dataclass(frozen=True, slots=True)
class _ChunkReader:
    """The cells of a chunk, and position -> (rejection, detail) of its rejected rows; the first rejection counts."""

    cells: Chunk
    first_row: int
    rejections: dict[int, tuple[str, str]] = field(default_factory=dict)

    def reject(self, position: int, rejection: str, detail: str = "") -> None:
        self.rejections.setdefault(position, (rejection, f"row {self.first_row + position}{detail}"))

    def texts(self, column: str) -> list[str]:
        texts, refused = read_text_column(self.cells[column])
        for position, problem in refused.items():
            self.reject(position, f"column {column}: {problem}")
        return texts

    def require(self, texts: Sequence[str], rejection: str, detail: str) -> None:
        for position, text in enumerate(texts):
            if not text:
                self.reject(position, rejection, detail)

    def rejections_and_details(self, size: int) -> tuple[list[str], list[str]]:
        rejections, details = [""] * size, [""] * size
        for position, (rejection, detail) in self.rejections.items():
            rejections[position], details[position] = rejection, detail
        return rejections, details


def _key_without_phone(identity: tuple[object, ...]) -> str:
    return "no-phone:" + hashlib.blake2b(orjson.dumps(identity), digest_size=12).hexdigest()


def _as_listed_column(cells: Sequence[Any]) -> list[str]:
    plain = plain_texts(cells)
    if plain is not None and max(map(len, plain), default=0) <= _LONGEST_AS_LISTED:
        return plain
    return [_as_listed(cell) for cell in cells]


def _as_listed(cell: object) -> str:
    """Return the text of a phone cell, cut to a length and to characters that every database can store."""
    if isinstance(cell, str):
        text = cell.strip()[:_LONGEST_AS_LISTED]
    else:
        text = "" if is_missing(cell) else str(cell).strip()[:_LONGEST_AS_LISTED]
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _constant(variable: str, value: object) -> str:
    argument = f"constants[{variable!r}]"
    try:
        text = cell_text(value)
    except CellError as error:
        raise RcsInputError(argument, str(error), "Use text, a number or a date.") from None
    if not text:
        raise RcsInputError(argument, "it has no value", "Set one, or read the variable from a column.")
    return text


def _require_known(template: Template, argument: str, given: Iterable[str]) -> None:
    known = {variable.name for variable in template.variables}
    if unknown := sorted(set(given) - known):
        raise RcsInputError(
            argument,
            f"template {template.id} has no variable {_listing(unknown)}",
            f"It has {_listing(sorted(known)) or 'none'}.",
        )


def _listing(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
