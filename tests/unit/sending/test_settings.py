"""The settings of a task that sends are read and checked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import FrequencyCap, QuietHours
from airflow_provider_rcs.recipients.selection import read_selection
from airflow_provider_rcs.sending.settings import SendSettings, describe_query, read_quiet_hours, read_send_at

NIGHT = QuietHours(time(22), time(9))
NIGHT_AS_DICT: dict[str, Any] = {"start": "22:00", "end": "9:00"}


@pytest.mark.parametrize("nothing", [None, "", " "], ids=repr)
def test_without_a_date_messages_are_sent_at_once(nothing: Any) -> None:
    assert read_send_at(nothing) is None


def test_a_date_is_read_in_the_given_time_zone() -> None:
    assert read_send_at("2026-12-01 09:00", "Europe/Madrid") == datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_an_unknown_time_zone_is_refused_even_without_a_date() -> None:
    with pytest.raises(RcsInputError, match="timezone: 'Spain/Madrid' is not a time zone"):
        read_send_at(None, "Spain/Madrid")


def test_settings_refuse_a_date_that_the_api_cannot_express() -> None:
    with pytest.raises(RcsInputError, match="send_at: .* repeats in Spain"):
        SendSettings("7", "spring", send_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


@pytest.mark.parametrize("text", ["", " ", "None", "1ef2cbfc652f2d83", "approved"], ids=repr)
def test_an_approved_plan_that_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(RcsInputError, match=f"approved_plan: '{text}' is not the plan_hash of a plan"):
        SendSettings("7", "spring", approved_plan=text)


@pytest.mark.parametrize("none", [None, (), []], ids=repr)
def test_without_quiet_hours_none_are_returned(none: Any) -> None:
    assert read_quiet_hours(none) == ()


@pytest.mark.parametrize(
    "entry",
    [
        NIGHT,
        {"start": "22:00", "end": "09:00"},
        NIGHT_AS_DICT,
        {"start": " 22:00 ", "end": time(9)},
        NIGHT_AS_DICT | {"action": 1},
        NIGHT_AS_DICT | {"action": "1"},
    ],
    ids=str,
)
def test_quiet_hours_over_midnight_are_read_from_every_form(entry: Any) -> None:
    assert read_quiet_hours([entry]) == (NIGHT,)


def test_an_action_of_quiet_hours_is_passed_through() -> None:
    assert read_quiet_hours([{"start": "14:00", "end": "16:00", "action": 3}]) == (QuietHours(time(14), time(16), 3),)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"start": "22:00"}], r"quiet_hours\[0\]\['end'\]: it is missing"),
        ([{}], r"quiet_hours\[0\]\['start'\]: it is missing"),
        ([NIGHT, {"start": "25:00", "end": "9:00"}], r"quiet_hours\[1\]\['start'\]: '25:00' is not a time of day"),
        ([{"start": 22, "end": 9}], r"quiet_hours\[0\]\['start'\]: 22 is not a time of day"),
        ([{"start": None, "end": "9:00"}], r"quiet_hours\[0\]\['start'\]: None is not a time of day"),
        ([{"start": "22:00", "end": "late"}], r"quiet_hours\[0\]\['end'\]: 'late' is not a time of day"),
        (
            [NIGHT_AS_DICT | {"action": "wait"}],
            r"quiet_hours\[0\]\['action'\]: 'wait' is not a whole number",
        ),
        (
            [NIGHT_AS_DICT | {"timezone": 7}],
            r"quiet_hours\[0\]\['timezone'\]: 7 is not the name of a time zone",
        ),
        (
            [NIGHT_AS_DICT | {"action": True}],
            r"quiet_hours\[0\]\['action'\]: True is not a whole number",
        ),
        ([NIGHT_AS_DICT | {"acton": 1}], r"quiet_hours\[0\]: no such field: acton"),
        ([{"start": "9:00", "end": "09:00"}], r"quiet_hours\[0\]: start and end are both 09:00"),
        ([{"start": "22:00:30", "end": "9:00"}], r"quiet_hours\[0\]: start is 22:00:30, and must be a plain minute"),
        (["22:00-09:00"], r"quiet_hours\[0\]: '22:00-09:00' is neither QuietHours nor a dict"),
        (NIGHT_AS_DICT, "quiet_hours: a dict is not a list"),
        ("22:00-09:00", "quiet_hours: a str is not a list"),
        (7, "quiet_hours: a int is not a list"),
    ],
    ids=str,
)
def test_unreadable_quiet_hours_are_refused_with_their_field_and_an_example(entries: Any, message: str) -> None:
    with pytest.raises(RcsInputError, match=rf'^{message}.*Write \[{{"start": "22:00", "end": "09:00"}}\]\.$'):
        read_quiet_hours(entries)


NIGHT_IN_THE_CANARIES = NIGHT_AS_DICT | {"timezone": "Atlantic/Canary"}


@pytest.mark.parametrize("timezone", [None, "Atlantic/Canary", "Europe/Madrid"])
@pytest.mark.parametrize(
    "entry", [NIGHT_IN_THE_CANARIES, QuietHours(time(22), time(9), timezone="Atlantic/Canary")], ids=str
)
def test_quiet_hours_with_a_time_zone_are_converted(entry: Any, timezone: str | None) -> None:
    assert read_quiet_hours([entry], timezone) == (QuietHours(time(23), time(10)),)


@pytest.mark.parametrize("entry", [NIGHT, NIGHT_AS_DICT, NIGHT_AS_DICT | {"timezone": ""}], ids=str)
@pytest.mark.parametrize("timezone", ["Atlantic/Canary", "UTC", "America/New_York"])
def test_quiet_hours_without_a_time_zone_are_refused_beside_another_one_than_spains(entry: Any, timezone: str) -> None:
    remedy = f'Write {{"start": "22:00", "end": "09:00", "timezone": "{timezone}"}}, or "timezone": "Europe/Madrid"'

    with pytest.raises(RcsInputError, match=rf"^quiet_hours\[1\]: 22:00-09:00 without a timezone .*{remedy}"):
        read_quiet_hours([NIGHT_IN_THE_CANARIES, entry], timezone)


@pytest.mark.parametrize("timezone", [None, "", "Europe/Madrid", "Europe/Paris"])
def test_quiet_hours_without_a_time_zone_are_in_spains_time(timezone: str | None) -> None:
    assert read_quiet_hours([NIGHT], timezone) == (NIGHT,)


def test_a_zone_that_has_spains_time_at_the_date_is_read_in_one_way() -> None:
    assert read_quiet_hours([NIGHT], "Africa/Algiers", datetime(2027, 1, 7, tzinfo=UTC)) == (NIGHT,)


def test_a_date_in_the_campaigns_own_quiet_hours_is_warned_about() -> None:
    night, noon = datetime(2026, 12, 1, 23, tzinfo=UTC), datetime(2026, 12, 1, 12, tzinfo=UTC)
    quiet_hours = (QuietHours(time(14), time(16)), NIGHT)

    (warning,) = SendSettings("7", "spring", send_at=night, quiet_hours=quiet_hours).warnings()

    assert "send_at: 2026-12-02 00:00 in Spain is within quiet_hours[1] (22:00-09:00)" in warning
    assert SendSettings("7", "spring", send_at=noon, quiet_hours=quiet_hours).warnings() == []
    assert SendSettings("7", "spring", quiet_hours=quiet_hours).warnings() == []


@pytest.mark.parametrize("name", ["spring ", " spring", "spring\n", "spring\u00a0"])
def test_a_campaign_that_looks_like_another_one_is_refused(name: str) -> None:
    with pytest.raises(RcsInputError, match=r"^campaign: '.*' begins or ends with white space"):
        SendSettings("1234567", name)


def test_a_campaign_whose_template_has_rendered_to_none_is_refused() -> None:
    with pytest.raises(RcsInputError, match="^campaign: its template has rendered to None"):
        SendSettings("1234567", "None")


def test_at_most_32_requests_may_be_in_flight() -> None:
    assert SendSettings("7", "spring", max_in_flight=32).max_in_flight == 32
    with pytest.raises(RcsInputError, match="max_in_flight: 33 is more than 32"):
        SendSettings("7", "spring", max_in_flight=33)


def test_a_campaign_scheduled_by_the_store_needs_a_date() -> None:
    with pytest.raises(RcsInputError, match="send_at: it is not set, and scheduled_by='store' needs it"):
        SendSettings("7", "spring", scheduled_by="store")


def test_an_unknown_scheduler_is_refused() -> None:
    with pytest.raises(RcsInputError, match="scheduled_by: 'cron' is not a choice"):
        SendSettings("7", "spring", scheduled_by="cron")


def test_a_campaign_scheduled_by_the_store_cannot_be_sharded() -> None:
    with pytest.raises(RcsInputError, match="shard: '2/4' is a part of a list"):
        SendSettings(
            "7",
            "spring",
            send_at=datetime(2027, 1, 1, tzinfo=UTC),
            scheduled_by="store",
            selection=read_selection("2/4", 1),
        )


def test_conditions_are_words_that_tell_what_the_lists_of_a_campaign_have_in_common() -> None:
    cap = FrequencyCap(2, timedelta(days=7))
    evening = QuietHours(time(20), time(21), 2)

    conditions = SendSettings(
        "7", "spring", quiet_hours=(NIGHT, evening), request_reports=False, frequency_cap=cap, exclusions="a query"
    ).conditions

    assert conditions == {
        "quiet_hours": "20:00-21:00 (action 2), 22:00-09:00 (action 1)",
        "request_reports": "False",
        "frequency_cap": "at most 2 within 7 days",
        "exclude_sql": "a query",
    }


def test_without_them_conditions_say_none_and_unknown_exclusions_are_left_out() -> None:
    assert SendSettings("7", "spring").conditions == {
        "quiet_hours": "none",
        "request_reports": "True",
        "frequency_cap": "none",
    }


def test_a_query_is_described_without_its_text_and_whatever_its_white_space() -> None:
    described = describe_query("SELECT '+34600000001'\n  FROM opt_out;", "warehouse")

    assert described == describe_query("SELECT '+34600000001' FROM opt_out", "warehouse")
    assert described != describe_query("SELECT phone FROM opt_out", "warehouse")
    assert re.fullmatch("query [0-9a-f]{8} on warehouse", described)
    assert describe_query(None) == "none"
