"""The rules that the models enforce."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import QuietHours, Recipient, SendRequest, Template, TemplateVariable


def test_quiet_hours_may_cross_midnight() -> None:
    hours = QuietHours(time(22), time(9))

    assert (hours.start, hours.end, hours.action) == (time(22), time(9), 1)


def test_quiet_hours_that_leave_no_time_to_send_are_refused() -> None:
    with pytest.raises(ValueError, match="start and end are both 22:00"):
        QuietHours(time(22), time(22))


@pytest.mark.parametrize("start", [time(22, 0, 30), time(22, 0, 0, 1), time(22, tzinfo=UTC)], ids=str)
def test_quiet_hours_are_whole_minutes_without_a_time_zone(start: time) -> None:
    with pytest.raises(ValueError, match="quiet_hours: start is .*, and must be a plain minute of the day"):
        QuietHours(start, time(9))


@pytest.mark.parametrize(
    ("timezone", "send_at", "start", "end"),
    [
        (None, None, time(22), time(9)),
        ("Europe/Madrid", None, time(22), time(9)),
        ("Atlantic/Canary", None, time(23), time(10)),
        ("Europe/Lisbon", datetime(2027, 3, 28, tzinfo=UTC), time(23), time(10)),
        ("Asia/Kathmandu", datetime(2027, 1, 7, tzinfo=UTC), time(17, 15), time(4, 15)),
        ("America/New_York", datetime(2027, 1, 7, tzinfo=UTC), time(4), time(15)),
        ("America/New_York", datetime(2027, 3, 20, tzinfo=UTC), time(3), time(14)),
    ],
    ids=str,
)
def test_quiet_hours_of_another_time_zone_are_converted_to_spains_time(
    timezone: str | None, send_at: datetime | None, start: time, end: time
) -> None:
    hours = QuietHours(time(22), time(9), 3, timezone)

    assert hours.in_service_time(send_at) == QuietHours(start, end, 3)


@pytest.mark.parametrize(
    ("timezone", "send_at", "when"),
    [
        ("America/New_York", None, "in the coming year: .* or give send_at"),
        ("UTC", None, "in the coming year"),
        ("America/New_York", datetime(2027, 3, 13, tzinfo=UTC), "in the days after 2027-03-13"),
        ("Asia/Tokyo", datetime(2026, 10, 24, 12, tzinfo=UTC), "in the days after 2026-10-24"),
    ],
    ids=str,
)
def test_quiet_hours_are_refused_where_clocks_change_on_other_dates_than_in_spain(
    timezone: str, send_at: datetime | None, when: str
) -> None:
    hours = QuietHours(time(22), time(9), timezone=timezone)

    with pytest.raises(RcsInputError, match=f"quiet_hours: 22:00-09:00 in {timezone} is not always the same .* {when}"):
        hours.in_service_time(send_at)
    with pytest.raises(RcsInputError, match="quiet_hours"):
        SendRequest("7", (), "spring-1", send_at=send_at, quiet_hours=(hours,))


def test_quiet_hours_in_an_unknown_time_zone_are_refused() -> None:
    with pytest.raises(RcsInputError, match="quiet_hours: timezone: 'Canary' is not a time zone"):
        QuietHours(time(22), time(9), timezone="Canary")


@pytest.mark.parametrize(
    ("start", "end", "included"),
    [(22, 9, ["22:00", "23:59", "00:00", "08:59"]), (9, 22, ["09:00", "21:59"])],
)
def test_quiet_hours_include_their_start_and_not_their_end(start: int, end: int, included: list[str]) -> None:
    hours = QuietHours(time(start), time(end))
    moments = ["22:00", "23:59", "00:00", "08:59", "09:00", "21:59"]

    found = [text for text in moments if hours.includes(datetime.fromisoformat(f"2026-12-01T{text}:30+01:00"))]

    assert found == included


def test_a_send_date_that_the_services_dates_cannot_express_is_refused() -> None:
    with pytest.raises(RcsInputError, match="send_at: .* repeats in Spain"):
        SendRequest("7", (), "spring-1", send_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_required_variables_are_those_that_the_service_does_not_fill() -> None:
    template = Template(
        "7",
        "Welcome",
        (TemplateVariable("Who", "DESTINATARIO", filled_by_service=True), TemplateVariable("Amount", "TEXTO")),
    )

    assert template.required_variables == ("Amount",)


def test_a_recipient_cannot_be_changed() -> None:
    recipient = Recipient("+34600000001")

    with pytest.raises(AttributeError):
        recipient.phone = "+34600000002"  # type: ignore[misc]
