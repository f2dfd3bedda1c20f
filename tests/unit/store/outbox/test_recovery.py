"""Taking over from attempts that died."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsFencedError
from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.outbox.attempts import begin_attempt, end_attempt, renew_lease
from airflow_provider_rcs.store.outbox.claims import claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts, seconds_until_other_attempts_end
from airflow_provider_rcs.store.outbox.settlement import ACCEPTED_BY_REPORT, Settlement, requeue_refused, settle
from tests.unit.store.given import ANA, BEA, EVA, NOON, accepted, new_attempt, campaign, claim_next, claim_and_dispatch, expire_lease, listed, phones, planned, land_and_fold, report_on, request_row, row, states


def test_what_a_dead_attempt_was_sending_becomes_in_doubt_and_what_it_planned_stays(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA, EVA])
    claim_next(engine, dead, 2)
    expire_lease(engine, dead)

    recover_dead_attempts(engine, dead.campaign)

    assert states(engine) == {ANA: "in_doubt", BEA: "in_doubt", EVA: "planned"}


def test_what_a_dead_attempt_had_claimed_and_not_let_leave_is_planned_again(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA])
    first, second = claim_batches(engine, dead, 1, requests=2)
    dispatch_claims(engine, dead, [first])
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 1

    assert states(engine) == {ANA: "in_doubt", BEA: "planned"}
    assert [request_row(engine, each).state for each in (first, second)] == ["in_doubt", "unsent"]


def test_what_a_live_attempt_has_claimed_is_left_to_it(engine: sa.Engine) -> None:
    alive = planned(engine, [ANA])
    claim_batches(engine, alive, 1)

    recover_dead_attempts(engine, alive.campaign)

    assert states(engine) == {ANA: "sending"}


def test_what_a_dead_attempt_had_claimed_of_a_cancelled_campaign_is_not_planned_again(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    (taken,) = claim_batches(engine, dead, 1)
    cancel(engine, dead.campaign, Cancellation("Mar", "the price is wrong", NOON))
    expire_lease(engine, dead)

    recover_dead_attempts(engine, dead.campaign)

    assert states(engine) == {ANA: "suppressed"}
    assert request_row(engine, taken).state == "unsent"


def test_what_an_older_version_of_the_program_left_claimed_when_it_buried_is_planned_again(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_batches(engine, dead, 1)
    with engine.begin() as connection:
        connection.execute(attempts.update().where(attempts.c.id == dead.id).values(ended_at=NOON))

    recover_dead_attempts(engine, dead.campaign)

    assert states(engine) == {ANA: "planned"}


def test_burying_tells_how_many_became_in_doubt(engine: sa.Engine) -> None:
    dead = planned(engine, phones(5))
    for size in (2, 1):
        claim_next(engine, dead, size)
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 3


def test_a_message_in_doubt_says_why(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    taken = claim_next(engine, dead)
    expire_lease(engine, dead)

    recover_dead_attempts(engine, dead.campaign)

    assert row(engine).reason == "the process that sent it died before the reply was recorded"
    assert request_row(engine, taken).state == "in_doubt"


def test_burying_twice_finds_nothing_the_second_time(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    assert recover_dead_attempts(engine, dead.campaign) == 0


def test_what_a_live_attempt_is_sending_is_left_to_it(engine: sa.Engine) -> None:
    alive = planned(engine, [ANA])
    claim_next(engine, alive)

    assert recover_dead_attempts(engine, alive.campaign) == 0
    assert states(engine) == {ANA: "sending"}


def test_dead_attempts_of_other_campaigns_are_left_to_theirs(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA], "summer")
    claim_next(engine, dead)
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, campaign(engine, "spring")) == 0
    assert states(engine, "summer") == {ANA: "sending"}


def test_what_a_dead_attempt_had_settled_stays(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    taken = claim_next(engine, dead)
    settle(engine, [Settlement(taken, accepted(taken), "e-1")])
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 0
    assert states(engine) == {ANA: "accepted"}


def test_an_attempt_ended_with_a_request_under_way_is_buried_when_its_lease_runs_out(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_next(engine, dead)
    end_attempt(engine, dead)
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 1


def test_a_request_that_a_report_has_echoed_is_accepted_when_its_attempt_dies(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA])
    taken = claim_next(engine, dead)
    land_and_fold(engine, report_on(taken, ANA))
    expire_lease(engine, dead)

    assert recover_dead_attempts(engine, dead.campaign) == 0
    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
    assert row(engine, BEA).reason == ACCEPTED_BY_REPORT


@pytest.mark.parametrize("buried", [True, False])
def test_a_fenced_attempt_can_neither_list_nor_claim_nor_renew(engine: sa.Engine, buried: bool) -> None:
    fenced = planned(engine, [ANA])
    expire_lease(engine, fenced)
    if buried:
        recover_dead_attempts(engine, fenced.campaign)

    with pytest.raises(RcsFencedError):
        record_list(engine, fenced, prepare_list_part(engine, [listed(BEA)]))
    with pytest.raises(RcsFencedError):
        claim_and_dispatch(engine, fenced, 10)
    with pytest.raises(RcsFencedError):
        renew_lease(engine, fenced)
    assert states(engine) == {ANA: "planned"}


def test_the_next_attempt_goes_on_where_the_dead_one_stopped(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA])
    claim_next(engine, dead, 1)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    heir = planned(engine, [ANA, BEA])

    assert [recipient.phone for recipient in claim_next(engine, heir).recipients] == [BEA]


def test_a_reply_that_comes_after_the_burial_counts(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA])
    taken = claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)
    late = [Outcome(ANA, MessageState.ACCEPTED, "m-1"), Outcome(BEA, MessageState.REJECTED, reason="no RCS")]

    settle(engine, [Settlement(taken, late, "e-1")])

    assert states(engine) == {ANA: "accepted", BEA: "rejected"}
    assert (row(engine, ANA).api_message_id, row(engine, ANA).reason) == ("m-1", "")


def test_a_proven_refusal_that_comes_after_the_burial_counts(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    taken = claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    requeue_refused(engine, taken, "not enough credit")

    assert states(engine) == {ANA: "planned"}


def test_nobody_is_waited_for_where_no_other_attempt_sends(engine: sa.Engine) -> None:
    planned(engine, [ANA])
    mine = planned(engine, [ANA])
    claim_next(engine, mine)

    assert seconds_until_other_attempts_end(engine, mine) == 0


def test_another_attempt_that_sends_is_waited_for_as_long_as_its_lease_runs(engine: sa.Engine) -> None:
    other = planned(engine, [ANA])
    claim_next(engine, other)
    mine = new_attempt(engine)

    assert 240 < seconds_until_other_attempts_end(engine, mine) < 301


def test_another_attempt_that_has_only_claimed_is_waited_for_too(engine: sa.Engine) -> None:
    claim_batches(engine, planned(engine, [ANA]), 1)

    assert seconds_until_other_attempts_end(engine, new_attempt(engine)) > 240


def test_the_longest_lease_of_the_others_counts(engine: sa.Engine) -> None:
    for minutes in (1, 60, 5):
        other = begin_attempt(engine, campaign(engine), "a test", timedelta(minutes=minutes))
        record_list(engine, other, prepare_list_part(engine, [listed(f"3460000000{minutes}")]))
        claim_next(engine, other, 1)

    assert 3_000 < seconds_until_other_attempts_end(engine, new_attempt(engine)) < 3_601


def test_a_lease_that_just_ran_out_is_waited_for_a_moment_so_that_it_is_buried(engine: sa.Engine) -> None:
    other = planned(engine, [ANA])
    claim_next(engine, other)
    expire_lease(engine, other)

    assert 0 < seconds_until_other_attempts_end(engine, new_attempt(engine)) < 1


def test_an_attempt_that_sends_another_campaign_is_not_waited_for(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, [ANA], "summer"))

    assert seconds_until_other_attempts_end(engine, new_attempt(engine, "spring")) == 0


def test_nobody_is_waited_for_once_buried(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    assert seconds_until_other_attempts_end(engine, new_attempt(engine)) == 0
