from __future__ import annotations

import pytest

from airflow_provider_rcs.api.counts import counted


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bodies"), (1, "1 body"), (2, "2 bodies"), (12_345, "12,345 bodies")]
)
def test_only_one_is_written_in_the_singular(count: int, text: str) -> None:
    assert counted(count, "body", "bodies") == text
