"""Accepted messages are written to the record before the reply, and survive a kill."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.integration.sandbox.client import PHONES, send
from tests.integration.sandbox.waiting import wait_for
from tests.sandbox_process import SandboxProcess


def recorded(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_record_is_written_before_the_reply_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    with SandboxProcess(record=file) as sandbox, ThreadPoolExecutor(1) as threads:
        sandbox.faults([{"next": 1, "kind": "late_reply", "seconds": 1}])

        reply = threads.submit(send, sandbox)
        wait_for(lambda: recorded(file))

        assert not reply.done()
        assert [entry["phone"] for entry in recorded(file)] == list(PHONES)
        assert reply.result(10).json()[0]["Res"] == "2"


def test_accepted_messages_survive_a_kill(tmp_path: Path) -> None:
    file = tmp_path / "sent.jsonl"
    with SandboxProcess(record=file, reply_shape="object", credit=5) as sandbox:
        first = send(sandbox, Referenciausuario="spring-1").json()
        sandbox.kill()
        url = sandbox.url

        sandbox.start()
        second = send(sandbox, Referenciausuario="spring-2").json()

        assert sandbox.url == url
        assert second["idEnvio"] > first["idEnvio"]
        ids = [sent["idMensaje"] for reply in (first, second) for sent in reply["Enviados"]]
        assert ids == sorted(set(ids))
        assert [entry["message_id"] for entry in sandbox.accepted()] == ids
        assert [entry["request"] for entry in recorded(file)] == [1, 1, 2, 2]
        assert sandbox.messages_per_phone() == dict.fromkeys(PHONES, 2)
        assert sandbox.statistics()["twice"] == 2
        assert send(sandbox).json()["Res"] == -2
