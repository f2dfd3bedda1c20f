"""The service accepts every valid recipient once, and records what it accepts."""

from __future__ import annotations

import pytest

from airflow_provider_rcs.sandbox.model import NotEnoughCreditError, SandboxRecipient, SandboxTemplate, SendOutcome
from airflow_provider_rcs.sandbox.options import SandboxAccount
from airflow_provider_rcs.sandbox.record import SandboxRecord
from airflow_provider_rcs.sandbox.service import RequestLimit, SandboxService
from tests.unit.sandbox.sends import PLAIN, WELCOME, request, to


def send(
    *recipients: SandboxRecipient, template: SandboxTemplate = PLAIN, account: SandboxAccount | None = None
) -> SendOutcome:
    return SandboxService(account or SandboxAccount(), SandboxRecord()).send(request(*recipients, template=template), 1)


def phones(outcome: SendOutcome) -> list[str]:
    return [message.phone for message in outcome.accepted.messages] if outcome.accepted else []


def test_phone_listed_twice_is_accepted_once() -> None:
    outcome = send(to("34600000001"), to("34600000002"), to("34600000001"))

    assert phones(outcome) == ["34600000001", "34600000002"]
    assert (outcome.processed, outcome.duplicates) == (3, 1)


@pytest.mark.parametrize(
    "phone",
    ["", "3460000", "3460000000000001", "034600000001", "+34600000001", "34 600 000 001", "٣٤٦٠٠٠٠٠٠٠٠١", "abc"],
)
def test_invalid_phone_is_not_accepted(phone: str) -> None:
    outcome = send(to(phone), to("34600000001"))

    assert phones(outcome) == ["34600000001"]
    assert [recipient.phone for recipient in outcome.refused] == [phone]


def test_refused_phone_is_not_accepted() -> None:
    outcome = send(to("34600000009"), account=SandboxAccount(refused_phones=frozenset({"34600000009"})))

    assert outcome.accepted is None
    assert len(outcome.refused) == 1


def test_recipient_without_a_required_variable_is_not_accepted() -> None:
    outcome = send(to("34600000001", Importe="12"), to("34600000002", Other="x"), template=WELCOME)

    assert phones(outcome) == ["34600000001"]
    assert [recipient.phone for recipient in outcome.refused] == ["34600000002"]


def test_credit_that_does_not_cover_all_messages_is_not_spent() -> None:
    record = SandboxRecord()
    service = SandboxService(SandboxAccount(credit=2), record)

    with pytest.raises(NotEnoughCreditError):
        service.send(request(to("34600000001"), to("34600000002"), to("34600000003")), 1)

    assert (record.messages, service.credit) == (0, 2)


def test_duplicates_and_invalid_phones_cost_nothing() -> None:
    service = SandboxService(SandboxAccount(credit=1), SandboxRecord())

    service.send(request(to("34600000001"), to("34600000001"), to("bad")), 1)

    assert service.credit == 0


def test_ids_rise_with_every_send() -> None:
    service = SandboxService(SandboxAccount(), SandboxRecord())

    first = service.send(request(to("34600000001"), to("34600000002")), 1).accepted
    second = service.send(request(to("34600000003")), 2).accepted

    assert first is not None
    assert second is not None
    assert second.send_id == first.send_id + 1
    assert [m.message_id for m in (*first.messages, *second.messages)] == [108366478, 108366479, 108366480]


def test_as_many_sends_as_the_limit_are_taken_in_any_second() -> None:
    limit = RequestLimit(2)

    waits = [limit.seconds_to_wait(now) for now in (0.0, 0.5, 0.75, 1.0, 1.25, 1.5)]

    assert waits == [0, 0, 0.25, 0, 0.25, 0]
    assert limit.refused == 2


def test_without_a_limit_every_send_is_taken() -> None:
    limit = RequestLimit(None)

    assert [limit.seconds_to_wait(0.0) for _ in range(9)] == [0] * 9


@pytest.mark.parametrize(("count", "half"), [(1, 1), (2, 1), (3, 2)])
def test_half_of_the_valid_recipients_is_accepted_and_the_rest_returned_as_not_sent(count: int, half: int) -> None:
    valid = [str(34600000000 + number) for number in range(count)]
    record = SandboxRecord()

    outcome = SandboxService(SandboxAccount(), record).send_half(request(to("12"), *map(to, valid)), 1)

    assert phones(outcome) == valid[:half]
    assert [recipient.phone for recipient in outcome.refused] == [*valid[half:], "12"]
    assert record.messages == half
