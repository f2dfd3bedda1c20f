"""The record survives restarts, and counts the phones that a campaign messaged twice."""

from __future__ import annotations

from pathlib import Path

import orjson

from airflow_provider_rcs.sandbox.model import SandboxRecipient
from airflow_provider_rcs.sandbox.options import SandboxAccount
from airflow_provider_rcs.sandbox.record import SandboxRecord
from airflow_provider_rcs.sandbox.service import SandboxService
from tests.unit.sandbox.sends import request, to


def test_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    record = SandboxRecord(file)
    odd = SandboxRecipient("34600000002", 'Zoë "\n{', "\r\n", {"Importe": "1\n{2}"})
    SandboxService(SandboxAccount(), record).send(request(to("34600000001"), odd), 1)
    SandboxService(SandboxAccount(), record).send(request(to("34600000003")), 2)
    record.close()

    again = SandboxRecord(file)
    again.close()

    assert list(again.sends()) == list(record.sends())
    assert list(again.lines()) == list(record.lines())
    assert (again.messages, again.last_request, again.last_message_id) == (3, 2, record.last_message_id)


def test_line_cut_off_by_a_kill_is_removed_from_the_record(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    record = SandboxRecord(file)
    SandboxService(SandboxAccount(), record).send(request(to("34600000001")), 1)
    record.close()
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:40])

    again = SandboxRecord(file)
    SandboxService(SandboxAccount(), again).send(request(to("34600000002")), 2)
    again.close()

    lines = file.read_bytes().removeprefix(whole).splitlines()
    assert [orjson.loads(line)["phone"] for line in lines] == ["34600000002"]


def test_phone_accepted_twice_in_a_campaign_is_counted_across_batches() -> None:
    record = SandboxRecord()
    service = SandboxService(SandboxAccount(), record)

    service.send(request(to("34600000001"), reference="spring-1"), 1)
    service.send(request(to("34600000001"), to("34600000002"), reference="spring-2"), 2)
    service.send(request(to("34600000001"), to("34600000002"), reference="summer-1"), 3)

    assert record.counts.twice == 1


def test_last_message_to_a_phone_is_found() -> None:
    record = SandboxRecord()
    service = SandboxService(SandboxAccount(), record)
    service.send(request(to("34600000001"), reference="spring-1"), 1)
    service.send(request(to("34600000002"), to("34600000001"), reference="summer-1"), 2)

    found = record.last_to("34600000001")

    assert found is not None
    assert (found[0].campaign_reference, found[1].phone) == ("summer-1", "34600000001")
    assert record.last_to("3460000000") is None
