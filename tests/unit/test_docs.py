"""The pages on the API and on connections agree with the code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_rcs.api import errors
from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.api.wire import calls, send
from airflow_provider_rcs.get_provider_info import get_provider_info
from airflow_provider_rcs.hooks.transport import Transport
from airflow_provider_rcs.operators.sending import RcsSendingOperator

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "api.md").read_text(encoding="utf-8")
CONNECTIONS = (DOCS / "connections.md").read_text(encoding="utf-8")
SETTINGS = [each.name for each in (*fields(ApiSettings), *fields(Transport)) if each.name != "base_url"]


def rows(page: str, columns: int) -> list[list[str]]:
    """Return the rows of a page's tables with ``columns`` columns, without the header rows."""
    lines = [[cell.strip() for cell in line.strip("|").split(" |")] for line in page.splitlines() if line[:1] == "|"]
    tables = [cells for cells in lines if len(cells) == columns]
    heads = [number - 1 for number, cells in enumerate(tables) if set("".join(cells)) <= set("- ")]
    return [cells for number, cells in enumerate(tables) if number not in heads and number - 1 not in heads]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


FACTS = [row for row in rows(API, 4) if not row[0].startswith("`Rcs")]
ERRORS = [row for row in rows(API, 4) if row[0].startswith("`Rcs")]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact[0])
def test_a_fact_names_its_place_in_the_code_its_certainty_and_if_assumed_its_override(fact: list[str]) -> None:
    _, where, sure, override = fact
    settings = {"host", *SETTINGS}
    arguments = signature(RcsSendingOperator.__init__).parameters.keys()
    options = get_provider_info()["config"]["rcs"]["options"].keys()
    known = arguments if override.startswith("argument") else options if override.startswith("option") else settings

    assert exists_in_the_code(named(where)[0])
    assert sure in ("sure", "public", "assumed")
    assert set(named(override)[:1]) <= set(known)
    assert named(override) or sure != "assumed"


def exists_in_the_code(name: str) -> bool:
    found: Any = import_module("airflow_provider_rcs")
    for part in name.split("."):
        found = getattr(found, part) if hasattr(found, part) else import_module(f"{found.__name__}.{part}")
    return found is not None


@pytest.mark.parametrize(
    "value",
    [
        calls.DEFAULT_BASE_URL,
        *calls.DEFAULT_PATHS.values(),
        send.DEFAULT_RECIPIENT_REFERENCE_KEY,
        str(ApiSettings().batch_size),
    ],
)
def test_the_default_in_the_code_is_the_one_on_both_pages(value: str) -> None:
    assert any(value in fact for fact, *_ in FACTS)
    assert value in CONNECTIONS


def test_every_setting_that_overrides_an_assumption_is_on_the_page() -> None:
    overrides = {name for *_, override in FACTS for name in named(override)}

    assert {"paths", "status_codes", "recipient_reference_key", "batch_size", "body_format", "zero_result"} <= overrides


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_of_a_connection_is_on_the_connections_page(setting: str) -> None:
    assert any(setting in named(row[0]) for row in rows(CONNECTIONS, 3))


def test_the_connections_page_has_the_fields_in_the_order_of_the_form() -> None:
    form = get_provider_info()["connection-types"][0]
    of_the_account = CONNECTIONS.partition("### In the form")[0]
    documented = [row[0] for row in rows(of_the_account, 3)]

    assert documented == ["host", "login", "password", "port", *(f"extra `{name}`" for name in form["conn-fields"])]


def test_the_connections_page_names_the_sections_of_the_form_in_their_order() -> None:
    fields_of_the_form = get_provider_info()["connection-types"][0]["conn-fields"].values()
    sections = dict.fromkeys(field["schema"].get("section", "Extra Fields") for field in fields_of_the_form)
    places = [CONNECTIONS.index(f"In the form under {name}") for name in _titles(sections) if name != "Extra Fields"]

    assert "in the form under Extra Fields" in CONNECTIONS[: places[0]]
    assert places == sorted(places)


def _titles(sections: Iterable[str]) -> list[str]:
    return [section.partition(" (")[0] for section in sections]


def test_the_connections_page_has_the_defaults_of_the_settings() -> None:
    defaults = ApiSettings()
    documented = {name: row[2] for row in rows(CONNECTIONS, 3) for name in named(row[0])}

    for setting in ("batch_size", "timeout", "connect_timeout", "body_format", "zero_result"):
        assert str(getattr(defaults, setting)).removesuffix(".0") in documented[setting]


@pytest.mark.parametrize("option", sorted(get_provider_info()["config"]["rcs"]["options"]))
def test_every_option_of_airflows_configuration_is_on_a_page(option: str) -> None:
    pages = [page.read_text(encoding="utf-8") for page in DOCS.glob("*.md")]

    assert any(f"`{option}`" in page or f"[rcs] {option}`" in page for page in pages)


def test_the_page_for_those_without_a_shell_has_every_operator_by_its_module() -> None:
    page = (DOCS / "maintain-without-a-shell.md").read_text(encoding="utf-8")
    modules = {name for each in get_provider_info()["operators"] for name in each["python-modules"]}
    operators = {
        (module.rpartition(".")[2], name)
        for module in modules
        if ".operators.maintenance." in module
        for name, found in vars(import_module(module)).items()
        if isinstance(found, type) and found.__module__ == module and name != "RcsOldDataOperator"  # a base class
    }

    assert {(named(module)[0], name) for module, names in rows(page, 2) for name in named(names)} == operators


def test_every_error_is_on_the_page_with_its_promises() -> None:
    promised = {
        kind.__name__: ("certain" if kind.nothing_sent else "not certain", "yes" if kind.retry_may_help else "no")
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.RcsError)
    }
    for root in (errors.RcsError, errors.RcsRefusedError):
        del promised[root.__name__]

    assert {named(row[0])[0]: (row[2], row[3]) for row in ERRORS} == promised


def test_the_time_zone_of_the_service_is_the_one_on_the_page() -> None:
    assert f"`{SERVICE_TIMEZONE}`" in (DOCS / "receive-delivery-reports.md").read_text(encoding="utf-8")
