"""The package and its docs are written without the words that made them hard to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ["airflow_provider_rcs", "docs", "dags", "README.md"]
TEXT = {".py", ".md", ".mako", ".yml", ".html", ".css", ".js"}
WORDS = re.compile(r"\b(?:told|whom|whoever|the books|what became of|on its way)\b", re.IGNORECASE)
# Phrases with one of the words that are good English all the same, or of a licence.
ALLOWED = ("Who may import whom", "persons to whom the Software is")


def lines() -> Iterator[tuple[str, str]]:
    """Yield (path and number, text) of every line."""
    paths = [
        path for place in PLACES for path in ([ROOT / place] if place.endswith(".md") else (ROOT / place).rglob("*"))
    ]
    for path in sorted(path for path in paths if path.suffix in TEXT):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


@pytest.mark.slow
def test_the_package_and_the_docs_do_not_use_the_words() -> None:
    found = {place: line.strip() for place, line in lines() if WORDS.search(re.sub("|".join(ALLOWED), "", line))}

    assert found == {}


@pytest.mark.slow
def test_every_allowed_phrase_is_used() -> None:
    text = "\n".join(line for _, line in lines())

    assert [phrase for phrase in ALLOWED if phrase not in text] == []
