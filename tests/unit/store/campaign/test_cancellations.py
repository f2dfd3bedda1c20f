"""Cancellation of campaigns."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsInputError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.cancellations import (
    Cancellation,
    CancellationResult,
    cancel,
    read_cancellations,
    require_not_cancelled,
)
from airflow_provider_rcs.store.outbox.claims import claim_batches
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, requeue_refused, settle
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
    funnel,
    land_and_fold,
    listed,
    new_attempt,
    planned,
    report_on,
    row,
    states,
)

CANCELLATION = Cancellation("Mar", "the price is wrong", NOON)
REASON = "cancelled: the price is wrong"


def test_planned_messages_are_suppressed_with_the_reason(engine: sa.Engine) -> None:
    planned(engine, [ANA, BEA])

    assert cancel(engine, campaign(engine), CANCELLATION) == CancellationResult(CANCELLATION, not_sent=2, handed_over=0)

    assert states(engine) == {ANA: "suppressed", BEA: "suppressed"}
    assert funnel(engine).reasons == {MessageState.SUPPRESSED: {REASON: 2}}


def test_the_error_of_a_cancelled_campaign_masks_phones_in_the_reason_that_a_person_wrote(engine: sa.Engine) -> None:
    cancelled = planned(engine, [ANA]).campaign
    cancel(engine, cancelled, Cancellation("Mar", "wrong for 600-000-001", NOON))

    with engine.connect() as connection, pytest.raises(RcsCancelledError, match=r"UTC: wrong for \*{8}001\. Nothing"):
        require_not_cancelled(connection, cancelled)


def test_every_message_is_counted_whatever_its_state_was(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA, EVA])
    claim = claim_next(engine, attempt, 1)
    settle(engine, [Settlement(claim, accepted(claim), "e-1")])
    claim_next(engine, attempt, 1)

    cancelled = cancel(engine, campaign(engine), CANCELLATION)

    assert (cancelled.not_sent, cancelled.handed_over) == (1, 2)
    assert states(engine) == {ANA: "accepted", BEA: "sending", EVA: "suppressed"}
    assert funnel(engine).requested == 3


def test_messages_claimed_but_not_dispatched_are_suppressed_too(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA, EVA])
    claim_next(engine, attempt, 1)
    claim_batches(engine, attempt, 1)

    cancelled = cancel(engine, campaign(engine), CANCELLATION)

    assert (cancelled.not_sent, cancelled.handed_over) == (2, 1)
    assert states(engine) == {ANA: "sending", BEA: "suppressed", EVA: "suppressed"}
    assert (row(engine, BEA).reason, row(engine, BEA).request_id) == (REASON, None)


def test_suppressed_messages_get_a_new_revision(engine: sa.Engine) -> None:
    planned(engine, [ANA])
    before = row(engine).revision

    cancel(engine, campaign(engine), CANCELLATION)

    assert row(engine).revision > before


def test_nothing_is_claimed_and_the_error_names_who_cancelled_when_and_why(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    cancel(engine, campaign(engine), CANCELLATION)

    with pytest.raises(RcsCancelledError, match="by Mar on 2026-05-01 12:00 UTC: the price is wrong"):
        claim_and_dispatch(engine, attempt, 10)


def test_no_list_is_recorded_after_a_cancellation(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    cancel(engine, campaign(engine), CANCELLATION)

    with pytest.raises(RcsCancelledError):
        record_list(engine, attempt, prepare_list_part(engine, [listed(BEA)]))

    assert states(engine) == {ANA: "suppressed"}


def test_reply_to_a_request_in_flight_is_recorded_after_a_cancellation(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA])
    cancel(engine, campaign(engine), CANCELLATION)

    settle(engine, [Settlement(claim, accepted(claim), "e-1")])

    assert states(engine) == {ANA: "accepted"}


def test_refused_messages_are_suppressed_instead_of_requeued_after_a_cancellation(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA])
    cancel(engine, campaign(engine), CANCELLATION)

    requeue_refused(engine, claim, "not enough credit")

    assert (row(engine).state, row(engine).reason) == ("suppressed", REASON)


def test_messages_resolved_as_not_sent_are_suppressed_after_a_cancellation(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    cancel(engine, campaign(engine), CANCELLATION)

    resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "Mar", "the panel does not show it"))

    assert (row(engine).state, row(engine).reason) == ("suppressed", REASON)


def test_reports_settle_messages_in_doubt_after_a_cancellation(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA])
    mark_in_doubt(engine, claim, "the connection broke")
    cancel(engine, campaign(engine), CANCELLATION)

    land_and_fold(engine, report_on(claim))

    assert states(engine) == {ANA: "accepted"}


def test_first_cancellation_stays_valid(engine: sa.Engine) -> None:
    planned(engine, [ANA])
    cancel(engine, campaign(engine), CANCELLATION)

    again = cancel(engine, campaign(engine), Cancellation("Pau", "again", NOON + timedelta(days=1)))

    assert again == CancellationResult(CANCELLATION, not_sent=0, handed_over=0)
    assert read_cancellations(engine) == {"spring": CANCELLATION}


def test_other_campaigns_are_not_affected(engine: sa.Engine) -> None:
    planned(engine, [ANA])
    attempt = planned(engine, [ANA], "summer")

    cancel(engine, campaign(engine), CANCELLATION)

    assert len(claim_next(engine, attempt).recipients) == 1


def test_campaign_that_was_not_cancelled_passes_the_check(engine: sa.Engine) -> None:
    attempt = new_attempt(engine)

    with engine.connect() as connection:
        require_not_cancelled(connection, attempt.campaign)

    assert read_cancellations(engine) == {}


@pytest.mark.parametrize(("decided_by", "reason"), [("", "late"), ("Mar", " ")])
def test_cancellation_without_a_name_or_a_reason_is_refused(decided_by: str, reason: str) -> None:
    with pytest.raises(RcsInputError, match="the ledger records it"):
        Cancellation(decided_by, reason, NOON)
