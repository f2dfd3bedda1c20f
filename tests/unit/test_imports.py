"""Each layer imports only what it may, as the source of every module shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "airflow_provider_rcs"
ROOT = Path(__file__).parents[2]

# The folders that the modules of a folder may import from, besides their own.
LAYERS: dict[str, set[str]] = {
    "api": set(),
    "recipients": {"api"},
    "store": {"recipients", "api"},
    "warehouse": {"store", "api"},
    "sending": {"store", "recipients", "api"},
    "campaigns": {"sending", "hooks", "store", "api"},
    "landing": {"store", "recipients", "api"},
    "hooks": {"store", "recipients", "api"},
    "triggers": {"hooks", "store", "api"},
    "doctor": {"receiver", "hooks", "store", "recipients", "api"},
    "operators": {"doctor", "sending", "landing", "warehouse", "hooks", "store", "recipients", "api"},
    "transfers": {"operators", "warehouse", "hooks", "recipients", "api"},
    "sensors": {"operators", "triggers", "hooks", "store", "api"},
    "notifications": {"hooks", "recipients", "api"},
    "receiver": {"store", "api"},
    "sandbox": set(),
    "ui": {"store", "api"},
    "plugins": {"ui", "doctor", "receiver", "hooks"},
    "cli": {"doctor", "receiver", "sandbox", "sending", "hooks", "store", "recipients", "api"},
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
    """Return name -> path of every module of the package."""
    names = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def folder(module: str) -> str:
    """Return the folder of a module, or empty text for a module in the package's root."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 or (modules()[module].name == "__init__.py" and len(parts) > 1) else ""


def top_level(module: str) -> str:
    return module.split(".")[0]


def in_folders(*folders: str) -> list[str]:
    return [module for module in modules() if folder(module) in folders]


def imported_by(nodes: Iterator[ast.AST]) -> set[str]:
    """Return the modules that import statements name; for those of the package, also a module imported as a member."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names} & modules().keys()
            found |= members | {node.module}
    return found


def run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run when a module is imported: not the bodies of functions, nor code for type checkers."""
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
    """Return every module that is loaded with this one, directly or indirectly -> the module that imports it."""
    loaded: dict[str, str] = {}
    pending = [module]
    while pending:
        importer = pending.pop()
        for name in imports_at_the_top(importer):
            for each in with_parents(name):
                if each not in loaded:
                    loaded[each] = importer
                    if each in modules():
                        pending.append(each)
    return loaded


def literals(module: str) -> Iterator[ast.Constant]:
    """Yield the strings of a module that are not docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree(module)) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def test_every_folder_is_in_the_table_of_layers() -> None:
    assert {folder(module) for module in modules()} - {""} <= LAYERS.keys()


@pytest.mark.slow
def test_a_module_imports_only_from_its_own_layer_and_those_below_it() -> None:
    upwards = {
        (module, name)
        for module in modules()
        for name in imports_anywhere(module) & modules().keys()
        if folder(module) and folder(name) and folder(name) not in {folder(module), *LAYERS[folder(module)]}
    }

    assert upwards == set()


def test_every_edge_between_layers_is_used_by_some_module() -> None:
    used = {
        (folder(module), folder(name))
        for module in modules()
        for name in imports_anywhere(module) & modules().keys()
        if folder(module) and folder(name)
    }

    assert {(layer, below) for layer, lower in LAYERS.items() for below in lower} - used == set()


def test_api_recipients_and_store_import_neither_airflow_nor_pandas() -> None:
    known = {(module, name) for module in in_folders("api", "recipients", "store") for name in imports_anywhere(module)}

    assert {(module, name) for module, name in known if top_level(name) in ("airflow", "pandas")} == set()


@pytest.mark.parametrize("of", ["operators", "transfers", "sensors", "notifications", "triggers", "hooks", "plugins"])
def test_parsing_a_dag_loads_nothing_that_is_needed_only_to_run_it(of: str) -> None:
    slow = {
        f"{module} loads {name}": f"imported at the top of {importer}"
        for module in in_folders(of)
        for name, importer in loaded_with(module).items()
        if top_level(name) in TOO_SLOW_FOR_PARSING
    }

    assert slow == {}


@pytest.mark.slow
def test_spanish_words_of_the_api_are_only_in_the_wire_package() -> None:
    elsewhere = [module for module in modules() if f"{PACKAGE}.api.wire" not in module and folder(module) != "sandbox"]

    found = {
        f"{modules()[module].relative_to(ROOT)}:{node.lineno}": node.value
        for module in elsewhere
        for node in literals(module)
        if SPANISH_WORDS.search(str(node.value))
    }

    assert found == {}


def test_modules_loaded_indirectly_are_found() -> None:
    loaded = loaded_with(f"{PACKAGE}.store.outbox.recovery")

    assert loaded["sqlalchemy"]
    assert f"{PACKAGE}.store.db.tables" in loaded


def test_imports_within_functions_and_for_type_checkers_do_not_count_as_loaded() -> None:
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


def test_the_spanish_words_of_the_wire_package_are_found() -> None:
    wire = [module for module in modules() if module.startswith(f"{PACKAGE}.api.wire.")]
    words = {node.value for module in wire for node in literals(module) if SPANISH_WORDS.search(str(node.value))}

    assert {"Plantilla", "Destinatarios", "Estado", "/EnviarRCS"} <= words
