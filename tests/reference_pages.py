"""``python -m tests.reference_pages``: the parts of docs/ that list what the code has."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from duckdb_engine import Dialect as DuckDb
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sqlalchemy.dialects import mysql, postgresql, sqlite

from airflow_provider_rcs.api import errors
from airflow_provider_rcs.cli.exit_codes import CAUSES, exit_code_of
from airflow_provider_rcs.cli.help import PROGRAM
from airflow_provider_rcs.cli.main import COMMANDS
from airflow_provider_rcs.get_provider_info import get_provider_info
from airflow_provider_rcs.warehouse.schema import VIEWS
from airflow_provider_rcs.warehouse.tables import warehouse_tables

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_EXAMPLE = "Example: "
_PINNED = ("apache-airflow", "pandas", "sqlalchemy", "psycopg")
_ENGINES: dict[str, sa.Dialect] = {
    "PostgreSQL": postgresql.dialect(),  # type: ignore[no-untyped-call]
    "SQLite": sqlite.dialect(),
    "DuckDB": DuckDb(),
    "MySQL, MariaDB": mysql.dialect(),
}
# A column, whether it may be null, and its comment.
_Described = tuple[sa.ColumnElement[Any], bool, str]
# What numbers count, by the first words of their comments.
_UNIT = re.compile(r"(?:number of (?:accepted )?)?(messages|recipients|times|seconds)\b")

_START, _END = (
    "<!-- make reference writes what follows, from the code. -->",
    "<!-- Here ends what make reference writes. -->",
)


def written_page(name: str) -> str:
    """Return a page of docs/ with its part from the code as it is by now."""
    before, _, rest = (DOCS / name).read_text(encoding="utf-8").partition(_START)
    return "\n\n".join([f"{before}{_START}", *PARTS[name](), f"{_END}{rest.partition(_END)[2]}"])


def _command_line() -> Iterator[str]:
    for name, help_text in COMMANDS.items():
        parser = argparse.ArgumentParser(description=_sentence(help_text))
        # A default that differs from machine to machine.
        with patch("getpass.getuser", return_value="your user name"):
            import_module(f"airflow_provider_rcs.cli.{name}").add_arguments(parser)
        yield from _command(name, parser, "##")
    yield "## Exit codes"
    yield _table(("exit code", "cause"), ((str(code), cause) for code, cause in CAUSES.items()))


def _command(name: str, parser: argparse.ArgumentParser, heading: str) -> Iterator[str]:
    """Yield the paragraphs on a command, and below it those on its actions."""
    yield f"{heading} {PROGRAM} {name}"
    yield parser.description or ""
    about, _, example = (parser.epilog or "").rpartition(_EXAMPLE)
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not groups:
        if options := [each for each in parser._actions if not isinstance(each, argparse._HelpAction)]:
            yield _table(("argument", "meaning"), map(_row, options))
        yield from map(_alternatives, parser._mutually_exclusive_groups)
        yield from filter(None, map(str.strip, about.split("\n\n")))
        yield f"```console\n{example}\n```"
    for group in groups:
        helps = {each.dest: each.help or "" for each in group._choices_actions}
        for action, of_action in group.choices.items():
            of_action.description = _sentence(helps[action])
            yield from _command(f"{name} {action}", of_action, f"{heading}#")


def _row(option: argparse.Action) -> tuple[str, str]:
    takes = "" if option.nargs == 0 else option.metavar or _choices(option) or option.dest
    value = takes if isinstance(takes, str) else " ".join(takes)
    if option.option_strings and not option.metavar and not option.choices:
        value = value.upper()
    named = ", ".join(option.option_strings)
    if isinstance(option, argparse.BooleanOptionalAction):
        value = ""
    required = "required: " if option.required and option.option_strings else ""
    text = (option.help or "") % vars(option)
    return _code(f"{named} {value}".strip()), required + text


def _choices(option: argparse.Action) -> str:
    return "{" + ",".join(map(str, option.choices)) + "}" if option.choices else ""


def _alternatives(group: argparse._MutuallyExclusiveGroup) -> str:
    names = [f"`{each.option_strings[0]}`" for each in group._group_actions]
    return f"Give either {' or '.join(names)}." if group.required else f"Give only one of {' and '.join(names)}."


def _options_of_airflow() -> Iterator[str]:
    for name, option in get_provider_info()["config"]["rcs"]["options"].items():
        yield f"## `{name}`"
        yield option["description"]
        facts = {
            "type": option["type"],
            "default": _code(option["default"]) if option["default"] else "none",
            "example": _code(option["example"]) if option["example"] else "",
            "variable": _code(f"AIRFLOW__RCS__{name.upper()}"),
            "since version": option["version_added"],
        }
        yield "\n".join(f"- {label}: {value}" for label, value in facts.items() if value)


def _environments() -> Iterator[str]:
    """Yield the table of the environments of .ci/matrix.py, with what their pins say."""
    spec = spec_from_file_location("matrix", ROOT / ".ci/matrix.py")
    assert spec is not None
    assert spec.loader is not None
    matrix = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(matrix)
    rows = []
    for each in matrix.environments():
        pins = _pins(each.constraints) if each.constraints else dict.fromkeys(_PINNED, "newest")
        tests = [*map(_kind_of_tests, each.tests), *(["DAGs"] if each.with_dags else [])]
        rows.append(
            (_code(each.name), each.python, *(pins.get(name, "not pinned") for name in _PINNED), ", ".join(tests))
        )
    yield _table(("environment", "Python", "Airflow", "pandas", "SQLAlchemy", "psycopg", "tests"), rows)


def _pins(file: Path) -> Mapping[str, str]:
    pins = (Requirement(line) for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}


def _kind_of_tests(path: str) -> str:
    return {"tests/unit": "unit", "tests/integration/store": "store"}.get(path, _code(Path(path).stem))


def _warehouse_tables() -> Iterator[str]:
    tables = warehouse_tables(None)
    for table in tables.metadata.tables.values():
        columns: list[_Described] = [(column, bool(column.nullable), str(column.comment)) for column in table.columns]
        yield from _columns(f"`{table.name}`", str(table.comment), columns)
    for view in VIEWS:
        selected = view.query(tables, "postgresql").selected_columns
        described = [(selected[name], "null" in comment, comment) for name, comment in view.columns.items()]
        yield from _columns(f"`{view.name}`, a view", view.comment, described)
    yield from _types(tables.metadata)


def _columns(title: str, comment: str, columns: list[_Described]) -> Iterator[str]:
    yield f"## {title}"
    yield comment
    rows = []
    for column, nullable, meaning in columns:
        type_ = f"{_code(column.type.compile(_ENGINES['PostgreSQL']))}{', or null' if nullable else ''}"
        rows.append((_code(str(column.key)), type_, _unit(meaning), meaning))
    yield _table(("column", "type", "unit or zone", "meaning"), rows)


def _unit(meaning: str) -> str:
    if "UTC" in meaning:
        return "UTC"
    if "Spain's time" in meaning:
        return "Spain's time"
    found = _UNIT.match(meaning)
    return found[1] if found else ""


def _types(metadata: sa.MetaData) -> Iterator[str]:
    """Yield the table of the types on each engine."""
    columns = [column for table in metadata.tables.values() for column in table.columns]
    rows = {tuple(column.type.compile(engine) for engine in _ENGINES.values()) for column in columns}
    yield "## The types on each engine"
    yield _table([*_ENGINES], ([_code(name) for name in row] for row in sorted(rows)))


def _errors() -> Iterator[str]:
    rows = []
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.RcsError):
            # The code depends on the class alone.
            code = exit_code_of(kind.__new__(kind))
            retried = "yes" if kind.retry_may_help else "no"
            rows.append((_code(kind.__name__), _first_paragraph(kind), kind.remedy, retried, str(code)))
    yield _table(("error", "meaning", "what to do", "Airflow retries the task", "exit code"), rows)


def _first_paragraph(kind: type) -> str:
    return str(kind.__doc__).partition("\n\n")[0].replace("``", "`")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_cell(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PARTS = {
    "command-line-reference.md": _command_line,
    "compatibility.md": _environments,
    "configuration.md": _options_of_airflow,
    "troubleshoot.md": _errors,
    "warehouse-tables.md": _warehouse_tables,
}


def main() -> None:
    for name in PARTS:
        (DOCS / name).write_text(written_page(name), encoding="utf-8")


if __name__ == "__main__":
    main()
