"""The Python and the configuration that the pages show can be parsed, and name what exists."""

from __future__ import annotations

import ast
import inspect
import json
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from airflow_provider_rcs.receiver.app import REPORTS_PATH
from airflow_provider_rcs.receiver.bodies import MAX_BODY_BYTES
from airflow_provider_rcs.receiver.server import DEFAULT_HOST, DEFAULT_PORT
from tests.code_blocks import numbered_blocks

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PUBLIC = {
    name.rpartition(".")[2]: name
    for page in (ROOT / "docs" / "reference").glob("*.md")
    for name in re.findall(r"^::: (\S+\.[A-Z]\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
}
# The languages of blocks, and what runs or parses them; "text" is what a command or a task prints.
LANGUAGES = {
    "console": "tests/unit/test_docs_commands.py",
    "dockerfile": "tests/unit/test_docs_platforms.py",
    "ini": "tests/unit/test_docs_platforms.py",
    "json": "tests/unit/test_docs_code.py",
    "nginx": "tests/unit/test_docs_code.py",
    "python": "tests/unit/test_docs_code.py",
    "sql": "tests/integration/warehouse/test_docs_sql.py",
    "text": "",
    "toml": "tests/unit/test_docs_code.py",
    "yaml": "tests/unit/test_docs_platforms.py",
}
# What calls pass on to the operator: send = SqlToRcsOperator.partial(...).
PASSED_ON = ("partial", "expand")


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield (page and line, text) of every block in a language."""
    for page in PAGES:
        for line, text in numbered_blocks(page.read_text(encoding="utf-8"), language):
            yield f"{page.name}:{line}", text


def place_of(value: str) -> str:
    return value if re.fullmatch(r"[\w-]+\.md:\d+", value) else ""


def called(node: ast.Call) -> str:
    """Return the public class that a call makes an object of; empty if it is another call."""
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in PASSED_ON:
        function = function.value.func if isinstance(function.value, ast.Call) else function.value
        function = function.value if isinstance(function, ast.Attribute) else function
    return function.id if isinstance(function, ast.Name) and function.id in PUBLIC else ""


def arguments_of(name: str) -> set[str]:
    """Return the names of the arguments that a class takes, those of its base classes included."""
    module, _, attribute = PUBLIC[name].rpartition(".")
    kinds = inspect.getmro(getattr(import_module(module), attribute))
    return {argument for kind in kinds if kind is not object for argument in inspect.signature(kind).parameters}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_names_a_language_that_a_test_reads(page: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(fences[::2]) <= set(LANGUAGES)
    assert set(fences[1::2]) <= {""}


@pytest.mark.parametrize(("language", "test"), [each for each in LANGUAGES.items() if each[1]])
def test_a_language_is_read_where_it_is_said_to_be(language: str, test: str) -> None:
    assert re.search(rf'"{language}"\)|```{language}\\n', (ROOT / test).read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize(("place", "code"), [*blocks("python")], ids=place_of)
def test_python_calls_public_classes_with_arguments_that_they_take(place: str, code: str) -> None:
    # Three dots stand for what the page has shown before.
    tree = ast.parse(re.sub(r",\s*\.\.\.(?=[,)])", "", code), place)
    calls = [(called(node), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]

    unknown = {
        f"{name}({keyword.arg}=)"
        for name, node in calls
        if name
        for keyword in node.keywords
        if keyword.arg and keyword.arg not in arguments_of(name)
    }

    assert unknown == set()


@pytest.mark.parametrize(("place", "text"), [*blocks("json")], ids=place_of)
def test_json_can_be_read(place: str, text: str) -> None:
    assert json.loads(text)


@pytest.mark.parametrize(("place", "text"), [*blocks("toml")], ids=place_of)
def test_toml_can_be_read(place: str, text: str) -> None:
    assert tomllib.loads(text)


def test_nginx_passes_what_the_receiver_takes_to_its_address() -> None:
    [(_, text)] = blocks("nginx")
    directives = dict(line.strip(" ;").split(None, 1) for line in text.splitlines() if line.endswith(";"))

    assert text.count("{") == text.count("}")
    assert all(line.endswith((";", "{", "}")) for line in text.splitlines() if line)
    assert f"location = {REPORTS_PATH} {{" in text
    assert directives["proxy_pass"] == f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
    assert directives["client_max_body_size"] == f"{MAX_BODY_BYTES // 1024}k"


def test_calls_are_found_also_through_partial_and_expand() -> None:
    code = "SqlToRcsOperator.partial(task_id='a', oops=1).expand(shard=shards(2))\nRcsCampaignSensor(task_id='b')"
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]

    assert sorted(filter(None, map(called, calls))) == ["RcsCampaignSensor", "SqlToRcsOperator", "SqlToRcsOperator"]
    assert "oops" not in arguments_of("SqlToRcsOperator")
    assert {"retries", "shard", "sql"} <= arguments_of("SqlToRcsOperator")
