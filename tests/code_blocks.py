"""The blocks of code in the pages of the docs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent


def numbered_blocks(page: str, language: str) -> Iterator[tuple[int, str]]:
    """Yield (line of its fence, text) of each block of a page in a language, also of those that are indented.

    :param page: the text of the page.
    """
    for found in re.finditer(rf"^ *```{language}\n(.*?)^ *```$", page, re.DOTALL | re.MULTILINE):
        yield page.count("\n", 0, found.start()) + 1, dedent(found[1])


def blocks(page: str, language: str) -> list[str]:
    """Return the texts of these blocks."""
    return [text for _, text in numbered_blocks(page, language)]
