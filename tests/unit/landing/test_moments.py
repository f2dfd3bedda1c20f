from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.landing.moments import read_received_at

MOMENT = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        MOMENT,
        MOMENT.replace(tzinfo=None),
        MOMENT.astimezone(timezone(timedelta(hours=5))),
        pd.Timestamp(MOMENT),
        "2026-03-01T10:00:00Z",
        "2026-03-01T10:00:00.000Z",
        "2026-03-01 11:00:00+01:00",
        " 2026-03-01 10:00:00 ",
        1772359200,
        1772359200.0,
        1772359200000,
        "1772359200",
        "1772359200000",
        Decimal("1772359200"),
        "01/Mar/2026:10:00:00 +0000",
    ],
    ids=str,
)
def test_every_usual_form_is_read(written: object) -> None:
    assert read_received_at(written) == MOMENT


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "yesterday",
        True,
        0,
        1e300,
        "nan",
        "-inf",
        "1970-01-01",
        pd.NaT,
        [],
        "0001-01-01",
        "9999-12-31T23:59",
        "9" * 30,
    ],
    ids=str,
)
def test_what_is_no_moment_is_none(written: object) -> None:
    assert read_received_at(written) is None


def test_a_moment_in_the_future_is_none() -> None:
    now = datetime.now(UTC)

    assert read_received_at(now + timedelta(hours=1)) is None
    assert read_received_at(now + timedelta(minutes=1)) is not None


@given(st.text() | st.floats() | st.integers() | st.datetimes())
def test_no_value_is_an_error(written: object) -> None:
    found = read_received_at(written)

    assert found is None or found.tzinfo is UTC
