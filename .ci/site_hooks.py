"""Hooks of MkDocs, by which pages of plain Markdown, with links into the repository, are pages of the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import mdformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
# Where the site has files of the repository that are not in docs/.
OUTSIDE = "repository"
_LINK = re.compile(r"(?<=\]\()(?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
_ROLE = re.compile(r":(?:class|func|meth|mod|exc|attr):<code>(~?)([\w.]+)</code>")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside of docs/ that pages link to, and those that these link to."""
    waiting = list(files.documentation_pages())
    while waiting:
        page = waiting.pop()
        for path in _linked_outside(page.content_string, _in_repository(page.src_uri)):
            if files.get_file_from_path(_in_site(path)) is None:
                added = File.generated(
                    config, _in_site(path), content=_as_markdown(path), inclusion=InclusionLevel.NOT_IN_NAV
                )
                files.append(added)
                waiting.append(added)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Have the links between docs/ and the rest of the repository lead to the pages of the site.

    And indent lists as Python-Markdown reads them: by four spaces, where CommonMark takes fewer.
    """
    here = _in_repository(page.file.src_uri)

    def lead(link: re.Match[str]) -> str:
        target = _target(here, link["path"])
        stays = not _is_outside(here) and not _is_outside(target)
        if stays or not (ROOT / target).is_file():  # MkDocs warns about what is not there.
            return link[0]
        return posixpath.relpath(_in_site(target), posixpath.dirname(page.file.src_uri)) + (link["anchor"] or "")

    indented: str = mdformat.text(_LINK.sub(lead, markdown), extensions={"mkdocs", "tables"})
    return indented


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Turn the roles of docstrings, such as ``:class:`~package.Name```, into the name, with a link where it has one."""
    return _ROLE.sub(_reference, html)


def _reference(role: re.Match[str]) -> str:
    short, name = role.groups()
    return f'<autoref optional identifier="{name}"><code>{name.rpartition(".")[2] if short else name}</code></autoref>'


def _linked_outside(markdown: str, page: str) -> Iterator[str]:
    """Yield the files of the repository outside of docs/ to which a page links; folders have no page."""
    for link in _LINK.finditer(markdown):
        path = _target(page, link["path"])
        if _is_outside(path) and (ROOT / path).is_file():
            yield path


def _as_markdown(path: str) -> str:
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    return f"# {path}\n\n````{posixpath.splitext(path)[1].lstrip('.')}\n{text}````\n"


def _target(page: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), link))


def _is_outside(path: str) -> bool:
    return not path.startswith("docs/")


def _in_repository(src_uri: str) -> str:
    """Return where in the repository a page of the site comes from."""
    return src_uri.removeprefix(f"{OUTSIDE}/") if src_uri.startswith(f"{OUTSIDE}/") else f"docs/{src_uri}"


def _in_site(path: str) -> str:
    """Return the source, from docs/, of the page of a file of the repository; code has the ending ``.md`` besides."""
    if not _is_outside(path):
        return path.removeprefix("docs/")
    return f"{OUTSIDE}/{path}" if path.endswith(".md") else f"{OUTSIDE}/{path}.md"
