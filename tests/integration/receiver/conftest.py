"""The URL of a migrated store, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores import postgres_store, sqlite_store


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a store; each test that uses it runs on both databases."""
    if request.param == "sqlite":
        yield sqlite_store(tmp_path / "store.db")
    else:
        with postgres_store(request.getfixturevalue("postgres")) as url:
            yield url
