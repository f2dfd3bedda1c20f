"""HTTP Basic authentication, for either side of a connection."""

from __future__ import annotations

from base64 import b64encode


def basic_header(login: str, password: str) -> str:
    return f"Basic {b64encode(f'{login}:{password}'.encode()).decode()}"


def carries(header: str | None, login: str, password: str) -> bool:
    """Tell whether an ``Authorization`` header holds these credentials."""
    scheme, _, token = (header or "").partition(" ")
    return scheme.lower() == "basic" and f"Basic {token.strip()}" == basic_header(login, password)
