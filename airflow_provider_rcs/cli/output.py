"""The rows that a command lists: as a table for people, or as JSON, YAML or plain text for programs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_rcs.api.tables import Column, Row, aligned_lines, table_lines, with_separators
from airflow_provider_rcs.cli.progress import progress_of

if TYPE_CHECKING:
    from rich.table import Table

Styles = Mapping[str, Callable[[Row], str]]
T = TypeVar("T")

# The names that Airflow's own commands use.
OUTPUTS = ("table", "json", "yaml", "plain")

_NO_STYLES: Styles = {}
_ROWS_PER_TABLE = 1_000
# Wider than any table, so that rich measures it whole.
_UNLIMITED_WIDTH = 100_000
_NARROWEST_TEXT = 24


def add_output_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how rows are printed."""
    parser.add_argument(
        "--output",
        choices=OUTPUTS,
        default=OUTPUTS[0],
        help="table, for people (default); json, yaml or plain, for programs: with moments in ISO 8601, in UTC",
    )


def is_for_people(arguments: argparse.Namespace) -> bool:
    """Return whether rows are printed as a table. In the other forms, standard output has nothing but rows."""
    return bool(arguments.output == OUTPUTS[0])


def print_note(arguments: argparse.Namespace, text: str) -> None:
    """Print a sentence about the rows: on standard error if a program reads the rows."""
    if is_for_people(arguments):
        print(text)
    else:
        print(text.strip(), file=sys.stderr)


def print_rows(
    arguments: argparse.Namespace,
    columns: Sequence[Column],
    rows: Iterable[Row],
    *,
    nothing: str = "",
    styles: Styles = _NO_STYLES,
) -> None:
    """Print rows in the form that was asked for.

    A table has colours, and lines that fit, on a terminal alone; elsewhere, a row is a line of text.

    :param columns: the columns of the table. The other forms have all keys of the rows.
    :param rows: with the same keys each. A long list is not kept in memory.
    :param nothing: the sentence that stands for a table without rows.
    :param styles: key -> what returns the style of rich for a row's value on a terminal.
    """
    remaining = awaited(rows)
    first = list(islice(remaining, 1))
    if not first and nothing:
        print_note(arguments, nothing)
        if is_for_people(arguments):
            return
    _PRINTERS[arguments.output](columns, chain(first, remaining), styles)


def awaited(rows: Iterable[T]) -> Iterator[T]:
    """Yield what is read from the store, and show on a terminal that more of it is awaited."""
    remaining = iter(rows)
    while True:
        with progress_of("Reading the store"):
            chunk = list(islice(remaining, _ROWS_PER_TABLE))
        if not chunk:
            return
        yield from chunk


def print_styled(text: str, style: str, rest: str) -> None:
    """Print a line that begins with a text, which has a style on a terminal."""
    if not sys.stdout.isatty():
        print(f"{text}{rest}", flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    Console().print(Text.assemble((text, style), rest), soft_wrap=True)


def _print_table(columns: Sequence[Column], rows: Iterable[Row], styles: Styles) -> None:
    if not sys.stdout.isatty():
        for line in table_lines(columns, rows):
            print(line)
        return
    from rich.console import Console
    from rich.measure import Measurement

    remaining, unlimited = iter(rows), Console(width=_UNLIMITED_WIDTH)
    chunk = list(islice(remaining, _ROWS_PER_TABLE))
    while True:
        table = _rich_table(columns, chunk, styles)
        narrowest = Measurement.get(unlimited, unlimited.options, table).minimum
        # Numbers, moments and names are not broken: a terminal that is too narrow for them wraps the lines itself.
        Console(width=max(Console().width, narrowest)).print(table)
        chunk = list(islice(remaining, _ROWS_PER_TABLE))
        if not chunk:
            return


def _rich_table(columns: Sequence[Column], rows: Sequence[Row], styles: Styles) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    cells_of: list[list[Text]] = []
    for column in columns:
        values = [row[column.key] for row in rows]
        style_of = styles.get(column.key, _no_style)
        # Not markup: a campaign may be named [red].
        cells = [Text(with_separators(column.cell(row)), style_of(row)) for row in rows]
        widest = max(cell.cell_len for cell in [Text(column.heading), *cells])
        # A name that is broken cannot be copied.
        can_be_broken = any(isinstance(value, str) and " " in value for value in values)
        table.add_column(
            Text(column.heading),
            justify="right" if values and all(isinstance(value, int) for value in values) else "left",
            no_wrap=not can_be_broken,
            min_width=min(widest, _NARROWEST_TEXT) if can_be_broken else widest,
            overflow="fold",
        )
        cells_of.append(cells)
    for row_of_cells in zip(*cells_of, strict=True):
        table.add_row(*row_of_cells)
    return table


def _no_style(_: Row) -> str:
    return ""


def _print_json(_: Sequence[Column], rows: Iterable[Row], __: Styles) -> None:
    before = "["
    for row in rows:
        print(before, json.dumps(_value(row), ensure_ascii=False), sep="\n", end="")
        before = ","
    print("[]" if before == "[" else "\n]")


def _print_yaml(_: Sequence[Column], rows: Iterable[Row], __: Styles) -> None:
    from yaml import safe_dump

    is_empty = True
    for row in rows:
        print(safe_dump([_value(row)], sort_keys=False, allow_unicode=True, width=_UNLIMITED_WIDTH), end="")
        is_empty = False
    if is_empty:
        print("[]")


def _print_plain(_: Sequence[Column], rows: Iterable[Row], __: Styles) -> None:
    remaining = iter(rows)
    first = next(remaining, None)
    if first is None:
        return
    cells = ([_plain(value) for value in row.values()] for row in chain([first], remaining))
    for line in aligned_lines(list(first), cells, is_ruled=False):
        print(line)


_PRINTERS = {"table": _print_table, "json": _print_json, "yaml": _print_yaml, "plain": _print_plain}


def _plain(value: object) -> object:
    """Return a value in one line, of one word unless it is free text; numbers stay numbers."""
    match _value(value):
        case bool(answer):
            return str(answer).lower()
        case None | "":
            return "-"
        case dict(entries):
            return ",".join(f"{key or '-'}={each}" for key, each in entries.items()) or "-"
        case list(values):
            return ",".join(map(str, values)) or "-"
        case str(text):
            return " ".join(text.split())
        case other:
            return other


def _value(value: object) -> Any:
    """Return a value as JSON and YAML have it."""
    match value:
        case None | bool() | int() | float():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds")
        case Mapping():
            return {str(key): _value(each) for key, each in value.items()}
        case list() | tuple():
            return [_value(each) for each in value]
        case _:
            return str(value)
