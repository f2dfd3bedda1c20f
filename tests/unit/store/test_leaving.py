"""Requests that were claimed leave, or give their messages back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsFencedError
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.settlement import requeue_unsent
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.pseudonyms import ERASED_UNSENT
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    campaign,
    claim,
    let_lease_run_out,
    planned,
    request_row,
    row,
    rows,
    states,
)


def request_states(engine: sa.Engine, claims: list[Claim]) -> list[str]:
    return [request_row(engine, each).state for each in claims]


def test_a_request_that_is_claimed_may_not_leave_yet(engine: sa.Engine) -> None:
    taken = claim_batches(engine, planned(engine, [ANA]), 1)

    assert request_states(engine, taken) == ["claimed"]
    assert states(engine) == {ANA: "sending"}


def test_those_that_leave_together_are_marked_and_no_others(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA, EVA])
    taken = claim_batches(engine, holder, 1, requests=3)

    dispatch_claims(engine, holder, taken[:2])

    assert request_states(engine, taken) == ["sending", "sending", "claimed"]


def test_nothing_leaves_once_the_lease_is_lost(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    taken = claim_batches(engine, holder, 1)
    let_lease_run_out(engine, holder)

    with pytest.raises(RcsFencedError):
        dispatch_claims(engine, holder, taken)

    assert request_states(engine, taken) == ["claimed"]


def test_nothing_leaves_once_the_campaign_is_cancelled(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    taken = claim_batches(engine, holder, 1)
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    with pytest.raises(RcsCancelledError):
        dispatch_claims(engine, holder, taken)

    assert request_states(engine, taken) == ["claimed"]


def test_who_is_given_back_is_planned_again_and_the_requests_say_that_they_never_left(engine: sa.Engine) -> None:
    taken = claim_batches(engine, planned(engine, [ANA, BEA, EVA]), 1, requests=2)

    requeue_unsent(engine, taken)

    assert states(engine) == dict.fromkeys([ANA, BEA, EVA], "planned")
    assert request_states(engine, taken) == ["unsent", "unsent"]
    assert "never left" in request_row(engine, taken[0]).reason
    assert request_row(engine, taken[0]).settled_at is not None


def test_a_copy_of_the_messages_learns_of_it(engine: sa.Engine) -> None:
    taken = claim_batches(engine, planned(engine, [ANA]), 1)
    before = row(engine).revision

    requeue_unsent(engine, taken)

    assert row(engine).revision > before
    assert row(engine).request_id is None


def test_who_was_let_leave_and_is_known_not_to_have_left_is_given_back_too(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    taken = claim(engine, dead)
    let_lease_run_out(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    requeue_unsent(engine, [taken])

    assert (row(engine).state, row(engine).reason) == ("planned", "")
    assert request_states(engine, [taken]) == ["unsent"]


def test_who_was_erased_meanwhile_is_not_planned_again(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    taken = claim(engine, dead)
    let_lease_run_out(engine, dead)
    recover_dead_attempts(engine, dead.campaign)
    erase(engine, ANA, "Mar")

    requeue_unsent(engine, [taken])

    assert [(each.state, each.reason) for each in rows(engine).values()] == [("suppressed", ERASED_UNSENT)]


def test_who_was_let_leave_in_a_campaign_that_is_cancelled_is_not_planned_again(engine: sa.Engine) -> None:
    taken = claim(engine, planned(engine, [ANA]))
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    requeue_unsent(engine, [taken])

    assert (row(engine).state, row(engine).reason) == ("suppressed", "cancelled: the price is wrong")


def test_who_has_been_taken_over_stays_with_whom_they_are(engine: sa.Engine) -> None:
    fenced = planned(engine, [ANA])
    taken = claim_batches(engine, fenced, 1)
    let_lease_run_out(engine, fenced)
    recover_dead_attempts(engine, fenced.campaign)
    heirs = claim(engine, planned(engine, [ANA]))

    requeue_unsent(engine, taken)

    assert states(engine) == {ANA: "sending"}
    assert row(engine).request_id == heirs.request_id
