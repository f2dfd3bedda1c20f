"""The README as a package index shows it: links that lead somewhere, or none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = r"\((?![a-z]+:|#)(?P<target>[^)\s]+)\)"
_PICTURE = re.compile(rf"!\[(?P<text>[^\]]*)\]{_RELATIVE}\n*")
_LINK = re.compile(rf"(?<!!)\[(?P<text>[^\]]*)\]{_RELATIVE}")


class ReadmeHook(MetadataHookInterface):  # type: ignore[misc]
    """Gives hatchling the README with links to the repository, at the tag of the version.

    Without a ``Repository`` in ``[project.urls]`` there is nothing to link to: of a relative link the text remains, and
    of a picture nothing.
    """

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README to the metadata of the project."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = metadata.get("urls", {}).get("Repository", "").rstrip("/")
        pictures = f"{repository}/raw/v{metadata['version']}/" if repository else ""
        pages = f"{repository}/blob/v{metadata['version']}/" if repository else ""
        text = _PICTURE.sub(rf"![\g<text>]({pictures}\g<target>)\n\n" if repository else "", text)
        text = _LINK.sub(rf"[\g<text>]({pages}\g<target>)" if repository else r"\g<text>", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
