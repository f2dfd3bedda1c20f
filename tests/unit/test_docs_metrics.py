"""The page on metrics has every metric of the code by its name, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_rcs.receiver import metrics
from airflow_provider_rcs.store.inbox.silence import SILENT_METRIC
from tests.unit.test_imports import modules, tree

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
KINDS = {"incr": "counter", "timing": "timer, milliseconds"}
NAMES = {name: value for name, value in vars(metrics).items() if isinstance(value, str) and value.startswith("rcs.")}
NAMES |= {"SILENT_METRIC": SILENT_METRIC}


def recorded() -> Iterator[tuple[str, str]]:
    """Yield (constant, kind) of each metric that the code records."""
    for module in modules():
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KINDS:
                constant = node.args[0]
                yield (
                    (constant.attr if isinstance(constant, ast.Attribute) else ast.unparse(constant)),
                    KINDS[node.func.attr],
                )


@pytest.mark.slow
def test_the_page_has_every_metric_that_the_code_records_with_its_kind() -> None:
    rows = re.findall(r"^\| `(rcs\.[\w.]+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert dict(rows) == {NAMES[constant]: kind for constant, kind in recorded()}
    assert len(rows) == len(dict(rows)) == len(NAMES)
