"""Scheduled campaigns, their lists and their dispatches."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsFencedError, RcsPlanIncompleteError
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.campaign.schedules import (
    ScheduledCampaign,
    assign_scheduled_list,
    begin_schedule,
    close_schedule,
    count_missing_variables,
    delete_schedule,
    due_campaigns,
    finish_schedule,
    scheduled_campaigns,
)
from airflow_provider_rcs.store.outbox.attempts import Attempt, end_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, requeue_refused, settle
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
    listed,
    new_attempt,
    states,
)

SETTINGS = {"batch_size": 20, "quiet_hours": [{"start": "22:00", "end": "09:00", "action": 1}]}
ODD_NAMES = ["Importe", 'of "him"', "a.b", "a b", "$[0]", "100%", "it's", ":name"]


def incomplete_list(engine: sa.Engine, people: Iterable[str] = (ANA, BEA), name: str = "spring") -> Attempt:
    """Begin to schedule a campaign, without finishing its list."""
    attempt = new_attempt(engine, name)
    begin_schedule(engine, attempt, NOON, SETTINGS)
    record_list(engine, attempt, prepare_list_part(engine, [listed(phone) for phone in people]))
    return attempt


def scheduled(engine: sa.Engine, people: Iterable[str] = (ANA, BEA), name: str = "spring") -> ScheduledCampaign:
    """Schedule a campaign with a complete list."""
    attempt = incomplete_list(engine, people, name)
    finish_schedule(engine, attempt)
    end_attempt(engine, attempt)
    return next(each for each in scheduled_campaigns(engine) if each.campaign.name == name)


def dispatch(engine: sa.Engine, schedule: ScheduledCampaign) -> Attempt:
    """Begin a dispatch, and give it the scheduled list."""
    attempt = new_attempt(engine, schedule.campaign.name)
    assign_scheduled_list(engine, attempt, schedule)
    return attempt


def claimed_phones(engine: sa.Engine, attempt: Attempt) -> list[str]:
    claim = claim_and_dispatch(engine, attempt, 1000)
    return [] if claim is None else [recipient.phone for recipient in claim.recipients]


def due(engine: sa.Engine) -> list[str]:
    return [each.campaign.name for each in due_campaigns(engine, NOON)]


def test_schedule_has_the_date_and_the_settings(engine: sa.Engine) -> None:
    schedule = scheduled(engine)

    assert (schedule.campaign, schedule.due_at, schedule.settings) == (campaign(engine), NOON, SETTINGS)


def test_campaign_is_due_from_its_date_on(engine: sa.Engine) -> None:
    scheduled(engine)

    assert due_campaigns(engine, NOON - timedelta(seconds=1)) == []
    assert due(engine) == ["spring"]


def test_dispatch_claims_the_planned_recipients_of_the_list(engine: sa.Engine) -> None:
    attempt = dispatch(engine, scheduled(engine))

    assert claimed_phones(engine, attempt) == [ANA, BEA]


def test_recipient_removed_from_the_list_before_the_dispatch_is_not_claimed(engine: sa.Engine) -> None:
    scheduled(engine, [ANA, BEA])

    attempt = dispatch(engine, scheduled(engine, [BEA, EVA]))

    assert claimed_phones(engine, attempt) == [BEA, EVA]
    assert states(engine)[ANA] == "planned"


def test_next_attempt_of_a_dispatch_continues_with_the_same_list(engine: sa.Engine) -> None:
    schedule = scheduled(engine)
    claim_next(engine, dispatch(engine, schedule), 1)

    assert claimed_phones(engine, dispatch(engine, schedule)) == [BEA]


def test_two_dispatches_share_the_list_whichever_gets_it_last(engine: sa.Engine) -> None:
    schedule = scheduled(engine)
    first, second = new_attempt(engine), new_attempt(engine)
    for attempt in (second, first):
        assign_scheduled_list(engine, attempt, schedule)

    assert claim_next(engine, first, 1).recipients[0].phone == ANA
    assert claimed_phones(engine, second) == [BEA]


def test_incomplete_list_is_not_sent(engine: sa.Engine) -> None:
    end_attempt(engine, incomplete_list(engine))
    (schedule,) = due_campaigns(engine, NOON)

    with pytest.raises(RcsPlanIncompleteError, match="'spring': the task that lists its recipients has failed"):
        dispatch(engine, schedule)


def test_previous_complete_list_is_not_sent_in_place_of_an_incomplete_one(engine: sa.Engine) -> None:
    scheduled(engine)
    end_attempt(engine, incomplete_list(engine, [BEA]))
    (schedule,) = due_campaigns(engine, NOON)

    with pytest.raises(RcsPlanIncompleteError):
        dispatch(engine, schedule)


def test_running_dispatch_does_not_claim_from_a_new_list_before_it_is_complete(engine: sa.Engine) -> None:
    running = dispatch(engine, scheduled(engine, [ANA, BEA]))
    listing = incomplete_list(engine, [BEA, EVA])
    before = claimed_phones(engine, running)

    finish_schedule(engine, listing)

    assert (before, claimed_phones(engine, running)) == ([ANA], [BEA, EVA])


def test_dispatch_refuses_a_list_started_after_it_read_the_schedule(engine: sa.Engine) -> None:
    schedule = scheduled(engine)
    scheduled(engine, [EVA])

    with pytest.raises(RcsPlanIncompleteError):
        dispatch(engine, schedule)


def test_dispatch_requires_the_list_that_was_started_last(engine: sa.Engine) -> None:
    first, _ = incomplete_list(engine), incomplete_list(engine)
    finish_schedule(engine, first)
    (schedule,) = scheduled_campaigns(engine)

    with pytest.raises(RcsPlanIncompleteError):
        dispatch(engine, schedule)


def test_campaign_is_not_due_while_a_live_attempt_lists_its_recipients(engine: sa.Engine) -> None:
    attempt = incomplete_list(engine)
    while_listing = due(engine)
    expire_lease(engine, attempt)

    assert (while_listing, due(engine)) == ([], ["spring"])


def test_closed_schedule_needs_no_dispatch(engine: sa.Engine) -> None:
    attempt = dispatch(engine, scheduled(engine))
    claim = claim_next(engine, attempt)
    settle(engine, [Settlement(claim, accepted(claim), "e-1")])

    close_schedule(engine, attempt)

    assert scheduled_campaigns(engine) == []


def test_closed_schedule_is_due_again_when_messages_are_planned_again(engine: sa.Engine) -> None:
    attempt = dispatch(engine, scheduled(engine))
    claim = claim_next(engine, attempt)
    close_schedule(engine, attempt)

    requeue_refused(engine, claim, "not enough credit")

    assert due(engine) == ["spring"]


def test_closed_schedule_is_due_again_with_a_new_list(engine: sa.Engine) -> None:
    close_schedule(engine, dispatch(engine, scheduled(engine)))

    scheduled(engine)

    assert due(engine) == ["spring"]


def test_cancelled_campaign_is_neither_due_nor_scheduled(engine: sa.Engine) -> None:
    scheduled(engine)

    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    assert scheduled_campaigns(engine) == []
    with pytest.raises(RcsCancelledError):
        incomplete_list(engine)


def test_list_of_a_campaign_cancelled_meanwhile_cannot_be_completed(engine: sa.Engine) -> None:
    attempt = incomplete_list(engine)
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    with pytest.raises(RcsCancelledError):
        finish_schedule(engine, attempt)


def test_campaign_without_a_schedule_is_not_dispatched(engine: sa.Engine) -> None:
    schedule = scheduled(engine)

    assert delete_schedule(engine, campaign(engine))
    assert not delete_schedule(engine, campaign(engine))

    assert scheduled_campaigns(engine) == []
    assert claimed_phones(engine, dispatch(engine, schedule)) == []


def test_fenced_attempt_can_neither_schedule_nor_get_a_scheduled_list(engine: sa.Engine) -> None:
    schedule, fenced = scheduled(engine), new_attempt(engine)
    expire_lease(engine, fenced)

    with pytest.raises(RcsFencedError):
        begin_schedule(engine, fenced, NOON, SETTINGS)
    with pytest.raises(RcsFencedError):
        assign_scheduled_list(engine, fenced, schedule)


@pytest.mark.parametrize("variable", ODD_NAMES)
def test_recipients_without_a_value_are_counted_whatever_the_name_of_the_variable(
    engine: sa.Engine, variable: str
) -> None:
    attempt = new_attempt(engine)
    record_list(
        engine,
        attempt,
        prepare_list_part(
            engine, [listed(ANA, variables={variable: "7"}), listed(BEA, variables={variable: ""}), listed(EVA)]
        ),
    )

    assert count_missing_variables(engine, attempt, [variable]) == {variable: 2}


def test_variables_that_all_recipients_have_are_not_counted(engine: sa.Engine) -> None:
    attempt = new_attempt(engine)
    record_list(engine, attempt, prepare_list_part(engine, [listed(ANA, variables={"Importe": "7"})]))

    assert count_missing_variables(engine, attempt, ["Importe"]) == count_missing_variables(engine, attempt, []) == {}
