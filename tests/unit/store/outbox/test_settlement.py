"""Settlement of requests: recorded replies, doubts, and requeued messages."""

from __future__ import annotations

import secrets

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all
from airflow_provider_rcs.store.outbox.settlement import (
    ACCEPTED_BY_REPORT,
    CONTRADICTED_BY_REPORT,
    Settlement,
    api_campaign_ids,
    mark_in_doubt,
    requeue_refused,
    requeue_unsent,
    settle,
)
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.pseudonyms import ERASED_UNSENT
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    accepted,
    campaign,
    claim_and_dispatch,
    claim_next,
    dispatched,
    expire_lease,
    land_and_fold,
    listed,
    lose_requests,
    new_attempt,
    planned,
    report_on,
    request_row,
    request_states,
    row,
    rows,
    sent,
    states,
)


def close(engine: sa.Engine, claim: Claim, how: str) -> None:
    match how:
        case "settle":
            settle(engine, [Settlement(claim, accepted(claim), "e-1")])
        case "requeue":
            requeue_refused(engine, claim, "refused")
        case "refuse":
            settle(engine, [refused(claim)])
        case "doubt":
            mark_in_doubt(engine, claim, "lost")


def test_settling_records_the_outcome_of_each_recipient(engine: sa.Engine) -> None:
    people = [ANA, BEA, EVA, "+34600000004"]
    claim = dispatched(engine, people)
    outcomes = [
        Outcome(ANA, MessageState.ACCEPTED, "m-1"),
        Outcome(BEA, MessageState.REJECTED, reason="no RCS"),
        Outcome(EVA, MessageState.DUPLICATE, reason="left out"),
        Outcome("+34600000004", MessageState.IN_DOUBT, reason="not in the reply"),
    ]

    settle(engine, [Settlement(claim, outcomes, "e-1")])

    assert list(states(engine).values()) == ["accepted", "rejected", "duplicate", "in_doubt"]
    assert [row(engine, phone).reason for phone in people] == ["", "no RCS", "left out", "not in the reply"]
    assert [row(engine, phone).api_message_id for phone in people] == ["m-1", None, None, None]


def test_settling_closes_the_request_with_the_id_from_the_service(engine: sa.Engine) -> None:
    claim = sent(engine)

    closed = request_row(engine, claim)
    assert (closed.state, closed.api_campaign_id) == ("accepted", "e-1")
    assert closed.settled_at is not None


def test_settling_does_not_change_other_requests(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA])
    first, _second = claim_next(engine, attempt, 1), claim_next(engine, attempt, 1)

    settle(engine, [Settlement(first, accepted(first), "e-1")])

    assert states(engine) == {ANA: "accepted", BEA: "sending"}


def test_replies_to_several_requests_are_settled_together(engine: sa.Engine) -> None:
    first, second = claim_batches(engine, planned(engine, [ANA, BEA]), 1, requests=2)
    rejected = [Outcome(BEA, MessageState.REJECTED, reason="no RCS")]

    settle(engine, [Settlement(first, accepted(first), "e-1"), Settlement(second, rejected, "e-2")])

    assert states(engine) == {ANA: "accepted", BEA: "rejected"}
    assert [request_row(engine, each).api_campaign_id for each in (first, second)] == ["e-1", "e-2"]


def test_settling_twice_changes_nothing(engine: sa.Engine) -> None:
    claim = sent(engine, [ANA, BEA])
    before = states(engine)

    settle(engine, [Settlement(claim, accepted(claim), "e-1")])

    assert states(engine) == before


def test_message_proven_accepted_by_a_report_gets_its_id_from_the_reply(engine: sa.Engine) -> None:
    claim = dispatched(engine)
    land_and_fold(engine, report_on(claim))

    settle(engine, [Settlement(claim, accepted(claim), "e-1")])

    assert (row(engine).state, row(engine).api_message_id) == ("accepted", f"m-{ANA}")
    assert row(engine).delivery_status == "delivered"


@pytest.mark.parametrize("outcome", [MessageState.REJECTED, MessageState.DUPLICATE, MessageState.IN_DOUBT])
def test_message_proven_accepted_by_a_report_stays_accepted(engine: sa.Engine, outcome: MessageState) -> None:
    claim = dispatched(engine)
    other = dispatched(engine, [BEA])
    land_and_fold(engine, report_on(claim))
    before = rows(engine)

    settle(engine, [Settlement(claim, [Outcome(ANA, outcome, reason="as in the reply")], "e-1")])

    assert (row(engine).state, row(engine).reason) == ("accepted", "")
    assert row(engine).revision > before[ANA].revision
    assert row(engine, other.phones[0]) == before[BEA]


