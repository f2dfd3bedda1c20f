"""Who may import whom: the rules of the house, read from the source of every module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "airflow_provider_rcs"
ROOT = Path(__file__).parents[2]

LAYERS = {
    "api": {"api"},
    "store": {"store", "api"},
    "hooks": {"hooks", "store", "api"},
    "triggers": {"triggers", "hooks", "store", "api"},
    "warehouse": {"warehouse", "store", "api"},
    "sending": {"sending", "store", "api"},
    "operators": {"operators", "transfers", "sensors", "sending", "warehouse", "hooks", "triggers", "store", "api"},
    "transfers": {"operators", "transfers", "sensors", "sending", "warehouse", "hooks", "triggers", "store", "api"},
    "sensors": {"operators", "transfers", "sensors", "sending", "warehouse", "hooks", "triggers", "store", "api"},
    "notifications": {"notifications", "hooks", "api"},
    "receiver": {"receiver", "store", "api"},
    "sandbox": {"sandbox"},
    "plugins": {"plugins", "receiver", "sandbox", "hooks", "store", "api"},
    "cli": {"cli", "receiver", "sandbox", "sending", "hooks", "store", "api"},
}
TOO_SLOW_FOR_PARSING = {"pandas", "sqlalchemy", "fastapi", "starlette", "phonenumbers", "alembic"}
SPANISH_WORDS = re.compile(
    r"\b(Acci[oó]n|Agente|Cred|Destinatarios?|DESTINATARIO|Duplicados|EnviarRCS|Enviados|Estado|Fecha|GetCreditos"
    r"|GetPlantillasRCS|GetVariablesPlantillaRCS|HoraFin|HoraInicio|idCampaign|idEnvio|idMensaje|Intervaloprohibido"
    r"|NoEnviados|Nombre|Plantillas?|RefCampaign|RefMensaje|Referencia|Referenciausuario|Servicio|Telefono|TEXTO|Tipo"
    r"|Valor)\b"
)


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package by its name."""
    names = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def folder(module: str) -> str:
    """Return the folder that a module is in; empty for the modules of the package's root."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 or (modules()[module].name == "__init__.py" and len(parts) > 1) else ""


def top_level(module: str) -> str:
    return module.split(".")[0]


def in_folders(*folders: str) -> list[str]:
    return [module for module in modules() if folder(module) in folders]


def imported_by(nodes: Iterator[ast.AST]) -> set[str]:
    """Return the names of the modules that import statements name, the package's own as exactly as they can be."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names} & modules().keys()
            found |= members | {node.module}
    return found


def run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when a module is imported: no body of a function, nothing that is for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for otherwise in child.orelse:
                yield otherwise
                yield from run_at_import(otherwise)
            continue
        yield child
        yield from run_at_import(child)


@cache
def imports_anywhere(module: str) -> frozenset[str]:
    return frozenset(imported_by(ast.walk(tree(module))))


@cache
def imports_at_the_top(module: str) -> frozenset[str]:
    return frozenset(imported_by(run_at_import(tree(module))))


def with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        yield ".".join(parts[:length])


@cache
def loaded_with(module: str) -> dict[str, str]:
    """Return every module that is loaded with this one, at whatever remove, and the module that imports it."""
    loaded: dict[str, str] = {}
    waiting = [module]
    while waiting:
        importer = waiting.pop()
        for name in imports_at_the_top(importer):
            for each in with_parents(name):
                if each not in loaded:
                    loaded[each] = importer
                    if each in modules():
                        waiting.append(each)
    return loaded


def literals(module: str) -> Iterator[ast.Constant]:
    """Return the texts that the program uses; a text that stands alone is a docstring."""
    docstrings = {id(node.value) for node in ast.walk(tree(module)) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def test_every_folder_has_its_place_in_the_house() -> None:
    assert {folder(module) for module in modules()} - {""} <= LAYERS.keys()


def test_a_module_imports_only_from_its_own_layer_and_those_below() -> None:
    upwards = {
        (module, name)
        for module in modules()
        for name in imports_anywhere(module) & modules().keys()
        if folder(module) and folder(name) and folder(name) not in LAYERS[folder(module)]
    }

    assert upwards == set()


def test_api_and_store_know_neither_airflow_nor_pandas() -> None:
    known = {(module, name) for module in in_folders("api", "store") for name in imports_anywhere(module)}

    assert {(module, name) for module, name in known if top_level(name) in ("airflow", "pandas")} == set()


@pytest.mark.parametrize("of", ["operators", "transfers", "sensors", "notifications", "triggers", "hooks", "plugins"])
def test_parsing_a_dag_loads_nothing_that_only_running_it_needs(of: str) -> None:
    slow = {
        f"{module} loads {name}": f"imported at the top of {importer}"
        for module in in_folders(of)
        for name, importer in loaded_with(module).items()
        if top_level(name) in TOO_SLOW_FOR_PARSING
    }

    assert slow == {}


def test_the_apis_spanish_words_stand_in_one_module() -> None:
    elsewhere = [module for module in modules() if module != f"{PACKAGE}.api.wire" and folder(module) != "sandbox"]

    said = {
        f"{modules()[module].relative_to(ROOT)}:{node.lineno}": node.value
        for module in elsewhere
        for node in literals(module)
        if SPANISH_WORDS.search(str(node.value))
    }

    assert said == {}


def test_what_a_module_loads_is_followed_through_the_package() -> None:
    loaded = loaded_with(f"{PACKAGE}.store.takeover")

    assert loaded["sqlalchemy"]
    assert f"{PACKAGE}.store.tables" in loaded


def test_what_is_imported_within_functions_or_for_type_checkers_is_not_loaded() -> None:
    source = """
if TYPE_CHECKING:
    import pandas
else:
    import orjson
try:
    import requests
except ImportError:
    import urllib3
class Operator:
    import json
    def execute(self):
        import sqlalchemy
"""

    assert imported_by(run_at_import(ast.parse(source))) == {"orjson", "requests", "urllib3", "json"}


def test_the_spanish_words_are_found_where_they_stand() -> None:
    words = {node.value for node in literals(f"{PACKAGE}.api.wire") if SPANISH_WORDS.search(str(node.value))}

    assert {"Plantilla", "Destinatarios", "Estado", "/EnviarRCS"} <= words
