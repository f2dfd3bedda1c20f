"""The rules that the models know of themselves."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import time

import pytest

from airflow_provider_rcs.api.models import QuietHours, Recipient, Template, TemplateVariable


def test_quiet_hours_may_cross_midnight() -> None:
    hours = QuietHours(time(22), time(9))

    assert (hours.start, hours.end, hours.action) == (time(22), time(9), 1)


def test_quiet_hours_that_leave_no_time_to_send_are_refused() -> None:
    with pytest.raises(ValueError, match="start and end are both 22:00"):
        QuietHours(time(22), time(22))


def test_the_sender_gives_just_the_variables_that_the_service_does_not_fill() -> None:
    template = Template(
        "7",
        "Welcome",
        (TemplateVariable("Who", "DESTINATARIO", filled_by_service=True), TemplateVariable("Amount", "TEXTO")),
    )

    assert template.required_variables == ("Amount",)


def test_a_recipient_cannot_be_changed_on_its_way() -> None:
    recipient = Recipient("34600000001")

    with pytest.raises(FrozenInstanceError):
        recipient.phone = "34600000002"  # type: ignore[misc]