def test_messages_of_a_refused_request_are_planned_again(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])

    requeue_refused(engine, claim, "not enough credit")

    assert states(engine) == {ANA: "planned", BEA: "planned"}
    assert row(engine).request_id is None


def test_refused_request_has_the_reason(engine: sa.Engine) -> None:
    claim = dispatched(engine)

    requeue_refused(engine, claim, "not enough credit")

    assert (request_row(engine, claim).state, request_row(engine, claim).reason) == ("refused", "not enough credit")


def test_refused_messages_are_claimed_again_with_a_new_reference(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    refused = claim_next(engine, attempt)
    requeue_refused(engine, refused, "not enough credit")

    again = claim_next(engine, attempt)

    assert again.recipients == refused.recipients
    assert again.reference != refused.reference


def test_refusal_does_not_requeue_a_request_proven_accepted_by_a_report(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])
    land_and_fold(engine, report_on(claim, ANA))

    requeue_refused(engine, claim, "not enough credit")

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
    assert request_row(engine, claim).state == "accepted"


def refused_in_part(claim: Claim) -> Settlement:
    """Return the reply that accepts the first recipient, requeues the second and leaves the others in doubt."""
    first, second, *others = claim.phones
    outcomes = [
        Outcome(first, MessageState.ACCEPTED, "m-1"),
        Outcome(second, MessageState.PLANNED, reason="the service refused the request"),
        *(Outcome(phone, MessageState.IN_DOUBT, reason="not in the reply") for phone in others),
    ]
    return Settlement(claim, outcomes, "e-1", "not enough credit")


def refused(claim: Claim) -> Settlement:
    """Return the reply that names each recipient as not sent."""
    outcomes = [
        Outcome(phone, MessageState.PLANNED, reason="the service refused the request") for phone in claim.phones
    ]
    return Settlement(claim, outcomes, "", "not enough credit")


def test_a_refusal_in_part_settles_each_recipient_as_the_reply_names_it(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA, EVA])

    settle(engine, [refused_in_part(claim)])

    assert states(engine) == {ANA: "accepted", BEA: "planned", EVA: "in_doubt"}
    assert (row(engine, BEA).request_id, row(engine, BEA).reason) == (None, "")
    closed = request_row(engine, claim)
    assert (closed.state, closed.reason, closed.api_campaign_id) == ("accepted", "not enough credit", "e-1")


def test_requeued_recipients_of_a_refusal_in_part_are_claimed_again(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA])
    settle(engine, [refused_in_part(claim_next(engine, attempt))])

    assert claim_next(engine, attempt).phones == [BEA]


def test_a_refusal_that_names_everybody_closes_the_request_as_refused(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])

    settle(engine, [refused(claim)])

    assert states(engine) == {ANA: "planned", BEA: "planned"}
    assert request_row(engine, claim).state == "refused"


def test_a_refusal_in_part_settles_messages_that_were_recovered_as_in_doubt(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA, BEA])
    claim = claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    settle(engine, [refused_in_part(claim)])

    assert states(engine) == {ANA: "accepted", BEA: "planned"}


def test_recipients_of_a_cancelled_campaign_are_suppressed_instead_of_requeued(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    settle(engine, [refused_in_part(claim)])

    assert states(engine) == {ANA: "accepted", BEA: "suppressed"}


def test_a_report_on_an_accepted_recipient_does_not_keep_another_from_being_requeued(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])
    land_and_fold(engine, report_on(claim, ANA))

    settle(engine, [refused_in_part(claim)])

    assert states(engine) == {ANA: "accepted", BEA: "planned"}


def test_a_recipient_with_a_report_is_not_requeued_whatever_the_reply_says(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])
    land_and_fold(engine, report_on(claim, BEA))

    settle(engine, [refused_in_part(claim)])

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}


def test_a_late_refusal_does_not_requeue_what_the_next_attempt_has_claimed(engine: sa.Engine) -> None:
    late = dispatched(engine, [ANA])
    mark_in_doubt(engine, late, "the connection broke")
    resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "Mar", "not in the panel"))
    again = claim_next(engine, planned(engine, [ANA]))

    settle(engine, [refused(late)])

    assert (row(engine).state, row(engine).request_id) == ("sending", again.request_id)


