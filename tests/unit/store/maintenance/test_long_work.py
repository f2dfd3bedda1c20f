"""Work on the whole store that takes a while."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.store.maintenance.long_work import read_age


@pytest.mark.parametrize(("text", "days"), [("180d", 180), ("26w", 182), (" 1d ", 1)])
def test_an_age_is_a_number_of_days_or_weeks(text: str, days: int) -> None:
    assert read_age("older-than", text) == timedelta(days=days)


@pytest.mark.parametrize("text", ["180", "0d", "-1d", "6m", "1.5d", "", "d", "999999d", "1d2w", "\u0661d"])
def test_any_other_age_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(RcsInputError, match="older-than: .* Write 180d, or 26w"):
        read_age("older-than", text)
