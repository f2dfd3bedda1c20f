from __future__ import annotations

import pytest

from airflow_provider_rcs.api.counts import counted, share


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bodies"), (1, "1 body"), (2, "2 bodies"), (12_345, "12,345 bodies")]
)
def test_only_one_is_written_in_the_singular(count: int, text: str) -> None:
    assert counted(count, "body", "bodies") == text


@pytest.mark.parametrize(
    ("part", "shown"),
    [(None, "-"), (0, "0.0%"), (0.0004, "<0.1%"), (0.5, "50.0%"), (0.9996, ">99.9%"), (1, "100.0%")],
)
def test_a_share_that_is_not_quite_all_or_nothing_is_not_shown_as_that(part: float | None, shown: str) -> None:
    assert share(part) == shown