def test_a_late_reply_keeps_those_it_accepts_from_being_sent_to_again(engine: sa.Engine) -> None:
    late = dispatched(engine, [ANA, BEA])
    mark_in_doubt(engine, late, "the connection broke")
    resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "Mar", "not in the panel"))

    settle(engine, [Settlement(late, [accepted(late)[0], Outcome(BEA, MessageState.IN_DOUBT)])])

    assert states(engine) == {ANA: "accepted", BEA: "planned"}
    assert (row(engine).request_id, row(engine).api_message_id) == (late.request_id, f"m-{ANA}")
    assert claim_next(engine, planned(engine, [ANA, BEA])).phones == [BEA]


def test_a_late_reply_does_not_settle_what_the_next_attempt_has_claimed(engine: sa.Engine) -> None:
    late = dispatched(engine, [ANA])
    mark_in_doubt(engine, late, "the connection broke")
    resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "Mar", "not in the panel"))
    again = claim_next(engine, planned(engine, [ANA]))

    settle(engine, [Settlement(late, accepted(late))])

    assert (row(engine).state, row(engine).request_id) == ("sending", again.request_id)


def test_nobody_is_requeued_if_a_report_contradicts_that_nothing_was_sent(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])
    land_and_fold(engine, report_on(claim, ANA))

    settle(engine, [refused(claim)])

    assert states(engine) == {ANA: "accepted", BEA: "in_doubt"}
    assert row(engine, BEA).reason == CONTRADICTED_BY_REPORT


@pytest.mark.parametrize("how", ["settle", "requeue", "refuse", "doubt"])
def test_a_reply_to_a_request_that_the_store_has_lost_is_an_error(engine: sa.Engine, how: str) -> None:
    claim = dispatched(engine, [ANA])
    lose_requests(engine, claim.request_id)

    with pytest.raises(RcsStoreError, match="has lost commits"):
        close(engine, claim, how)


@pytest.mark.parametrize("how", ["settle", "requeue", "refuse", "doubt"])
def test_a_reply_to_a_request_whose_id_is_that_of_another_since_the_loss_is_an_error(
    engine: sa.Engine, how: str
) -> None:
    claim = dispatched(engine, [ANA])
    with engine.begin() as connection:
        connection.execute(request.update().values(reference="another"))

    with pytest.raises(RcsStoreError, match="has lost commits"):
        close(engine, claim, how)

    assert (states(engine), request_row(engine, claim).state) == ({ANA: "sending"}, "sending")


def test_a_reply_is_recorded_although_the_store_has_lost_the_request_of_another(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA])
    known, lost = claim_next(engine, attempt, 1), claim_next(engine, attempt, 1)
    lose_requests(engine, lost.request_id)

    with pytest.raises(RcsStoreError, match="has lost commits"):
        settle(engine, [Settlement(each, accepted(each)) for each in (lost, known)])

    assert states(engine)[ANA] == "accepted"


def test_lost_reply_leaves_the_messages_in_doubt_with_the_reason(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])

    assert mark_in_doubt(engine, claim, "the connection broke") == 2

    assert states(engine) == {ANA: "in_doubt", BEA: "in_doubt"}
    assert row(engine).reason == "the connection broke"
    assert (request_row(engine, claim).state, request_row(engine, claim).reason) == ("in_doubt", "the connection broke")


def test_a_lost_reply_leaves_the_messages_of_other_requests_as_they_are(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA])
    lost, _awaited = claim_next(engine, attempt, 1), claim_next(engine, attempt, 1)

    mark_in_doubt(engine, lost, "the connection broke")

    assert states(engine) == {ANA: "in_doubt", BEA: "sending"}


def reported_without_a_request(engine: sa.Engine) -> Claim:
    """Return a request for Ana and Bea; a report on Ana, as those of SMS, has come that does not name the request."""
    attempt = new_attempt(engine)
    record_list(engine, attempt, prepare_list_part(engine, [listed(ANA, reference="A1"), listed(BEA)]))
    claim = claim_next(engine, attempt)
    land_and_fold(engine, Report("13", ANA, message_reference="A1", service="SMS", reported_at=NOON))
    return claim


def test_a_lost_reply_does_not_doubt_a_message_with_a_report_that_names_no_request(engine: sa.Engine) -> None:
    claim = reported_without_a_request(engine)

    assert mark_in_doubt(engine, claim, "the connection broke") == 1

    assert states(engine) == {ANA: "accepted", BEA: "in_doubt"}


def test_a_refusal_does_not_requeue_a_message_with_a_report_that_names_no_request(engine: sa.Engine) -> None:
    claim = reported_without_a_request(engine)

    requeue_refused(engine, claim, "not enough credit")

    assert states(engine) == {ANA: "accepted", BEA: "planned"}


