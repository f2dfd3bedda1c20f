"""The pages that are written from the code have a row for each column and each error."""

from __future__ import annotations

import re

from airflow_provider_rcs.api import errors
from airflow_provider_rcs.warehouse.schema import VIEWS
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.reference_pages import DOCS


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_column_of_every_table_and_view_has_a_row() -> None:
    tables = warehouse_tables(None).metadata.tables
    columns = {name: [each.name for each in table.columns] for name, table in tables.items()}
    columns |= {view.name: list(view.columns) for view in VIEWS}

    sections = re.findall(r"^## `(\w+)`.*?\n(.*?)(?=^## )", text_of("warehouse-tables.md"), re.DOTALL | re.MULTILINE)

    assert {name: re.findall(r"^\| `(\w+)`", section, re.MULTILINE) for name, section in sections} == columns


def test_every_error_of_the_tree_has_a_row_with_its_remedy() -> None:
    rows = dict(
        re.findall(r"^\| `(Rcs\w+)` \| .*? \| (.*?) \| (?:yes|no) \| \d+ \|$", text_of("troubleshoot.md"), re.MULTILINE)
    )

    assert rows == {kind.__name__: kind.remedy for kind in tree_of(errors.RcsError)}


def tree_of(kind: type[errors.RcsError]) -> list[type[errors.RcsError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in tree_of(child))]
