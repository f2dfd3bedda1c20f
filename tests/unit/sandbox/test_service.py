"""The service takes whom it can, once each, and what it took is on record."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from airflow_provider_rcs.sandbox.model import Outcome, Recipient, SendRequest
from airflow_provider_rcs.sandbox.options import Account
from airflow_provider_rcs.sandbox.record import Record
from airflow_provider_rcs.sandbox.refusals import NotEnoughCreditError
from airflow_provider_rcs.sandbox.service import Service
from airflow_provider_rcs.sandbox.templates import DEFAULT_TEMPLATES, Template

WELCOME, _, PLAIN = DEFAULT_TEMPLATES


def request(*recipients: Recipient, template: Template = PLAIN, reference: str = "spring-1") -> SendRequest:
    return SendRequest(template, "my-rcs-agent", recipients, "", (), reference, report=False)


def to(phone: str, **variables: str) -> Recipient:
    return Recipient(phone, "Ana", "R1", variables)


def send(*recipients: Recipient, template: Template = PLAIN, account: Account | None = None) -> Outcome:
    return Service(account or Account(), Record()).send(request(*recipients, template=template), 1)


def phones(outcome: Outcome) -> list[str]:
    return [message.phone for message in outcome.accepted.messages] if outcome.accepted else []


def test_phone_named_twice_is_sent_to_once() -> None:
    outcome = send(to("34600000001"), to("34600000002"), to("34600000001"))

    assert phones(outcome) == ["34600000001", "34600000002"]
    assert (outcome.processed, outcome.duplicates) == (3, 1)


@pytest.mark.parametrize(
    "phone",
    ["", "3460000", "3460000000000001", "034600000001", "+34600000001", "34 600 000 001", "٣٤٦٠٠٠٠٠٠٠٠١", "abc"],
)
def test_bad_number_is_not_sent_to(phone: str) -> None:
    outcome = send(to(phone), to("34600000001"))

    assert phones(outcome) == ["34600000001"]
    assert [recipient.phone for recipient in outcome.refused] == [phone]


def test_refused_phone_is_not_sent_to() -> None:
    outcome = send(to("34600000009"), account=Account(refused_phones=frozenset({"34600000009"})))

    assert outcome.accepted is None
    assert len(outcome.refused) == 1


def test_recipient_without_a_needed_variable_is_not_sent_to() -> None:
    outcome = send(to("34600000001", Importe="12"), to("34600000002", Other="x"), template=WELCOME)

    assert phones(outcome) == ["34600000001"]
    assert [recipient.phone for recipient in outcome.refused] == ["34600000002"]


def test_credit_that_does_not_do_for_all_is_spent_on_nobody() -> None:
    record = Record()
    service = Service(Account(credit=2), record)

    with pytest.raises(NotEnoughCreditError):
        service.send(request(to("34600000001"), to("34600000002"), to("34600000003")), 1)

    assert (record.messages, service.credit) == (0, 2)


def test_duplicates_and_bad_numbers_cost_nothing() -> None:
    service = Service(Account(credit=1), Record())

    service.send(request(to("34600000001"), to("34600000001"), to("bad")), 1)

    assert service.credit == 0


def test_ids_rise_with_every_send() -> None:
    service = Service(Account(), Record())

    first = service.send(request(to("34600000001"), to("34600000002")), 1).accepted
    second = service.send(request(to("34600000003")), 2).accepted

    assert first is not None
    assert second is not None
    assert second.send_id == first.send_id + 1
    assert [m.message_id for m in (*first.messages, *second.messages)] == [108366478, 108366479, 108366480]


def test_record_is_read_again_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    record = Record(file)
    odd = Recipient("34600000002", 'Zoë "\n{', "\r\n", {"Importe": "1\n{2}"})
    Service(Account(), record).send(request(to("34600000001"), odd), 1)
    Service(Account(), record).send(request(to("34600000003")), 2)
    record.close()

    again = Record(file)
    again.close()

    assert list(again.sends()) == list(record.sends())
    assert list(again.lines()) == list(record.lines())
    assert (again.messages, again.last_request, again.last_message_id) == (3, 2, record.last_message_id)


def test_line_cut_off_by_a_kill_is_taken_out_of_the_record(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    record = Record(file)
    Service(Account(), record).send(request(to("34600000001")), 1)
    record.close()
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:40])

    again = Record(file)
    Service(Account(), again).send(request(to("34600000002")), 2)
    again.close()

    lines = file.read_bytes().removeprefix(whole).splitlines()
    assert [orjson.loads(line)["phone"] for line in lines] == ["34600000002"]


def test_phone_accepted_twice_in_a_campaign_is_counted_whatever_the_batch() -> None:
    record = Record()
    service = Service(Account(), record)

    service.send(request(to("34600000001"), reference="spring-1"), 1)
    service.send(request(to("34600000001"), to("34600000002"), reference="spring-2"), 2)
    service.send(request(to("34600000001"), to("34600000002"), reference="summer-1"), 3)

    assert (record.tally.twice, record.tally.most_for_a_phone) == (1, 3)
