"""The send of a campaign: its memory, its errors and its credit."""

from __future__ import annotations

import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCancelledError,
    RcsCreditError,
    RcsInputError,
    RcsInvalidRecipientsError,
    RcsStoreUnavailable,
)
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.campaign import require_credit_to_begin, send_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from tests.unit.sending.service import Service, accept
from tests.unit.store.given import TERMS, campaign, phones, states

CHUNKS = 20


class Cells(list[object]):
    """A column that weak references can refer to."""


def send(engine: sa.Engine, chunks: Iterable[Mapping[str, list[object]]]) -> dict[str, Any]:
    return send_campaign(
        engine,
        Service(),
        Template("1", "Welcome"),
        SendSettings(template_id="1", campaign="spring", batch_size=1, max_in_flight=1),
        chunks,
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(minutes=5),
    )


def fail_at_second_reply(engine: sa.Engine) -> None:
    """Make the store fail when the second reply is recorded."""
    recorded = 0

    def executing(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal recorded
        recorded += statement.startswith("UPDATE rcs_message") and "json_each" in statement
        if recorded == 2 and "json_each" in statement:
            recorded += 1
            raise sa.exc.OperationalError(statement, None, sqlite3.OperationalError("the disk is full"))

    sa.event.listen(engine, "before_cursor_execute", executing)


REQUIRING_FIVE = SendSettings("1234567", "spring", min_credits=5)


def refuse() -> float:
    raise RcsAuthError("refused")


@pytest.mark.slow
def test_each_chunk_of_the_list_is_freed_after_it_is_recorded(engine: sa.Engine) -> None:
    alive: weakref.WeakValueDictionary[int, Cells] = weakref.WeakValueDictionary()
    most = 0

    def chunks() -> Iterator[Mapping[str, Cells]]:
        nonlocal most
        for number in range(CHUNKS):
            cells = Cells([f"+346{number:08d}"])
            alive[number] = cells
            most = max(most, len(alive))
            yield {"phone": cells}

    sent = send(engine, chunks())

    assert sent["accepted"] == CHUNKS
    assert most <= 3


def test_a_campaign_cancelled_while_it_is_sent_stops_before_its_next_request(engine: sa.Engine) -> None:
    cancellation = Cancellation("Mar", "the price is wrong", datetime.now(UTC))

    def accept_and_cancel(request: SendRequest) -> SendResult:
        cancel(engine, campaign(engine), cancellation)
        return accept(request)

    with pytest.raises(RcsCancelledError):
        send_campaign(
            engine,
            Service(accept_and_cancel, ApiSettings(batch_size=2)),
            Template(TERMS.template_id, TERMS.template_name),
            SendSettings(template_id=TERMS.template_id, campaign="spring"),
            [{"phone": phones(5)}],
            started_by=StartedBy(started_by="a test"),
            lease=timedelta(minutes=5),
        )

    assert Counter(states(engine).values()) == {"accepted": 2, "suppressed": 3}


def test_chunks_before_one_that_cannot_be_read_are_recorded(engine: sa.Engine) -> None:
    def chunks() -> Iterator[Mapping[str, list[object]]]:
        yield {"phone": ["+34600000001"]}
        yield {"phone": ["+34600000002"]}
        raise RcsInputError("sql", "the connection was lost", "Retry.")

    with pytest.raises(RcsInputError):
        send(engine, chunks())

    assert states(engine) == {"+34600000001": "planned", "+34600000002": "planned"}


def test_a_reply_that_cannot_be_recorded_stops_the_task_and_the_others_are_recorded(engine: sa.Engine) -> None:
    fail_at_second_reply(engine)

    with pytest.raises(RcsStoreUnavailable):
        send(engine, [{"phone": [f"+3460000000{number}" for number in range(1, 6)]}])

    first, second, *others = states(engine).values()
    assert (first, second) == ("accepted", "sending")
    # The third request may have left while the second reply was being recorded.
    assert others in (["accepted", "planned", "planned"], ["planned"] * 3)


def test_credit_is_not_looked_up_without_min_credits(engine: sa.Engine) -> None:
    require_credit_to_begin(engine, SendSettings("1234567", "spring"), Service(look_up_credits=refuse))


def test_a_campaign_begins_only_if_the_account_has_min_credits(engine: sa.Engine) -> None:
    require_credit_to_begin(engine, REQUIRING_FIVE, Service(look_up_credits=lambda: 5))

    with pytest.raises(RcsCreditError):
        require_credit_to_begin(engine, REQUIRING_FIVE, Service(look_up_credits=lambda: 4.99))


def test_the_credit_of_a_campaign_that_has_begun_is_not_looked_up(engine: sa.Engine) -> None:
    campaign(engine)

    require_credit_to_begin(engine, REQUIRING_FIVE, Service(look_up_credits=refuse))


def test_credit_that_another_task_of_the_campaign_has_spent_meanwhile_is_not_required(engine: sa.Engine) -> None:
    def look_up() -> float:
        campaign(engine)
        return 4

    require_credit_to_begin(engine, REQUIRING_FIVE, Service(look_up_credits=look_up))


def test_counts_are_true_when_a_list_is_put_right_after_it_was_refused(engine: sa.Engine) -> None:
    ana, bea = phones(2)
    strict = SendSettings(template_id="1", campaign="spring", on_invalid="fail")

    def send_list(*people: str | None) -> dict[str, Any]:
        chunks = [{"phone": [phone]} for phone in people]
        return send_campaign(
            engine,
            Service(),
            Template("1", "Welcome"),
            strict,
            chunks,
            started_by=StartedBy(started_by="a test"),
            lease=timedelta(minutes=5),
        )

    with pytest.raises(RcsInvalidRecipientsError, match=r"Reasons: phone: it is missing \(1\)"):
        send_list(ana, ana, None, bea)
    assert states(engine) == {ana: "planned", bea: "planned"}

    result = send_list(ana, bea)

    assert (result["requested"], result["accepted"], result["rejected"], result["duplicate"]) == (2, 2, 0, 0)
