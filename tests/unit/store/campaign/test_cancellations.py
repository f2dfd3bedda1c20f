""""""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsInputError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, CancellationResult, cancel, read_cancellations, require_not_cancelled
from airflow_provider_rcs.store.outbox.claims import claim_batches
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, requeue_refused, settle
from tests.unit.store.given import ANA, BEA, EVA, NOON, accepted, new_attempt, campaign, claim_next, claim_and_dispatch, dispatched, funnel, listed, planned, land_and_fold, report_on, row, states

WORD = Cancellation("Mar", "the price is wrong", NOON)


WHY = "cancelled: the price is wrong"


def test_who_is_planned_is_suppressed_with_the_reason(engine: sa.Engine) -> None:
    planned(engine, [ANA, BEA])

    assert cancel(engine, campaign(engine), WORD) == CancellationResult(WORD, not_sent=2, handed_over=0)

    assert states(engine) == {ANA: "suppressed", BEA: "suppressed"}
    assert funnel(engine).reasons == {MessageState.SUPPRESSED: {WHY: 2}}


def test_the_books_balance_whatever_state_the_messages_were_in(engine: sa.Engine) -> None:
    begun = planned(engine, [ANA, BEA, EVA])
    taken = claim_next(engine, begun, 1)
    settle(engine, [Settlement(taken, accepted(taken), "e-1")])
    claim_next(engine, begun, 1)

    cancelled = cancel(engine, campaign(engine), WORD)

    assert (cancelled.not_sent, cancelled.handed_over) == (1, 2)
    assert states(engine) == {ANA: "accepted", BEA: "sending", EVA: "suppressed"}
    assert funnel(engine).requested == 3


def test_who_is_claimed_for_a_request_that_may_not_leave_yet_is_not_sent_either(engine: sa.Engine) -> None:
    begun = planned(engine, [ANA, BEA, EVA])
    claim_next(engine, begun, 1)
    claim_batches(engine, begun, 1)

    cancelled = cancel(engine, campaign(engine), WORD)

    assert (cancelled.not_sent, cancelled.handed_over) == (2, 1)
    assert states(engine) == {ANA: "sending", BEA: "suppressed", EVA: "suppressed"}
    assert (row(engine, BEA).reason, row(engine, BEA).request_id) == (WHY, None)


def test_a_copy_of_the_messages_learns_of_it(engine: sa.Engine) -> None:
    planned(engine, [ANA])
    before = row(engine).revision

    cancel(engine, campaign(engine), WORD)

    assert row(engine).revision > before


def test_nobody_is_claimed_any_more_and_the_error_tells_who_said_so_when_and_why(engine: sa.Engine) -> None:
    begun = planned(engine, [ANA])
    cancel(engine, campaign(engine), WORD)

    with pytest.raises(RcsCancelledError, match="by Mar on 2026-05-01 12:00 UTC: the price is wrong"):
        claim_and_dispatch(engine, begun, 10)


def test_nobody_is_listed_any_more(engine: sa.Engine) -> None:
    begun = planned(engine, [ANA])
    cancel(engine, campaign(engine), WORD)

    with pytest.raises(RcsCancelledError):
        record_list(engine, begun, prepare_list_part(engine, [listed(BEA)]))

    assert states(engine) == {ANA: "suppressed"}


def test_the_reply_to_a_request_under_way_is_recorded_all_the_same(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA])
    cancel(engine, campaign(engine), WORD)

    settle(engine, [Settlement(taken, accepted(taken), "e-1")])

    assert states(engine) == {ANA: "accepted"}


def test_who_turns_out_not_to_have_been_sent_to_is_suppressed_and_not_planned(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA])
    cancel(engine, campaign(engine), WORD)

    requeue_refused(engine, taken, "not enough credit")

    assert (row(engine).state, row(engine).reason) == ("suppressed", WHY)


def test_a_person_who_says_that_it_was_not_sent_plans_nobody(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    cancel(engine, campaign(engine), WORD)

    resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "Mar", "the panel does not show it"))

    assert (row(engine).state, row(engine).reason) == ("suppressed", WHY)


def test_what_is_in_doubt_is_settled_by_reports_as_ever(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA])
    mark_in_doubt(engine, taken, "the connection broke")
    cancel(engine, campaign(engine), WORD)

    land_and_fold(engine, report_on(taken))

    assert states(engine) == {ANA: "accepted"}


def test_the_first_word_counts(engine: sa.Engine) -> None:
    planned(engine, [ANA])
    cancel(engine, campaign(engine), WORD)

    again = cancel(engine, campaign(engine), Cancellation("Pau", "again", NOON + timedelta(days=1)))

    assert again == CancellationResult(WORD, not_sent=0, handed_over=0)
    assert read_cancellations(engine) == {"spring": WORD}


def test_other_campaigns_go_on(engine: sa.Engine) -> None:
    planned(engine, [ANA])
    begun = planned(engine, [ANA], "summer")

    cancel(engine, campaign(engine), WORD)

    assert len(claim_next(engine, begun).recipients) == 1


def test_a_campaign_that_nobody_cancelled_may_go_on(engine: sa.Engine) -> None:
    begun = new_attempt(engine)

    with engine.connect() as connection:
        require_not_cancelled(connection, begun.campaign)

    assert read_cancellations(engine) == {}


@pytest.mark.parametrize(("decided_by", "reason"), [("", "late"), ("Mar", " ")])
def test_a_word_without_a_name_or_a_reason_is_refused(decided_by: str, reason: str) -> None:
    with pytest.raises(RcsInputError, match="for the books"):
        Cancellation(decided_by, reason, NOON)
