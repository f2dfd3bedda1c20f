"""The site that ``make docs`` has built: it loads nothing from elsewhere, and what it links to is there."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright

from tests.needs import program

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SITE = ROOT / "site"
LOADED_BY = {"script": "src", "link": "href", "img": "src", "source": "srcset", "iframe": "src", "object": "data"}
# Read at another time: a page of the repository or of the Python reference is not written as it is shown.
PAGES_AS_WRITTEN = [path for path in sorted(DOCS.rglob("*.md")) if path.parent.name != "reference"]
BLOCKS = {
    "bullet_list_open": "ul",
    "ordered_list_open": "ol",
    "list_item_open": "li",
    "table_open": "table",
    "tr_open": "tr",
}


class Elements(HTMLParser):
    """The elements of a page: all with their attributes, their ids, and how many of a kind its text has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.ids: set[str] = set()
        self.in_text: Counter[str] = Counter()
        self._is_text = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.found.append((tag, attributes))
        self.ids |= {attributes[name] for name in ("id", "name") if name in attributes}
        self._is_text = self._is_text or tag == "article"
        self.in_text[tag] += self._is_text

    def handle_endtag(self, tag: str) -> None:
        self._is_text = self._is_text and tag != "article"


@cache
def pages() -> dict[Path, Elements]:
    """Return every page of the site by its path in it."""
    found = {}
    for path in sorted(SITE.rglob("*.html")):
        found[path.relative_to(SITE)] = elements = Elements()
        elements.feed(path.read_text(encoding="utf-8"))
    return found


def links() -> Iterator[tuple[Path, str]]:
    """Yield (page, link) of everything that a page links to or loads, inside the site."""
    for page, elements in pages().items():
        for tag, attributes in elements.found:
            for name in {LOADED_BY.get(tag, "href"), "href"} & attributes.keys():
                # Links of 404.html are absolute, for a server.
                if page.name != "404.html" and not re.match(r"[a-z]+:", attributes[name]):
                    yield page, attributes[name]


def test_every_page_of_the_docs_is_a_page_of_the_site() -> None:
    built = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}

    assert {path.with_name("index.html") if path.stem == "README" else path for path in built} <= pages().keys()


def test_no_page_loads_anything_from_another_host() -> None:
    loaded = {
        attributes[LOADED_BY[tag]]
        for elements in pages().values()
        for tag, attributes in elements.found
        if tag in LOADED_BY and LOADED_BY[tag] in attributes
    }

    assert "assets/iframe-worker.js" in loaded
    assert [each for each in loaded if re.match(r"([a-z]+:)?//", each)] == []


def test_no_style_loads_anything_from_another_host() -> None:
    styles = [path.read_text(encoding="utf-8") for path in SITE.rglob("*.css")]

    assert styles
    assert [
        each for style in styles for each in re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)]*", style)
    ] == []


def test_every_link_leads_to_a_file_and_to_an_anchor_in_it() -> None:
    broken = []
    for page, link in links():
        path, _, anchor = unquote(link).partition("#")
        target = Path(posixpath.normpath(page.parent / path)) if path else page
        if not (SITE / target).is_file() or (anchor and target in pages() and anchor not in pages()[target].ids):
            broken.append(f"{page}: {link}")

    assert len(list(links())) > 1000
    assert broken == []


@pytest.mark.parametrize("page", PAGES_AS_WRITTEN, ids=lambda page: page.stem)
def test_a_page_has_the_same_lists_and_tables_as_in_the_repository(page: Path) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    written = Counter(BLOCKS[token.type] for token in tokens if token.type in BLOCKS)
    written["pre"] = sum(token.type in ("fence", "code_block") for token in tokens)

    shown = pages()[page.relative_to(DOCS).with_name("index.html" if page.stem == "README" else f"{page.stem}.html")]

    found = {tag: shown.in_text[tag] for tag in written}
    assert found == dict(written)


def test_the_search_works_in_a_site_that_is_opened_from_a_disk_and_asks_no_host() -> None:
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium", "chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((SITE / "index.html").as_uri())
        page.get_by_role("textbox", name="Search").fill("quiet hours")
        page.locator(".md-search-result__link").filter(has_text="Quiet hours").first.click()
        page.wait_for_url(re.compile("how-a-campaign-is-sent.html"))
        browser.close()

    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
