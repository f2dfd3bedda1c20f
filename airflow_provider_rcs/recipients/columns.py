"""Chunks: how lists travel from their source, as columns of some rows at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, repeat
from operator import itemgetter
from typing import Any, NamedTuple, overload

import orjson

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.json_rows import VariableColumns, columns_of, empty_as_none, rows_of
from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.recipients.cells import cell_text, is_missing, plain_texts, read_text_column
from airflow_provider_rcs.recipients.phones import read_phone_column

Chunk = Mapping[str, Sequence[object]]
"""Some rows of a source: column -> its cells."""

ROWS_PER_CHUNK = 5_000


def require_distinct_columns(argument: str, columns: Sequence[str], remedy: str) -> None:
    """Refuse a table in which a name does not say which column is meant.

    :raises RcsInputError: if two columns have the same name.
    """
    if len(set(columns)) < len(columns):
        raise RcsInputError(argument, "two columns have the same name", remedy)


DEFAULT_NAME_COLUMN = "name"


IS_FIXED_LINE = "phone: it is a fixed line, and mobile_only is set"


_LONGEST_SHOWN = 64


@dataclass(frozen=True, slots=True)
class RecipientColumns:
    """Which column of the table holds what.

    :param phone: column of the phones.
    :param name: column of the names, or ``None``.
    :param reference: column of the sender's own references, or ``None``.
    :param variables: template variable -> column of its values.
    :param constants: template variable -> its value for every recipient.
    """

    phone: str
    name: str | None
    reference: str | None
    variables: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)


class ListedRecipient(NamedTuple):  # made by the million, at a third of what a frozen dataclass takes
    """One row of the list of recipients, read.

    :param key: what tells this recipient from the others of the campaign: the phone, or a hash of what came instead.
    :param phone: E.164 digits, or ``None`` where there is no usable phone.
    :param phone_as_listed: the phone as it came, for a person to look at.
    :param rejection: why the recipient cannot be sent to; empty if it can.
    :param detail: where and what, with the phone masked; empty if there is no rejection.
    :param is_fixed_line: whether the phone is a fixed line, and cannot be a mobile.
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


@dataclass(frozen=True, slots=True)
class ListedRecipients(Sequence[ListedRecipient]):
    """Rows of the list of recipients, kept column by column; what each column holds, :class:`ListedRecipient` tells."""

    keys: Sequence[str]
    phones: Sequence[str | None]
    phones_as_listed: Sequence[str]
    names: Sequence[str]
    references: Sequence[str]
    variables: VariableColumns
    rejections: Sequence[str]
    details: Sequence[str]
    are_fixed_lines: Sequence[bool]

    @classmethod
    def of(cls, listed: Sequence[ListedRecipient]) -> ListedRecipients:
        """Return recipients by columns, whichever way they are kept."""
        if isinstance(listed, cls):
            return listed
        columns = list(zip(*listed, strict=True)) or [()] * len(ListedRecipient._fields)
        keys, phones, as_listed, names, references, variables, *others = columns
        return cls(keys, phones, as_listed, names, references, columns_of(variables), *others)

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[ListedRecipient]:
        variables = rows_of(self.variables, len(self))
        columns = (self.keys, self.phones, self.phones_as_listed, self.names, self.references, variables)
        rows = zip(*columns, self.rejections, self.details, self.are_fixed_lines, strict=True)
        # Not the class's own call, which is a function in Python for each row.
        return map(tuple.__new__, repeat(ListedRecipient), rows)

    @overload
    def __getitem__(self, place: int) -> ListedRecipient: ...

    @overload
    def __getitem__(self, place: slice) -> ListedRecipients: ...

    def __getitem__(self, place: int | slice) -> ListedRecipient | ListedRecipients:
        if isinstance(place, int):
            from_start = range(len(self))[place]
            return next(iter(self[from_start : from_start + 1]))
        return self._of_each_column(itemgetter(place))

    def where(self, flags: Sequence[bool]) -> ListedRecipients:
        """Return those whose flag is set, in their order."""
        return self._of_each_column(lambda column: list(compress(column, flags)))

    def _of_each_column(self, part_of: Callable[[Sequence[Any]], Sequence[Any]]) -> ListedRecipients:
        return ListedRecipients(
            keys=part_of(self.keys),
            phones=part_of(self.phones),
            phones_as_listed=part_of(self.phones_as_listed),
            names=part_of(self.names),
            references=part_of(self.references),
            variables={variable: part_of(values) for variable, values in self.variables.items()},
            rejections=part_of(self.rejections),
            details=part_of(self.details),
            are_fixed_lines=part_of(self.are_fixed_lines),
        )


