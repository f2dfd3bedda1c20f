"""The nav of the site has every page of docs/, and the reference every public name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_rcs import campaigns
from airflow_provider_rcs.api import errors, statuses
from airflow_provider_rcs.get_provider_info import get_provider_info
from tests.reference_pages import PARTS, written_page
from tests.system.page_pictures import VIEWS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NAV: list[dict[str, list[Any]]] = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
SECTIONS = {title: items for section in NAV for title, items in section.items()}
# What pages from outside of docs/ are called in the nav: see .ci/site_hooks.py.
OUTSIDE = "repository/"
# Base classes, and the trigger that a sensor makes.
NOT_FOR_DAGS = {"RcsOldDataOperator", "RcsCampaignTrigger"}


def pages_of(items: list[Any]) -> Iterator[str]:
    for item in items:
        if isinstance(item, str):
            yield item
        else:
            for below in item.values():
                yield from pages_of(below)


def linked_from(page: str) -> set[str]:
    links = re.findall(r"\]\(([^)#:]+)", (DOCS / page).read_text(encoding="utf-8"))
    return {link.replace("../", OUTSIDE) for link in links}


def documented() -> set[str]:
    """Return the full name of everything that the Python reference shows."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    return set(re.findall(r"^::: (\S+)$", text, re.MULTILINE))


def public_names() -> Iterator[str]:
    """Yield the full name of every class that Airflow's users use, of every error and of each status."""
    info = get_provider_info()
    modules = [
        module
        for kind in ("operators", "sensors", "triggers")
        for each in info[kind]
        for module in each["python-modules"]
    ]
    modules += [each["python-module"] for each in info["transfers"]]
    modules += [name.rpartition(".")[0] for name in info["notifications"]]
    for module in (*modules, errors.__name__, statuses.__name__):
        for name, found in inspect.getmembers(import_module(module), inspect.isclass):
            if found.__module__ == module and not name.startswith("_") and name not in NOT_FOR_DAGS:
                yield f"{module}.{name}"


def test_the_sections_are_a_path_to_read() -> None:
    assert list(SECTIONS) == ["Get started", "Send", "Receive", "Report", "Operate", "Understand", "Reference"]


def test_the_nav_has_every_page_of_the_docs_once() -> None:
    pages = [page for items in SECTIONS.values() for page in pages_of(items) if not page.startswith(OUTSIDE)]

    assert sorted(pages) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_begins_with_a_page_that_leads_to_its_others(title: str) -> None:
    first, *others = pages_of(SECTIONS[title])
    # The page of decisions leads to each of them.
    listed = [page for page in others if not page.startswith("decisions/") or page.endswith("README.md")]

    assert [page for page in listed if page not in linked_from(first)] == []


def test_the_page_of_decisions_leads_to_each_of_them() -> None:
    decisions = {page.name for page in (DOCS / "decisions").glob("*.md")} - {"README.md"}

    assert decisions <= linked_from("decisions/README.md")


def test_every_picture_of_the_pages_is_one_that_make_takes() -> None:
    pages = [page.read_text("utf-8") for page in (ROOT / "README.md", *DOCS.glob("*.md"))]
    shown = {Path(path).name for text in pages for path in re.findall(r"[(\"]([\w./-]+\.png)[)\"]", text)}

    taken = {f"{view}-{theme}.png" for view in VIEWS for theme in ("light", "dark")}

    assert shown == {path.name for path in (DOCS / "pictures").iterdir()} == taken


@pytest.mark.parametrize("value", [*statuses.MessageState, *statuses.DeliveryStatus])
def test_the_glossary_has_every_state_and_delivery_status(value: str) -> None:
    assert f"\n| `{value}` |" in (DOCS / "glossary.md").read_text(encoding="utf-8")


def test_the_python_reference_has_every_public_name() -> None:
    functions = {f"{campaigns.__name__}.{name}" for name in ("preview", "send", "results")}

    assert (functions | set(public_names())) - documented() == set()


@pytest.mark.parametrize("name", sorted(documented()))
def test_a_name_of_the_python_reference_exists(name: str) -> None:
    found: Any = import_module("airflow_provider_rcs")
    for part in name.split(".")[1:]:
        found = getattr(found, part) if hasattr(found, part) else import_module(f"{found.__name__}.{part}")

    assert inspect.getdoc(found)


@pytest.mark.parametrize("page", PARTS)
def test_a_page_that_lists_what_the_code_has_is_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == written_page(page), "write it again: make reference"
