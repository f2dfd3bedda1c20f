"""The requests of one attempt: in which order it comes to whom, and that it comes to all."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from threading import current_thread

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCancelledError,
    RcsCreditError,
    RcsFencedError,
    RcsRateLimited,
)
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.sender import ServiceConnection
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.refused_credentials import remember_refusal
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from tests.unit.store.given import ANA, BEA, EVA, NOON, TERMS, campaign, claim_next, dispatched, expire_lease, phones, planned, row, states

SECONDS_TO_WAIT = 10.0


class Asked:
    """A service that accepts everyone, does something before its first answers, and keeps whom it was asked for.

    :param before: what it does before an answer, one after the other; then nothing.
    """

    def __init__(self, *before: Callable[[], None]) -> None:
        self._before = list(before)
        self.phones: list[str] = []

    def send(self, asked: SendRequest) -> SendResult:
        self.phones += [each.phone for each in asked.recipients]
        if self._before:
            self._before.pop(0)()
        return SendResult(len(asked.recipients), "77", {each.phone: f"m-{each.phone}" for each in asked.recipients})


def send(engine: sa.Engine, service: Asked, people: list[str], max_in_flight: int = 1) -> None:
    send_campaign(
        engine,
        ServiceConnection(service.send, ApiSettings()),
        Template(TERMS.template_id, TERMS.template_name),
        SendSettings(template_id=TERMS.template_id, campaign="spring", batch_size=1, max_in_flight=max_in_flight),
        [{"phone": people}],
        started_by="a test",
        lease=timedelta(minutes=5),
    )


def hold_the_first_settlement_until(engine: sa.Engine, is_time: Callable[[], bool]) -> None:
    """Have the thread that settles wait before its first transaction begins."""
    held = False

    def executing(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal held
        if not held and statement.startswith("BEGIN") and current_thread().name.startswith("rcs-settle"):
            held = True
            deadline = time.monotonic() + SECONDS_TO_WAIT
            while not is_time():
                assert time.monotonic() < deadline
                time.sleep(0.01)

    sa.event.listen(engine, "before_cursor_execute", executing)


def request_states(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(request.c.state).order_by(request.c.id)).scalars())


def wait_until_the_next_is_claimed(engine: sa.Engine) -> None:
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while "claimed" not in request_states(engine):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_over(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        return connection.execute(sa.select(attempts.c.ended_at)).scalar_one() is not None


def refuse_for_now() -> None:
    raise RcsRateLimited("slow down", retry_after=0.01)


def plan_again(engine: sa.Engine) -> None:
    resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "Mar", "seen in the log"))


def test_replies_that_wait_for_the_books_count_as_in_flight(engine: sa.Engine) -> None:
    unsettled = []

    def count_the_unsettled() -> None:
        settled = list(states(engine).values()).count("accepted")
        unsettled.append(len(service.phones) - settled)

    service = Asked(*[count_the_unsettled] * 9)
    hold_the_first_settlement_until(engine, lambda: len(unsettled) == 3)

    send(engine, service, phones(9), max_in_flight=2)

    assert len(unsettled) == 9
    # Two that may be in flight, and as many on their way into the books.
    assert max(unsettled) <= 4


def test_those_whose_request_was_refused_are_the_next_ones_again(engine: sa.Engine) -> None:
    service = Asked(lambda: None, refuse_for_now)

    send(engine, service, [ANA, BEA, EVA])

    assert service.phones == [ANA, BEA, BEA, EVA]


def test_the_last_one_is_sent_to_again_after_a_refusal(engine: sa.Engine) -> None:
    service = Asked(lambda: None, refuse_for_now)

    send(engine, service, [ANA, BEA])

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}


def test_those_who_are_planned_again_behind_the_back_of_the_attempt_are_sent_to_in_the_end(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    service = Asked(lambda: None, lambda: plan_again(engine))

    send(engine, service, [ANA, BEA, EVA, "34600000004"])

    assert service.phones == [BEA, EVA, "34600000004", ANA]


def test_those_who_are_planned_again_while_the_last_reply_is_awaited_are_sent_to(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    service = Asked(lambda: None, lambda: plan_again(engine))

    send(engine, service, [ANA, BEA, EVA], max_in_flight=8)

    assert service.phones == [BEA, EVA, ANA]


def test_the_next_request_is_claimed_while_the_only_one_allowed_is_in_flight_and_leaves_after_it(
    engine: sa.Engine,
) -> None:
    seen = []

    def look() -> None:
        wait_until_the_next_is_claimed(engine)
        seen.append((list(service.phones), request_states(engine)))

    service = Asked(look)

    send(engine, service, [ANA, BEA, EVA])

    assert seen == [([ANA], ["sending", "claimed"])]
    assert service.phones == [ANA, BEA, EVA]


def test_no_more_are_claimed_ahead_than_may_be_in_flight(engine: sa.Engine) -> None:
    ahead = []
    service = Asked(*[lambda: ahead.append(request_states(engine).count("claimed"))] * 12)

    send(engine, service, phones(12), max_in_flight=3)

    assert len(ahead) == 12
    assert max(ahead) <= 3


def test_who_was_claimed_ahead_is_planned_again_when_sending_stops(engine: sa.Engine) -> None:
    def refuse_for_good() -> None:
        wait_until_the_next_is_claimed(engine)
        raise RcsCreditError("no credit")

    with pytest.raises(RcsCreditError):
        send(engine, Asked(refuse_for_good), [ANA, BEA, EVA])

    assert states(engine) == dict.fromkeys([ANA, BEA, EVA], "planned")
    assert request_states(engine) == ["refused", "unsent"]


def test_who_was_claimed_ahead_is_planned_again_when_something_unforeseen_ends_the_task(engine: sa.Engine) -> None:
    def break_down() -> None:
        wait_until_the_next_is_claimed(engine)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        send(engine, Asked(break_down), [ANA, BEA])

    assert states(engine) == {ANA: "in_doubt", BEA: "planned"}
    assert is_over(engine)


def test_who_was_claimed_ahead_does_not_leave_once_the_campaign_is_cancelled(engine: sa.Engine) -> None:
    def cancel_it() -> None:
        wait_until_the_next_is_claimed(engine)
        cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    service = Asked(cancel_it)

    with pytest.raises(RcsCancelledError):
        send(engine, service, [ANA, BEA, EVA])

    assert service.phones == [ANA]
    assert states(engine) == {ANA: "accepted", BEA: "suppressed", EVA: "suppressed"}
    assert request_states(engine) == ["accepted", "unsent"]


def test_who_was_claimed_ahead_does_not_leave_once_another_task_had_the_credentials_refused(engine: sa.Engine) -> None:
    def have_them_refused() -> None:
        wait_until_the_next_is_claimed(engine)
        remember_refusal(engine, "spring", "")

    service = Asked(have_them_refused)

    with pytest.raises(RcsAuthError):
        send(engine, service, [ANA, BEA])

    assert service.phones == [ANA]
    assert states(engine) == {ANA: "accepted", BEA: "planned"}


def test_who_was_claimed_ahead_by_a_fenced_attempt_is_left_to_whom_took_over(engine: sa.Engine) -> None:
    def be_taken_over() -> None:
        wait_until_the_next_is_claimed(engine)
        expire_lease(engine, Attempt(1, campaign(engine), timedelta(minutes=5)))
        recover_dead_attempts(engine, campaign(engine))
        heirs.append(claim_next(engine, planned(engine, [BEA])))

    heirs: list[Claim] = []
    service = Asked(be_taken_over)

    with pytest.raises(RcsFencedError):
        send(engine, service, [ANA, BEA])

    assert service.phones == [ANA]
    assert states(engine) == {ANA: "accepted", BEA: "sending"}
    assert row(engine, BEA).request_id == heirs[0].request_id
