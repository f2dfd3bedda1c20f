"""One attempt at a campaign: how much of its list it holds at a time, and what ends it on the way."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.service import Service
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.cancellations import Cancellation, cancel
from tests.unit.store.given import TERMS, campaign, phones, states

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


def test_a_campaign_that_is_cancelled_while_it_is_sent_stops_at_its_next_request(engine: sa.Engine) -> None:
    word = Cancellation("Mar", "the price is wrong", datetime.now(UTC))

    def accept_and_cancel(asked: SendRequest) -> SendResult:
        cancel(engine, campaign(engine), word)
        return accept(asked)

    with pytest.raises(RcsCancelledError):
        send_campaign(
            engine,
            Service(accept_and_cancel, ApiSettings(batch_size=2)),
            Template(TERMS.template_id, TERMS.template_name),
            SendSettings(template_id=TERMS.template_id, campaign="spring"),
            [{"phone": phones(5)}],
            made_by="a test",
            lease=timedelta(minutes=5),
        )

    assert Counter(states(engine).values()) == {"accepted": 2, "suppressed": 3}
