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
