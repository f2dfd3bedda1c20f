"""One attempt at a campaign, and how much of its list it holds at a time."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from datetime import timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.service import Service
from airflow_provider_rcs.sending.settings import SendSettings

CHUNKS = 20


class Cells(list[object]):
    """A column that can be seen to be forgotten."""


def accept(asked: SendRequest) -> SendResult:
    return SendResult(len(asked.recipients), "77", {each.phone: f"m-{each.phone}" for each in asked.recipients})


def test_the_list_is_forgotten_chunk_by_chunk(engine: sa.Engine) -> None:
    alive: weakref.WeakValueDictionary[int, Cells] = weakref.WeakValueDictionary()
    most = 0

    def chunks() -> Iterator[Mapping[str, Cells]]:
        nonlocal most
        for number in range(CHUNKS):
            cells = Cells([f"346{number:08d}"])
            alive[number] = cells
            most = max(most, len(alive))
            yield {"phone": cells}

    sent = send_campaign(
        engine,
        Service(accept, ApiSettings()),
        Template("1", "Welcome"),
        SendSettings(template_id="1", campaign="spring"),
        chunks(),
        made_by="a test",
        lease=timedelta(minutes=5),
    )

    assert sent["accepted"] == CHUNKS
    assert most <= 3