def choose_columns(
    template: Template,
    available: Sequence[str],
    *,
    phone_column: str,
    name_column: str | None,
    reference_column: str | None,
    variables: Mapping[str, str] | None,
    constants: Mapping[str, object] | None = None,
) -> RecipientColumns:
    """Return which columns are read, after checking them against the table and the template.

    :param template: the template to be sent.
    :param available: the columns that the table has.
    :param variables: template variable -> column; a variable left out is looked for in the column of its own name.
    :param constants: template variable -> its value for every recipient.
    :raises RcsInputError: if a column is not there, a variable is not in the template or has neither column nor
        constant or has both, or a constant cannot be sent.
    """
    mapping = dict(variables or {})
    texts = {variable: _constant(variable, value) for variable, value in (constants or {}).items()}
    _require_known(template, "variables", mapping)
    _require_known(template, "constants", texts)
    if twice := sorted(mapping.keys() & texts.keys()):
        raise RcsInputError("constants", f"{_listing(twice)} is in variables as well", "Leave it in one of the two.")
    for variable in template.required_variables:
        if variable in texts:
            continue
        mapping.setdefault(variable, variable)
        if mapping[variable] not in available:
            raise RcsInputError(
                "variables",
                f"variable {variable!r} of template {template.id} has no column {mapping[variable]!r}",
                f'Map it with variables={{"{variable}": "<column>"}}; the columns are {_listing(available)}. '
                f'Or give everybody the same with constants={{"{variable}": "<value>"}}.',
            )
    if name_column == DEFAULT_NAME_COLUMN and name_column not in available:
        name_column = None
    columns = RecipientColumns(phone_column, name_column, reference_column, mapping, texts)
    given = {"phone_column": phone_column, "name_column": name_column, "reference_column": reference_column}
    for argument, column in [*given.items(), *_as_arguments(mapping)]:
        if column is not None and column not in available:
            raise RcsInputError(argument, f"there is no column {column!r}", f"The columns are {_listing(available)}.")
    return columns


