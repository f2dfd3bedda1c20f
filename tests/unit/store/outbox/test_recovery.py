"""Recovery from dead attempts, and how long to wait for live ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsFencedError
from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.outbox.attempts import Attempt, StartedBy, begin_attempt, end_attempt, renew_lease
from airflow_provider_rcs.store.outbox.claims import claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts, seconds_until_other_attempts_end
from airflow_provider_rcs.store.outbox.settlement import ACCEPTED_BY_REPORT, Settlement, requeue_refused, settle
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    accepted,
    campaign,
    claim_and_dispatch,
    claim_next,
    expire_lease,
    land_and_fold,
    listed,
    new_attempt,
    phones,
    planned,
    report_on,
    request_row,
    row,
    sent,
    states,
)

FIRST, SECOND = "1/2", "2/2"


def ended_at(engine: sa.Engine, attempt: Attempt) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.select(attempts.c.ended_at).where(attempts.c.id == attempt.id)).scalar_one()


def test_messages_dispatched_by_a_dead_attempt_are_in_doubt_and_planned_ones_stay(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA, EVA])
    claim_next(engine, dead, 2)
    expire_lease(engine, dead)

    recover_dead_attempts(engine, dead.campaign)

    assert states(engine) == {ANA: "in_doubt", BEA: "in_doubt", EVA: "planned"}


def test_messages_only_claimed_by_a_dead_attempt_are_planned_again(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA])
    first, second = claim_batches(engine, dead, 1, requests=2)
    dispatch_claims(engine, dead, [first])
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 1

    assert states(engine) == {ANA: "in_doubt", BEA: "planned"}
    assert [request_row(engine, each).state for each in (first, second)] == ["in_doubt", "unsent"]


def test_messages_claimed_by_a_live_attempt_are_not_changed(engine: sa.Engine) -> None:
    alive = planned(engine, [ANA])
    claim_batches(engine, alive, 1)

    recover_dead_attempts(engine, alive.campaign)

    assert states(engine) == {ANA: "sending"}


def test_messages_claimed_by_a_dead_attempt_stay_suppressed_after_a_cancellation(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    (claim,) = claim_batches(engine, dead, 1)
    cancel(engine, dead.campaign, Cancellation("Mar", "the price is wrong", NOON))
    expire_lease(engine, dead)

    recover_dead_attempts(engine, dead.campaign)

    assert states(engine) == {ANA: "suppressed"}
    assert request_row(engine, claim).state == "unsent"


def test_recovery_returns_the_number_of_messages_in_doubt(engine: sa.Engine) -> None:
    dead = planned(engine, phones(5))
    for size in (2, 1):
        claim_next(engine, dead, size)
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 3


def test_message_in_doubt_has_the_reason(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim = claim_next(engine, dead)
    expire_lease(engine, dead)

    recover_dead_attempts(engine, dead.campaign)

    assert row(engine).reason == "the process that sent it died before the reply was recorded"
    assert request_row(engine, claim).state == "in_doubt"


def test_second_recovery_finds_nothing(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    assert recover_dead_attempts(engine, dead.campaign) == 0


def test_messages_dispatched_by_a_live_attempt_are_not_changed(engine: sa.Engine) -> None:
    alive = planned(engine, [ANA])
    claim_next(engine, alive)

    assert recover_dead_attempts(engine, alive.campaign) == 0
    assert states(engine) == {ANA: "sending"}


def test_dead_attempts_of_other_campaigns_are_not_recovered(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA], "summer")
    claim_next(engine, dead)
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, campaign(engine, "spring")) == 0
    assert states(engine, "summer") == {ANA: "sending"}


def test_dead_attempt_ends_when_it_is_recovered_and_an_ended_one_keeps_its_date(engine: sa.Engine) -> None:
    dead, ended = new_attempt(engine), new_attempt(engine)
    end_attempt(engine, ended)
    before = ended_at(engine, ended)
    for each in (dead, ended):
        expire_lease(engine, each)

    recover_dead_attempts(engine, dead.campaign)

    assert ended_at(engine, dead) is not None
    assert ended_at(engine, ended) == before


def test_messages_settled_by_a_dead_attempt_stay_settled(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim = claim_next(engine, dead)
    settle(engine, [Settlement(claim, accepted(claim), "e-1")])
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 0
    assert states(engine) == {ANA: "accepted"}


def test_attempt_ended_with_a_request_in_flight_is_recovered_after_its_lease(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_next(engine, dead)
    end_attempt(engine, dead)
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 1


def test_request_proven_by_a_report_is_accepted_when_its_attempt_dies(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA])
    claim = claim_next(engine, dead)
    land_and_fold(engine, report_on(claim, ANA))
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 0
    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
    assert row(engine, BEA).reason == ACCEPTED_BY_REPORT


@pytest.mark.parametrize("recovered", [True, False])
def test_fenced_attempt_can_neither_list_nor_claim_nor_renew(engine: sa.Engine, recovered: bool) -> None:
    fenced = planned(engine, [ANA])
    expire_lease(engine, fenced)
    if recovered:
        recover_dead_attempts(engine, fenced.campaign)

    with pytest.raises(RcsFencedError):
        record_list(engine, fenced, prepare_list_part(engine, [listed(BEA)]))
    with pytest.raises(RcsFencedError):
        claim_and_dispatch(engine, fenced, 10)
    with pytest.raises(RcsFencedError):
        renew_lease(engine, fenced)
    assert states(engine) == {ANA: "planned"}


def test_next_attempt_continues_where_the_dead_one_stopped(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA])
    claim_next(engine, dead, 1)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    successor = planned(engine, [ANA, BEA])

    assert [recipient.phone for recipient in claim_next(engine, successor).recipients] == [BEA]


def test_reply_that_arrives_after_the_recovery_is_recorded(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA])
    claim = claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)
    late = [Outcome(ANA, MessageState.ACCEPTED, "m-1"), Outcome(BEA, MessageState.REJECTED, reason="no RCS")]

    settle(engine, [Settlement(claim, late, "e-1")])

    assert states(engine) == {ANA: "accepted", BEA: "rejected"}
    assert (row(engine, ANA).api_message_id, row(engine, ANA).reason) == ("m-1", "")


def test_refusal_that_arrives_after_the_recovery_requeues_the_messages(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim = claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    requeue_refused(engine, claim, "not enough credit")

    assert states(engine) == {ANA: "planned"}


def test_nothing_is_awaited_if_no_other_attempt_sends(engine: sa.Engine) -> None:
    planned(engine, [ANA])
    mine = planned(engine, [ANA])
    claim_next(engine, mine)

    assert seconds_until_other_attempts_end(engine, mine) == 0


def test_another_attempt_that_sends_is_awaited_until_its_lease_expires(engine: sa.Engine) -> None:
    other = planned(engine, [ANA])
    claim_next(engine, other)
    mine = new_attempt(engine)

    assert 240 < seconds_until_other_attempts_end(engine, mine) < 301


def test_another_attempt_that_has_only_claimed_is_awaited_too(engine: sa.Engine) -> None:
    claim_batches(engine, planned(engine, [ANA]), 1)

    assert seconds_until_other_attempts_end(engine, new_attempt(engine)) > 240


def test_longest_lease_of_the_other_attempts_is_awaited(engine: sa.Engine) -> None:
    for minutes in (1, 60, 5):
        other = begin_attempt(engine, campaign(engine), StartedBy(started_by="a test"), timedelta(minutes=minutes))
        record_list(engine, other, prepare_list_part(engine, [listed(f"+3460000000{minutes}")]))
        claim_next(engine, other, 1)

    assert 3_000 < seconds_until_other_attempts_end(engine, new_attempt(engine)) < 3_601


def test_lease_that_just_expired_is_awaited_briefly_so_that_it_is_recovered(engine: sa.Engine) -> None:
    other = planned(engine, [ANA])
    claim_next(engine, other)
    expire_lease(engine, other)

    assert 0 < seconds_until_other_attempts_end(engine, new_attempt(engine)) < 1


def test_attempt_at_another_campaign_is_not_awaited(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, [ANA], "summer"))

    assert seconds_until_other_attempts_end(engine, new_attempt(engine, "spring")) == 0


def test_recovered_attempt_is_not_awaited(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    assert seconds_until_other_attempts_end(engine, new_attempt(engine)) == 0


def test_attempt_whose_requests_all_have_outcomes_is_not_awaited(engine: sa.Engine) -> None:
    sent(engine)

    assert seconds_until_other_attempts_end(engine, new_attempt(engine)) == 0


def test_requests_of_another_shard_are_not_awaited(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, [ANA], shard=FIRST))

    assert seconds_until_other_attempts_end(engine, planned(engine, [BEA], shard=SECOND)) == 0


def test_requests_of_another_attempt_at_the_same_shard_are_awaited(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, [ANA], shard=FIRST))

    assert seconds_until_other_attempts_end(engine, planned(engine, [ANA], shard=FIRST)) > 0


def test_request_for_the_whole_list_is_awaited_by_the_shard_of_its_recipients(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, [ANA, BEA]), 1)
    first, second = planned(engine, [ANA], shard=FIRST), planned(engine, [BEA], shard=SECOND)

    assert seconds_until_other_attempts_end(engine, first) > 0
    assert seconds_until_other_attempts_end(engine, second) == 0
