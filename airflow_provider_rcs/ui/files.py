"""The style, the scripts and the icons of the pages, served with an address for each version of their content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.responses import Response

_FOLDER = Path(__file__).parent / "assets"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FOR_A_YEAR = "private, max-age=31536000, immutable"
_ASK_EACH_TIME = "private, no-cache"


@cache
def _contents() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _TYPES}


@cache
def version_of(name: str) -> str:
    """Return what tells the content of a file from that of other versions."""
    return sha256(_contents()[name]).hexdigest()[:12]


def file_response(name: str, version: str, known: str) -> Response | None:
    """Return the response with a file, or ``None`` if there is none of that name.

    :param version: that the address names: a browser need not ask for it again; empty for whichever there is.
    :param known: the version that the browser has, by the header ``If-None-Match``.
    """
    if name not in _contents():
        return None
    current = version_of(name)
    headers = {"etag": f'"{current}"', "cache-control": _FOR_A_YEAR if version == current else _ASK_EACH_TIME}
    if f'"{current}"' in known:
        return Response(status_code=304, headers=headers)
    return Response(_contents()[name], media_type=_TYPES[Path(name).suffix], headers=headers)
