"""Dates and times as senders give them, and as the service writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pendulum
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_rcs.api.dates import (
    SERVICE_TIMEZONE,
    read_moment,
    read_report_date,
    require_expressible,
    write_moment,
)
from airflow_provider_rcs.api.errors import RcsInputError

MADRID, LONDON = "Europe/Madrid", "Europe/London"


def read(value: Any, timezone: str | None = None) -> datetime:
    return read_moment("send_at", value, timezone)


@pytest.mark.parametrize(
    ("value", "timezone"),
    [
        ("2026-12-01T09:00+01:00", None),
        ("2026-12-01 08:00:00+00:00", None),
        ("2026-12-01T08:00Z", None),
        (" 2026-12-01T09:00 ", MADRID),
        ("2026-12-01T08:00", LONDON),
        ("2026-12-01T09:00+01:00", "Asia/Tokyo"),
        (datetime(2026, 12, 1, 8, tzinfo=UTC), None),
        (datetime(2026, 12, 1, 9, tzinfo=ZoneInfo(MADRID)), None),
        (datetime(2026, 12, 1, 9, fold=1, tzinfo=ZoneInfo(MADRID)), None),
        (datetime(2026, 12, 1, 3, tzinfo=timezone(timedelta(hours=-5))), None),
        (datetime(2026, 12, 1, 9), MADRID),  # noqa: DTZ001
        (pendulum.datetime(2026, 12, 1, 9, tz=MADRID), None),
        (pendulum.naive(2026, 12, 1, 9), MADRID),
    ],
    ids=str,
)
def test_every_way_to_give_a_moment_reads_the_same(value: Any, timezone: str | None) -> None:
    assert read(value, timezone) == datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_a_moment_is_in_utc_so_that_two_in_the_repeated_hour_can_be_compared() -> None:
    assert read("2026-10-25T02:30", MADRID).tzinfo is UTC


@pytest.mark.parametrize("value", ["2026-12-01T09:00", datetime(2026, 12, 1, 9)], ids=str)  # noqa: DTZ001
@pytest.mark.parametrize("timezone", [None, ""])
def test_a_moment_without_a_zone_is_refused_with_the_remedies(value: Any, timezone: str | None) -> None:
    with pytest.raises(RcsInputError, match=r"send_at: 2026-12-01 09:00:00 has no time zone\. .*timezone='Europe"):
        read(value, timezone)


@pytest.mark.parametrize(
    ("value", "timezone", "zone"),
    [
        ("2026-03-29T02:30", MADRID, MADRID),
        ("2026-03-29T02:00", MADRID, MADRID),
        (datetime(2026, 3, 29, 2, 59), MADRID, MADRID),  # noqa: DTZ001
        (pendulum.naive(2026, 3, 29, 2, 30), MADRID, MADRID),
        (datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo(MADRID)), None, MADRID),
        ("2026-03-29T01:30", LONDON, LONDON),
    ],
    ids=str,
)
def test_an_hour_that_clocks_skip_is_refused(value: Any, timezone: str | None, zone: str) -> None:
    with pytest.raises(RcsInputError, match=f"does not exist in {zone}: clocks go forward over it"):
        read(value, timezone)


@pytest.mark.parametrize("hour", ["01:59", "03:00"])
def test_the_minutes_next_to_a_skipped_hour_exist(hour: str) -> None:
    assert write_moment(read(f"2026-03-29T{hour}", MADRID)) == f"2026-03-29 {hour}"


@pytest.mark.parametrize("value", ["2026-10-25T02:30", pendulum.naive(2026, 10, 25, 2, 30)], ids=str)
def test_a_time_in_the_repeated_hour_means_the_first_pass(value: Any) -> None:
    assert read(value, MADRID) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-10-25T01:00Z",
        "2026-10-25T01:59Z",
        "2026-10-25T02:30+01:00",
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo(MADRID)),
        pendulum.datetime(2026, 10, 25, 2, 30, tz=MADRID, fold=1),
    ],
    ids=str,
)
def test_the_second_pass_is_refused_because_the_services_dates_cannot_express_it(value: Any) -> None:
    with pytest.raises(RcsInputError, match=r"repeats in Spain that night, and its second pass \(CET\) cannot be"):
        read(value)


def test_the_repeated_hour_of_another_zone_is_accepted() -> None:
    assert write_moment(read("2026-11-01T01:30", "America/New_York")) == "2026-11-01 06:30"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("tomorrow", "'tomorrow' is not a date"),
        ("2026-02-30T09:00+01:00", "is not a date"),
        ("2026-12-01", "'2026-12-01' has no time of day"),
        ("20261201", "'20261201' has no time of day"),
        (date(2026, 12, 1), "is not a date with its time"),
        (1_800_000_000, "1800000000 is not a date with its time"),
        ("0001-01-01T00:00+10:00", "is out of range"),
        ("9999-12-31T23:59Z", "is out of range"),
    ],
    ids=str,
)
def test_a_value_that_is_not_a_moment_is_refused_with_its_field(value: Any, problem: str) -> None:
    with pytest.raises(RcsInputError, match=problem) as refused:
        read(value)

    assert refused.value.field == "send_at"


@pytest.mark.parametrize("name", ["Europe/Madird", "Europe", "../etc/passwd", "Madrid time", "\0"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(RcsInputError, match="is not a time zone. Use a name such as Europe/Madrid"):
        read("2026-12-01T09:00", name)


@pytest.mark.parametrize("timezone", [None, MADRID])
def test_nat_is_no_date(timezone: str | None) -> None:
    with pytest.raises(RcsInputError, match=r"send_at: NaT is no date\. .* For none, use None\."):
        read(pd.NaT, timezone)
    with pytest.raises(RcsInputError, match="send_at: NaT is no date"):
        require_expressible("send_at", pd.NaT)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [np.datetime64("NaT"), pd.NA, float("nan"), "NaT", "nan", "None"], ids=repr)
def test_a_missing_value_is_no_date(value: Any) -> None:
    with pytest.raises(RcsInputError, match="send_at: .* is not a date"):
        read(value)


def test_a_timestamp_of_pandas_is_a_date() -> None:
    assert read(pd.Timestamp("2026-12-01 09:00"), MADRID) == datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_a_naive_moment_cannot_be_expressed() -> None:
    with pytest.raises(RcsInputError, match="has no time zone"):
        require_expressible("send_at", datetime(2026, 12, 1, 9))  # noqa: DTZ001


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), st.sampled_from([MADRID, LONDON, "Asia/Kathmandu"]))  # noqa: DTZ001
def test_a_written_moment_is_the_local_time_in_spain(local: datetime, zone: str) -> None:
    try:
        moment = read(local, zone)
    except RcsInputError:
        assume(False)

    local_time = datetime.strptime(write_moment(moment), "%Y-%m-%d %H:%M").replace(tzinfo=SERVICE_TIMEZONE)
    assert local_time.astimezone(UTC) == moment.replace(second=0, microsecond=0)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_only_one_hour_a_year_cannot_be_expressed(moment: datetime) -> None:
    try:
        read(moment)
    except RcsInputError:
        local = moment.astimezone(SERVICE_TIMEZONE)
        assert (local.month, local.hour, local.fold) == (10, 2, 1)


@pytest.mark.parametrize("zone", [MADRID, "America/Los_Angeles", "Asia/Tokyo", "Etc/GMT+12", "Etc/GMT-14"])
@pytest.mark.parametrize("text", ["0001-01-01 00:00:00", "0000-01-01 00:00:00", "9999-12-31 23:59:59"])
def test_a_report_date_at_the_ends_of_time_is_no_date(text: str, zone: str) -> None:
    assert read_report_date(text, ZoneInfo(zone)) is None


@given(date=st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]", fullmatch=True))
def test_any_report_date_can_be_shown_in_every_time_zone(date: str) -> None:
    moment = read_report_date(date, ZoneInfo("Etc/GMT-14"))

    assert moment is None or moment.astimezone(ZoneInfo("Etc/GMT+12")).year >= 1970


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01 09:00:00",
        "2026-12-01T09:00:00",
        "2026-12-01t09:00",
        "20261201090000",
        "20261201T090000",
        "20261201T080000Z",
        "2026-12-01T08:00:00Z",
        "2026-12-01T08:00:00z",
        "2026-12-01T09:00:00+01:00",
        "2026-12-01T09:00:00+0100",
        "2026-12-01 09:00:00 +01",
        "2026-12-01T04:30:00-03:30",
        "2026-12-01T09:00:00.000",
        "2026-12-01T09:00:00,000+01:00",
        "2026-12-01T08:00:00.000000000Z",
    ],
)
def test_a_report_date_is_read_in_every_known_form(text: str) -> None:
    assert read_report_date(text) == datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "microsecond"), [("5", 500_000), ("123", 123_000), ("123456", 123_456), ("123456789", 123_456)]
)
def test_fractions_of_a_second_in_a_report_date_are_kept_to_the_microsecond(text: str, microsecond: int) -> None:
    assert read_report_date(f"2026-12-01T08:00:00.{text}Z") == datetime(2026, 12, 1, 8, 0, 0, microsecond, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "202612010900",
        "2026120109",
        "20261201",
        "1793000000",
        "1793000000000",
        "17930000000000",
        "20261301090000",
        "20260230090000",
        "2026-12-01T24:00:00",
        "2026-12-01T09:60:00",
        "2026-12-0109:00:00",
        "2026-1201 09:00:00",
        "2026-12-01T09:00:00+25:00",
        "2026-12-01T09:00:00+01:60",
        "2026-12-01T09:00:00 CET",
        "01/12/2026 09:00:00",
        "2026-12-01 09:00:00" + " " * 100,
    ],
)
def test_a_report_date_in_another_form_is_not_read(text: str) -> None:
    assert read_report_date(text) is None


@pytest.mark.parametrize("text", ["2026-10-25 02:30:00", "20261025023000", "2026-10-25T02:30:00.000"])
def test_the_repeated_hour_is_its_first_pass_in_every_form_of_a_report_date(text: str) -> None:
    assert read_report_date(text) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(("offset", "hour"), [("+02:00", 0), ("+01:00", 1)])
def test_an_offset_tells_the_passes_of_the_repeated_hour_apart(offset: str, hour: int) -> None:
    assert read_report_date(f"2026-10-25T02:30:00{offset}") == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


@given(st.text("0123456789-:T.+Zz ", max_size=40))
def test_any_text_is_a_report_date_that_databases_can_hold_or_none(text: str) -> None:
    moment = read_report_date(text)

    assert moment is None or (moment.tzinfo is UTC and 1970 <= moment.year <= 9999)
