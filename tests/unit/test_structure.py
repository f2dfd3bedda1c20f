"""The package keeps to the limits of its modules and folders."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.unit.test_imports import PACKAGE, ROOT, modules, tree

LONGEST_MODULE = 400
MOST_MODULES = 14
ONE_MODULE_PER_COMMAND = Path(PACKAGE, "cli")


def relative(path: Path) -> Path:
    return path.relative_to(ROOT)


@pytest.mark.slow
def test_no_two_classes_of_the_package_have_the_same_name() -> None:
    places = defaultdict(list)
    for module in modules():
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(module)

    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_the_docstring_of_every_module_begins_with_a_line_of_one_sentence() -> None:
    first_lines = {
        module: (ast.get_docstring(tree(module)) or "").partition("\n")[0] for module in modules() if tree(module).body
    }

    assert {module: line for module, line in first_lines.items() if not re.fullmatch(r"(?:(?!\. ).)+\.", line)} == {}


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules().values()}

    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_folder_but_that_of_the_commands_has_more_than_14_modules() -> None:
    sizes = Counter(relative(path.parent) for path in modules().values() if path.name != "__init__.py")
    del sizes[ONE_MODULE_PER_COMMAND]

    assert {folder: size for folder, size in sizes.items() if size > MOST_MODULES} == {}