def test_messages_in_doubt_are_not_claimed(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    mark_in_doubt(engine, claim_next(engine, attempt), "the connection broke")

    assert claim_and_dispatch(engine, attempt, 10) is None


def test_report_before_the_doubt_proves_the_whole_request_accepted(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])
    land_and_fold(engine, report_on(claim, ANA))

    assert mark_in_doubt(engine, claim, "the connection broke") == 0

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
    assert row(engine, BEA).reason == ACCEPTED_BY_REPORT
    assert request_row(engine, claim).state == "accepted"


def test_report_on_one_request_proves_nothing_about_another(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA])
    reported, silent = claim_next(engine, attempt, 1), claim_next(engine, attempt, 1)
    land_and_fold(engine, report_on(reported, ANA))

    assert mark_in_doubt(engine, silent, "the connection broke") == 1


@pytest.mark.parametrize("how", ["settle", "requeue", "doubt", "refuse"])
def test_every_change_gets_the_new_revision_and_its_date(engine: sa.Engine, how: str) -> None:
    claim = dispatched(engine)
    before = row(engine)

    close(engine, claim, how)

    assert row(engine).revision > before.revision
    assert row(engine).updated_at > before.updated_at


def test_ids_from_the_service_are_returned_in_the_order_of_the_requests(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA, EVA])
    first, second, refused = (claim_next(engine, attempt, 1) for _ in range(3))
    settle(engine, [Settlement(second, accepted(second), "e-2")])
    settle(engine, [Settlement(first, accepted(first), "e-1")])
    requeue_refused(engine, refused, "not enough credit")
    sent(engine, [ANA], "summer")

    assert api_campaign_ids(engine, campaign(engine).id) == ["e-1", "e-2"]


def test_messages_of_unsent_requests_are_planned_again_and_the_requests_closed(engine: sa.Engine) -> None:
    claims = claim_batches(engine, planned(engine, [ANA, BEA, EVA]), 1, requests=2)

    requeue_unsent(engine, claims)

    assert states(engine) == dict.fromkeys([ANA, BEA, EVA], "planned")
    assert request_states(engine, claims) == ["unsent", "unsent"]
    assert "never left" in request_row(engine, claims[0]).reason
    assert request_row(engine, claims[0]).settled_at is not None


def test_requeued_messages_get_a_new_revision_and_lose_their_request(engine: sa.Engine) -> None:
    claims = claim_batches(engine, planned(engine, [ANA]), 1)
    before = row(engine).revision

    requeue_unsent(engine, claims)

    assert row(engine).revision > before
    assert row(engine).request_id is None


def test_messages_of_dispatched_requests_that_never_left_are_requeued_too(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim = claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)

    requeue_unsent(engine, [claim])

    assert (row(engine).state, row(engine).reason) == ("planned", "")
    assert request_states(engine, [claim]) == ["unsent"]


def test_recipient_erased_meanwhile_is_suppressed_instead_of_requeued(engine: sa.Engine) -> None:
    dead = planned(engine, [ANA])
    claim = claim_next(engine, dead)
    expire_lease(engine, dead)
    recover_dead_attempts(engine, dead.campaign)
    erase(engine, ANA, "Mar")

    requeue_unsent(engine, [claim])

    assert [(each.state, each.reason) for each in rows(engine).values()] == [("suppressed", ERASED_UNSENT)]


def test_unsent_message_of_a_cancelled_campaign_is_suppressed_instead_of_requeued(engine: sa.Engine) -> None:
    claim = claim_next(engine, planned(engine, [ANA]))
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    requeue_unsent(engine, [claim])

    assert (row(engine).state, row(engine).reason) == ("suppressed", "cancelled: the price is wrong")


def test_messages_claimed_by_the_next_attempt_are_not_requeued(engine: sa.Engine) -> None:
    fenced = planned(engine, [ANA])
    claims = claim_batches(engine, fenced, 1)
    expire_lease(engine, fenced)
    recover_dead_attempts(engine, fenced.campaign)
    next_claim = claim_next(engine, planned(engine, [ANA]))

    requeue_unsent(engine, claims)

    assert states(engine) == {ANA: "sending"}
    assert row(engine).request_id == next_claim.request_id


def test_a_reply_with_an_id_that_no_index_can_hold_is_recorded(engine: sa.Engine) -> None:
    taken = dispatched(engine)

    settle(engine, [Settlement(taken, accepted(taken), secrets.token_hex(4_000))])

    assert states(engine) == {ANA: "accepted"}
