"""Replies are recorded, and messages that were not sent are requeued."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.claims import claim_batches
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.settlement import ACCEPTED_BY_REPORT, Settlement, api_campaign_ids, mark_in_doubt, requeue_refused, requeue_unsent, settle
from airflow_provider_rcs.store.outbox.settlement import settle as settle_all
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.pseudonyms import ERASED_UNSENT
from tests.unit.store.given import ANA, BEA, EVA, NOON, accepted, campaign, claim_next, claim_and_dispatch, dispatched, expire_lease, planned, land_and_fold, report_on, request_row, row, rows, sent, states
from tests.unit.store.outbox.test_claims import bring_to_an_end, request_states


@pytest.mark.parametrize("end", ["settle", "release", "doubt"])
def test_messages_are_found_of_a_request_that_does_not_tell_their_numbers(engine: sa.Engine, end: str) -> None:
    taken = dispatched(engine, [ANA, BEA])
    with engine.begin() as connection:
        connection.execute(request.update().values(first_message_id=None, last_message_id=None))

    bring_to_an_end(engine, taken, end)

    assert set(states(engine).values()) == {{"settle": "accepted", "release": "planned", "doubt": "in_doubt"}[end]}


def test_settling_records_what_became_of_each_recipient(engine: sa.Engine) -> None:
    people = [ANA, BEA, EVA, "34600000004"]
    taken = dispatched(engine, people)
    outcomes = [
        Outcome(ANA, MessageState.ACCEPTED, "m-1"),
        Outcome(BEA, MessageState.REJECTED, reason="no RCS"),
        Outcome(EVA, MessageState.DUPLICATE, reason="left out"),
        Outcome("34600000004", MessageState.IN_DOUBT, reason="not in the reply"),
    ]

    settle(engine, [Settlement(taken, outcomes, "e-1")])

    assert list(states(engine).values()) == ["accepted", "rejected", "duplicate", "in_doubt"]
    assert [row(engine, phone).reason for phone in people] == ["", "no RCS", "left out", "not in the reply"]
    assert [row(engine, phone).api_message_id for phone in people] == ["m-1", None, None, None]


def test_settling_closes_the_request_with_the_services_id(engine: sa.Engine) -> None:
    taken = sent(engine)

    closed = request_row(engine, taken)
    assert (closed.state, closed.api_campaign_id) == ("accepted", "e-1")
    assert closed.settled_at is not None


def test_settling_leaves_other_requests_alone(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA])
    first, _second = claim_next(engine, holder, 1), claim_next(engine, holder, 1)

    settle(engine, [Settlement(first, accepted(first), "e-1")])

    assert states(engine) == {ANA: "accepted", BEA: "sending"}


def test_replies_to_several_requests_are_settled_at_once_each_by_its_own_words(engine: sa.Engine) -> None:
    first, second = claim_batches(engine, planned(engine, [ANA, BEA]), 1, requests=2)
    rejected = [Outcome(BEA, MessageState.REJECTED, reason="no RCS")]

    settle_all(engine, [Settlement(first, accepted(first), "e-1"), Settlement(second, rejected, "e-2")])

    assert states(engine) == {ANA: "accepted", BEA: "rejected"}
    assert [request_row(engine, each).api_campaign_id for each in (first, second)] == ["e-1", "e-2"]


def test_settling_twice_changes_nothing(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    before = states(engine)

    settle(engine, [Settlement(taken, accepted(taken), "e-1")])

    assert states(engine) == before


def test_a_message_that_a_report_has_proven_accepted_gets_its_id_from_the_reply(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    land_and_fold(engine, report_on(taken))

    settle(engine, [Settlement(taken, accepted(taken), "e-1")])

    assert (row(engine).state, row(engine).api_message_id) == ("accepted", f"m-{ANA}")
    assert row(engine).delivery_status == "delivered"


@pytest.mark.parametrize("told", [MessageState.REJECTED, MessageState.DUPLICATE, MessageState.IN_DOUBT])
def test_a_message_that_a_report_has_proven_accepted_stays_so_whatever_the_reply_says(
    engine: sa.Engine, told: MessageState
) -> None:
    taken = dispatched(engine)
    land_and_fold(engine, report_on(taken))

    settle(engine, [Settlement(taken, [Outcome(ANA, told, reason="so the reply says")], "e-1")])

    assert (row(engine).state, row(engine).reason) == ("accepted", "")


def test_a_refused_request_gives_its_messages_back_as_planned(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])

    requeue_refused(engine, taken, "not enough credit")

    assert states(engine) == {ANA: "planned", BEA: "planned"}
    assert row(engine).request_id is None


def test_a_refused_request_says_why(engine: sa.Engine) -> None:
    taken = dispatched(engine)

    requeue_refused(engine, taken, "not enough credit")

    assert (request_row(engine, taken).state, request_row(engine, taken).reason) == ("refused", "not enough credit")


def test_refused_messages_can_be_claimed_again_under_a_new_reference(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    refused = claim_next(engine, holder)
    requeue_refused(engine, refused, "not enough credit")

    again = claim_next(engine, holder)

    assert again.recipients == refused.recipients
    assert again.reference != refused.reference


def test_a_refusal_leaves_alone_whom_a_report_has_proven_accepted(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    land_and_fold(engine, report_on(taken))

    requeue_refused(engine, taken, "not enough credit")

    assert states(engine) == {ANA: "accepted"}


def test_a_lost_reply_leaves_the_messages_in_doubt_and_says_why(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])

    assert mark_in_doubt(engine, taken, "the connection broke") == 2

    assert states(engine) == {ANA: "in_doubt", BEA: "in_doubt"}
    assert row(engine).reason == "the connection broke"
    assert (request_row(engine, taken).state, request_row(engine, taken).reason) == ("in_doubt", "the connection broke")


def test_messages_in_doubt_are_not_claimed(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    mark_in_doubt(engine, claim_next(engine, holder), "the connection broke")

    assert claim_and_dispatch(engine, holder, 10) is None


def test_an_echo_before_the_doubt_proves_the_whole_request_accepted(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA))

    assert mark_in_doubt(engine, taken, "the connection broke") == 0

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
    assert row(engine, BEA).reason == ACCEPTED_BY_REPORT
    assert request_row(engine, taken).state == "accepted"


def test_an_echo_of_one_request_proves_nothing_of_another(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA])
    echoed, silent = claim_next(engine, holder, 1), claim_next(engine, holder, 1)
    land_and_fold(engine, report_on(echoed, ANA))

    assert mark_in_doubt(engine, silent, "the connection broke") == 1


@pytest.mark.parametrize("end", ["settle", "release", "doubt"])
def test_every_change_carries_the_campaigns_new_revision(engine: sa.Engine, end: str) -> None:
    taken = dispatched(engine)
    before = row(engine).revision

    bring_to_an_end(engine, taken, end)

    assert row(engine).revision > before


def test_the_services_ids_of_a_campaign_are_told_in_the_order_of_its_requests(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA, EVA])
    first, second, refused = (claim_next(engine, holder, 1) for _ in range(3))
    settle(engine, [Settlement(second, accepted(second), "e-2")])
    settle(engine, [Settlement(first, accepted(first), "e-1")])
    requeue_refused(engine, refused, "not enough credit")

    assert api_campaign_ids(engine, campaign(engine).id) == ["e-1", "e-2"]


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
    taken = claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    requeue_unsent(engine, [taken])

    assert (row(engine).state, row(engine).reason) == ("planned", "")
    assert request_states(engine, [taken]) == ["unsent"]


def test_who_was_erased_meanwhile_is_not_planned_again(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    taken = claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)
    erase(engine, ANA, "Mar")

    requeue_unsent(engine, [taken])

    assert [(each.state, each.reason) for each in rows(engine).values()] == [("suppressed", ERASED_UNSENT)]


def test_who_was_let_leave_in_a_campaign_that_is_cancelled_is_not_planned_again(engine: sa.Engine) -> None:
    taken = claim_next(engine, planned(engine, [ANA]))
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    requeue_unsent(engine, [taken])

    assert (row(engine).state, row(engine).reason) == ("suppressed", "cancelled: the price is wrong")


def test_who_has_been_taken_over_stays_with_whom_they_are(engine: sa.Engine) -> None:
    fenced = planned(engine, [ANA])
    taken = claim_batches(engine, fenced, 1)
    expire_lease(engine, fenced)
    recover_dead_attempts(engine, fenced.campaign)
    heirs = claim_next(engine, planned(engine, [ANA]))

    requeue_unsent(engine, taken)

    assert states(engine) == {ANA: "sending"}
    assert row(engine).request_id == heirs.request_id
