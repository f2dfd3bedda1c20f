"""The sender of one attempt reaches every recipient, in the order of the list and within its limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier, Lock, current_thread

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCancelledError,
    RcsCreditError,
    RcsFencedError,
    RcsNothingDoneError,
    RcsRateLimited,
    RcsRefusedError,
    RcsStoreError,
)
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.pace import PATIENCE_SECONDS, Pace
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.attempts import Attempt, StartedBy
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.refused_credentials import remember_refusal
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from tests.unit.sending.service import Service, accept
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    TERMS,
    campaign,
    claim_next,
    dispatched,
    expire_lease,
    lose_requests,
    phones,
    planned,
    row,
    states,
    suppress,
)

SECONDS_TO_WAIT = 60.0
NOTHING_DONE = RcsNothingDoneError("nothing done")


class FakeService:
    """A service that accepts every recipient, records the phones, and runs an action before each of its first replies.

    :param before: the actions, one for each of the first replies.
    """

    def __init__(self, *before: Callable[[], None]) -> None:
        self._before = list(before)
        self.phones: list[str] = []

    def send(self, request: SendRequest) -> SendResult:
        self.phones += [each.phone for each in request.recipients]
        if self._before:
            self._before.pop(0)()
        return SendResult(len(request.recipients), "77", {each.phone: f"m-{each.phone}" for each in request.recipients})


@dataclass
class BusyService:
    """A service that refuses some of its requests once all of these are in flight, and answers others after a moment.

    :param refused: the numbers of the refused requests, counted from 1.
    :param in_flight: how many requests were in flight when each one came.
    """

    refused: range
    in_flight: list[int] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    _now: int = 0
    _lock: Lock = field(default_factory=Lock)
    _burst: Barrier = field(init=False)

    def __post_init__(self) -> None:
        self._burst = Barrier(len(self.refused))

    def send(self, request: SendRequest) -> SendResult:
        with self._lock:
            self._now += 1
            self.in_flight.append(self._now)
            number = len(self.in_flight)
        if number in self.refused:
            self._burst.wait(SECONDS_TO_WAIT)
        else:
            time.sleep(0.05)
        with self._lock:
            self._now -= 1
        if number in self.refused:
            raise RcsRateLimited("slow down", retry_after=0.01)
        self.accepted += [each.phone for each in request.recipients]
        return accept(request)


def send(engine: sa.Engine, service: FakeService | BusyService, people: list[str], max_in_flight: int = 1) -> None:
    send_campaign(
        engine,
        Service(service.send),
        Template(TERMS.template_id, TERMS.template_name),
        SendSettings(template_id=TERMS.template_id, campaign="spring", batch_size=1, max_in_flight=max_in_flight),
        [{"phone": people}],
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(minutes=5),
    )


def delay_first_settlement_until(engine: sa.Engine, condition: Callable[[], bool]) -> None:
    """Make the settling thread wait before it begins its first transaction."""
    delayed = False

    def executing(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal delayed
        if not delayed and statement.startswith("BEGIN") and current_thread().name.startswith("rcs-settle"):
            delayed = True
            deadline = time.monotonic() + SECONDS_TO_WAIT
            while not condition():
                assert time.monotonic() < deadline
                time.sleep(0.01)

    sa.event.listen(engine, "before_cursor_execute", executing)


def request_states(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(request.c.state).order_by(request.c.id)).scalars())


def wait_for_next_claim(engine: sa.Engine) -> None:
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while "claimed" not in request_states(engine):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def has_ended(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        return connection.execute(sa.select(attempts.c.ended_at)).scalar_one() is not None


def refuse_temporarily() -> None:
    raise RcsRateLimited("slow down", retry_after=0.01)


def resolve_as_not_sent(engine: sa.Engine) -> None:
    resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "Mar", "seen in the log"))


@pytest.mark.slow
def test_replies_that_wait_to_be_settled_count_as_in_flight(engine: sa.Engine) -> None:
    unsettled = []

    def count_unsettled() -> None:
        settled = list(states(engine).values()).count("accepted")
        unsettled.append(len(service.phones) - settled)

    service = FakeService(*[count_unsettled] * 9)
    delay_first_settlement_until(engine, lambda: len(unsettled) == 3)

    send(engine, service, phones(9), max_in_flight=2)

    assert len(unsettled) == 9
    # Two that may be in flight, and two that are being settled.
    assert max(unsettled) <= 4


def in_part(refused: RcsRefusedError) -> Callable[[SendRequest], SendResult]:
    """Return a reply that accepts the first recipient, names the second as not sent, and leaves the others out."""

    def reply(request: SendRequest) -> SendResult:
        first, second, *_ = [recipient.phone for recipient in request.recipients]
        return SendResult(0, "77", {first: "m-1"}, frozenset({second}), refused=refused)

    return reply


def send_as_one(
    engine: sa.Engine,
    replies: list[Callable[[SendRequest], SendResult]],
    people: list[str],
    batch_size: int = 1000,
) -> list[tuple[float, list[str]]]:
    """Send with these first replies, and return when each request came, with its phones."""
    sent: list[tuple[float, list[str]]] = []

    def reply(request: SendRequest) -> SendResult:
        sent.append((time.monotonic(), [recipient.phone for recipient in request.recipients]))
        return replies.pop(0)(request) if replies else accept(request)

    send_campaign(
        engine,
        Service(reply),
        Template(TERMS.template_id, TERMS.template_name),
        SendSettings(template_id=TERMS.template_id, campaign="spring", batch_size=batch_size, max_in_flight=1),
        [{"phone": people}],
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(minutes=5),
    )
    return sent


def test_a_refusal_in_part_is_settled_before_it_stops_the_attempt(engine: sa.Engine) -> None:
    refused = RcsCreditError("no credit")

    with pytest.raises(RcsCreditError):
        send_as_one(engine, [in_part(refused)], [ANA, BEA, EVA])

    assert states(engine) == {ANA: "accepted", BEA: "planned", EVA: "in_doubt"}


def test_credentials_refused_with_accepted_recipients_are_recorded(engine: sa.Engine) -> None:
    with pytest.raises(RcsAuthError):
        send_as_one(engine, [in_part(RcsAuthError("wrong"))], [ANA, BEA])
    with pytest.raises(RcsAuthError, match="refused these credentials on"):
        send_as_one(engine, [], [ANA, BEA])

    assert states(engine) == {ANA: "accepted", BEA: "planned"}


@pytest.mark.slow
def test_too_many_requests_with_accepted_recipients_slow_the_attempt_down(engine: sa.Engine) -> None:
    sent = send_as_one(engine, [in_part(RcsRateLimited("slow down", 0.2))], [ANA, BEA])

    assert [phones for _, phones in sent] == [[ANA, BEA], [BEA]]
    assert sent[1][0] - sent[0][0] >= 0.2
    assert states(engine) == {ANA: "accepted", BEA: "accepted"}


def test_recipients_rejected_by_themselves_do_not_stop_the_attempt(engine: sa.Engine) -> None:
    def reject_all(request: SendRequest) -> SendResult:
        return SendResult(0, rejected=frozenset(each.phone for each in request.recipients), refused=NOTHING_DONE)

    sent = send_as_one(engine, [reject_all], [ANA, BEA], batch_size=1)

    assert [phones for _, phones in sent] == [[ANA], [BEA]]
    assert states(engine) == {ANA: "rejected", BEA: "accepted"}


def test_a_service_that_did_nothing_for_some_stops_the_attempt(engine: sa.Engine) -> None:
    def reject_first(request: SendRequest) -> SendResult:
        return SendResult(0, rejected=frozenset({request.recipients[0].phone}), refused=NOTHING_DONE)

    with pytest.raises(RcsNothingDoneError):
        send_as_one(engine, [reject_first], [ANA, BEA])

    assert states(engine) == {ANA: "rejected", BEA: "planned"}


def test_a_task_that_dies_after_a_refusal_in_part_has_settled_it(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr("airflow_provider_rcs.sending.sender.remember_refusal", die)

    with pytest.raises(SystemExit):
        send_as_one(engine, [in_part(RcsAuthError("wrong"))], [ANA, BEA, EVA])

    assert states(engine) == {ANA: "accepted", BEA: "planned", EVA: "in_doubt"}


def test_recipients_of_a_refused_request_are_sent_to_next(engine: sa.Engine) -> None:
    service = FakeService(lambda: None, refuse_temporarily)

    send(engine, service, [ANA, BEA, EVA])

    assert service.phones == [ANA, BEA, BEA, EVA]


@pytest.mark.slow
def test_refusals_for_too_many_requests_do_not_count_as_failures(engine: sa.Engine) -> None:
    service = FakeService(*[refuse_temporarily] * 9)

    send(engine, service, [ANA, BEA, EVA])

    assert service.phones == [*[ANA] * 10, BEA, EVA]


@pytest.mark.slow
def test_after_a_burst_of_refusals_one_request_is_in_flight_until_it_is_answered(engine: sa.Engine) -> None:
    service = BusyService(refused=range(2, 6))

    send(engine, service, phones(12), max_in_flight=4)

    # The first alone, four that are refused together, the probe alone, then at most one more for each round.
    assert service.in_flight[:6] == [1, *sorted(service.in_flight[1:5]), 1]
    assert max(service.in_flight[1:5]) == 4
    assert max(service.in_flight[6:8]) <= 2
    assert max(service.in_flight[6:10]) <= 3
    assert sorted(service.accepted) == phones(12)


@pytest.mark.slow
def test_a_burst_of_refusals_pauses_the_attempt_once(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    are_new = []
    limited = Pace.limited

    def record(pace: Pace, refusals: int, retry_after: float | None, now: float) -> bool:
        are_new.append(limited(pace, refusals, retry_after, now))
        return are_new[-1]

    monkeypatch.setattr(Pace, "limited", record)

    send(engine, BusyService(refused=range(2, 10)), phones(20), max_in_flight=8)

    assert are_new == [True] + [False] * 7


def test_a_service_that_only_refuses_ends_the_attempt_with_the_list_planned(engine: sa.Engine) -> None:
    def refuse_for_long() -> None:
        raise RcsRateLimited("slow down", retry_after=PATIENCE_SECONDS + 1)

    with pytest.raises(RcsRateLimited, match="slow down The next request should wait 901 seconds"):
        send(engine, FakeService(refuse_for_long), [ANA, BEA])

    assert states(engine) == {ANA: "planned", BEA: "planned"}


def test_the_wide_start_is_claimed_while_the_first_request_is_in_flight(engine: sa.Engine) -> None:
    def wait_for_claims() -> None:
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while request_states(engine).count("claimed") < 5:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    service = FakeService(wait_for_claims)

    send(engine, service, phones(9), max_in_flight=5)

    assert sorted(service.phones) == phones(9)


def test_the_last_recipient_is_sent_to_again_after_a_refusal(engine: sa.Engine) -> None:
    service = FakeService(lambda: None, refuse_temporarily)

    send(engine, service, [ANA, BEA])

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}


def test_messages_planned_again_by_someone_else_are_sent_at_the_end(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    service = FakeService(lambda: None, lambda: resolve_as_not_sent(engine))

    send(engine, service, [ANA, BEA, EVA, "+34600000004"])

    assert service.phones == [BEA, EVA, "+34600000004", ANA]


def test_messages_planned_again_while_the_last_reply_is_awaited_are_sent(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    service = FakeService(lambda: None, lambda: resolve_as_not_sent(engine))

    send(engine, service, [ANA, BEA, EVA], max_in_flight=8)

    assert service.phones == [BEA, EVA, ANA]


def test_a_failover_without_the_last_commits_stops_the_attempt_before_it_sends_again(engine: sa.Engine) -> None:
    service = FakeService(lambda: lose_requests(engine, first=1))

    with pytest.raises(RcsStoreError, match="has lost commits"):
        send(engine, service, [ANA, BEA])

    assert service.phones.count(ANA) == 1


def test_the_next_batch_is_claimed_while_the_only_allowed_request_is_in_flight(
    engine: sa.Engine,
) -> None:
    seen = []

    def record_states() -> None:
        wait_for_next_claim(engine)
        seen.append((list(service.phones), request_states(engine)))

    service = FakeService(record_states)

    send(engine, service, [ANA, BEA, EVA])

    assert seen == [([ANA], ["sending", "claimed"])]
    assert service.phones == [ANA, BEA, EVA]


def test_at_most_max_in_flight_batches_are_claimed_ahead(engine: sa.Engine) -> None:
    ahead = []
    service = FakeService(*[lambda: ahead.append(request_states(engine).count("claimed"))] * 12)

    send(engine, service, phones(12), max_in_flight=3)

    assert len(ahead) == 12
    assert max(ahead) <= 3


def test_batches_claimed_ahead_are_requeued_when_sending_stops(engine: sa.Engine) -> None:
    def refuse_permanently() -> None:
        wait_for_next_claim(engine)
        raise RcsCreditError("no credit")

    with pytest.raises(RcsCreditError):
        send(engine, FakeService(refuse_permanently), [ANA, BEA, EVA])

    assert states(engine) == dict.fromkeys([ANA, BEA, EVA], "planned")
    assert request_states(engine) == ["refused", "unsent"]


def test_batches_claimed_ahead_are_requeued_when_an_unexpected_error_ends_the_task(engine: sa.Engine) -> None:
    def break_down() -> None:
        wait_for_next_claim(engine)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        send(engine, FakeService(break_down), [ANA, BEA])

    assert states(engine) == {ANA: "in_doubt", BEA: "planned"}
    assert has_ended(engine)


def test_batches_claimed_ahead_are_not_dispatched_after_a_cancellation(engine: sa.Engine) -> None:
    def cancel_campaign() -> None:
        wait_for_next_claim(engine)
        cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    service = FakeService(cancel_campaign)

    with pytest.raises(RcsCancelledError):
        send(engine, service, [ANA, BEA, EVA])

    assert service.phones == [ANA]
    assert states(engine) == {ANA: "accepted", BEA: "suppressed", EVA: "suppressed"}
    assert request_states(engine) == ["accepted", "unsent"]


@pytest.mark.slow
def test_people_who_opt_out_while_their_claim_waits_for_long_are_not_messaged(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_rcs.sending.claimer._SECONDS_TO_HOLD", 0.2)

    def answer_late() -> None:
        wait_for_next_claim(engine)
        suppress(engine, BEA)
        claimed = time.monotonic()
        while time.monotonic() < claimed + 0.2:
            time.sleep(0.01)

    service = FakeService(answer_late)

    send(engine, service, [ANA, BEA, EVA])

    assert service.phones == [ANA, EVA]
    assert states(engine) == {ANA: "accepted", BEA: "suppressed", EVA: "accepted"}


def test_batches_claimed_ahead_are_not_dispatched_with_refused_credentials(engine: sa.Engine) -> None:
    def refuse_credentials() -> None:
        wait_for_next_claim(engine)
        remember_refusal(engine, "spring", "")

    service = FakeService(refuse_credentials)

    with pytest.raises(RcsAuthError):
        send(engine, service, [ANA, BEA])

    assert service.phones == [ANA]
    assert states(engine) == {ANA: "accepted", BEA: "planned"}


def test_batches_claimed_ahead_by_a_fenced_attempt_stay_with_the_attempt_that_took_over(engine: sa.Engine) -> None:
    def take_over() -> None:
        wait_for_next_claim(engine)
        expire_lease(engine, Attempt(1, campaign(engine), timedelta(minutes=5)))
        recover_dead_attempts(engine, campaign(engine))
        successors.append(claim_next(engine, planned(engine, [BEA])))

    successors: list[Claim] = []
    service = FakeService(take_over)

    with pytest.raises(RcsFencedError):
        send(engine, service, [ANA, BEA])

    assert service.phones == [ANA]
    assert states(engine) == {ANA: "accepted", BEA: "sending"}
    assert row(engine, BEA).request_id == successors[0].request_id