def read_recipients(
    chunk: Mapping[str, Sequence[object]],
    columns: RecipientColumns,
    required_variables: Collection[str],
    *,
    default_region: str | None,
    first_row: int,
    mobile_only: bool = False,
) -> ListedRecipients:
    """Read the rows of one chunk of the table, column by column.

    :param chunk: column -> its cells; all of the same length.
    :param columns: which column holds what.
    :param required_variables: variables without which a recipient is rejected.
    :param default_region: region of national phones, such as ``"ES"``.
    :param first_row: number of the chunk's first row in the table, from 1; named in rejections.
    :param mobile_only: whether fixed lines are rejected.
    """
    table = _ChunkReader(chunk, first_row)
    phone_cells = table.cells[columns.phone]
    size = len(phone_cells)
    listed_as = _as_listed_column(phone_cells)
    read = read_phone_column(phone_cells, default_region)
    refused = {position: f"phone: {rule}" for position, rule in read.refused.items()}
    if mobile_only:
        refused |= dict.fromkeys(read.fixed_lines, IS_FIXED_LINE)
    for position, rule in refused.items():
        table.reject(position, rule, f", column {columns.phone!r}, value {mask_phone(listed_as[position])!r}")
    names = table.texts(columns.name) if columns.name else [""] * size
    references = table.texts(columns.reference) if columns.reference else [""] * size
    texts = {variable: table.texts(column) for variable, column in columns.variables.items()}
    for variable, column in columns.variables.items():
        if variable in required_variables and not all(texts[variable]):
            table.require(texts[variable], f"variable {variable}: it has no value", f", column {column!r}")
    keys: list[Any] = list(read.phones)
    for position in read.refused:
        given = {variable: column[position] for variable, column in texts.items() if column[position]}
        keys[position] = _key_without_phone(listed_as[position], names[position], references[position], given)
    variables = {variable: empty_as_none(column) for variable, column in texts.items()}
    variables |= {variable: [text] * size for variable, text in columns.constants.items()}
    rules, places = table.rejections_of_rows(size)
    are_fixed_lines = [False] * size
    for position in read.fixed_lines:
        are_fixed_lines[position] = True
    return ListedRecipients(keys, read.phones, listed_as, names, references, variables, rules, places, are_fixed_lines)


@dataclass(frozen=True, slots=True)
class _ChunkReader:
    """The cells of a chunk, and which of its rows are rejected, each for the first reason that is found."""

    cells: Mapping[str, Sequence[object]]
    first_row: int
    rejections: dict[int, tuple[str, str]] = field(default_factory=dict)

    def reject(self, position: int, rule: str, place: str = "") -> None:
        self.rejections.setdefault(position, (rule, f"row {self.first_row + position}{place}"))

    def texts(self, column: str) -> list[str]:
        texts, refused = read_text_column(self.cells[column])
        for position, problem in refused.items():
            self.reject(position, f"column {column}: {problem}")
        return texts

    def require(self, texts: Sequence[str], rule: str, place: str) -> None:
        for position, text in enumerate(texts):
            if not text:
                self.reject(position, rule, place)

    def rejections_of_rows(self, size: int) -> tuple[list[str], list[str]]:
        rules, places = [""] * size, [""] * size
        for position, (rule, place) in self.rejections.items():
            rules[position], places[position] = rule, place
        return rules, places


def _key_without_phone(*identity: object) -> str:
    return "no-phone:" + hashlib.blake2b(orjson.dumps(identity), digest_size=12).hexdigest()


def _as_listed_column(cells: Sequence[Any]) -> list[str]:
    plain = plain_texts(cells)
    if plain is not None and max(map(len, plain), default=0) <= _LONGEST_SHOWN:
        return plain
    return [_as_listed(cell) for cell in cells]


def _as_listed(cell: object) -> str:
    """Return a phone as it came, as far as every database can keep it."""
    if isinstance(cell, str):
        text = cell.strip()[:_LONGEST_SHOWN]
    else:
        text = "" if is_missing(cell) else str(cell).strip()[:_LONGEST_SHOWN]
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _constant(variable: str, value: object) -> str:
    argument = f"constants[{variable!r}]"
    try:
        text = cell_text(value)
    except ValueError as error:
        raise RcsInputError(argument, str(error), "Give it text, a number or a date.") from None
    if not text:
        raise RcsInputError(argument, "it has no value", "Give it one, or read the variable from a column.")
    return text


def _require_known(template: Template, argument: str, given: Iterable[str]) -> None:
    known = {variable.name for variable in template.variables}
    if unknown := sorted(set(given) - known):
        raise RcsInputError(
            argument,
            f"template {template.id} has no variable {_listing(unknown)}",
            f"It has {_listing(sorted(known)) or 'none'}.",
        )


def _as_arguments(mapping: Mapping[str, str]) -> list[tuple[str, str | None]]:
    return [(f"variables[{variable!r}]", column) for variable, column in mapping.items()]


def _listing(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
