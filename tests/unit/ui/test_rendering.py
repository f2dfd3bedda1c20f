from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from airflow_provider_rcs.ui.rendering import age, moment

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3_599, "60 min ago"),
        (3_600, "1 h ago"),
        (47 * 3_600, "47 h ago"),
        (48 * 3_600, "2 days ago"),
        (400 * 86_400, "400 days ago"),
    ],
)
def test_an_age_is_shown_in_its_largest_unit(seconds: int, shown: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == shown


def test_a_moment_is_shown_in_utc_and_can_be_read_by_programs() -> None:
    in_madrid = datetime(2026, 5, 1, 14, 30, tzinfo=timezone(timedelta(hours=2)))

    assert moment(in_madrid) == '<time datetime="2026-05-01T12:30:00Z">2026-05-01 12:30</time>'
    assert moment(None) == "-"
