"""A migrated store of either kind, by its URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.receiver.looking import migrated


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store; each test that takes it runs on both databases."""
    url: str = (
        f"sqlite:///{tmp_path}/store.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    return migrated(url)
