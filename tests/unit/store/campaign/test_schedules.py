"""Campaigns that are kept until their date, and the lists of those who will be sent to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsFencedError, RcsPlanIncompleteError
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.campaign.schedules import ScheduledCampaign, begin_schedule, due_campaigns, finish_schedule, delete_schedule, count_missing_variables, scheduled_campaigns, close_schedule, assign_scheduled_list
from airflow_provider_rcs.store.outbox.attempts import Attempt, end_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, requeue_refused, settle
from tests.unit.store.given import ANA, BEA, EVA, NOON, accepted, new_attempt, campaign, claim_next, claim_and_dispatch, expire_lease, listed, states

SETTINGS = {"batch_size": 20, "quiet_hours": [{"start": "22:00", "end": "09:00", "action": 1}]}


ODD_NAMES = ["Importe", 'of "him"', "a.b", "a b", "$[0]", "100%", "it's", ":name"]


def begun(engine: sa.Engine, people: Iterable[str] = (ANA, BEA), name: str = "spring") -> Attempt:
    """A list that has not come to its end."""
    holder = new_attempt(engine, name)
    begin_schedule(engine, holder, NOON, SETTINGS)
    record_list(engine, holder, prepare_list_part(engine, [listed(phone) for phone in people]))
    return holder


def kept(engine: sa.Engine, people: Iterable[str] = (ANA, BEA), name: str = "spring") -> ScheduledCampaign:
    """A campaign that waits for its date."""
    holder = begun(engine, people, name)
    finish_schedule(engine, holder)
    end_attempt(engine, holder)
    return next(each for each in scheduled_campaigns(engine) if each.campaign.name == name)


def dispatch(engine: sa.Engine, schedule: ScheduledCampaign) -> Attempt:
    """An attempt that has taken a campaign's list over."""
    holder = new_attempt(engine, schedule.campaign.name)
    assign_scheduled_list(engine, holder, schedule)
    return holder


def phones_claimed(engine: sa.Engine, holder: Attempt) -> list[str]:
    taken = claim_and_dispatch(engine, holder, 1000)
    return [] if taken is None else [recipient.phone for recipient in taken.recipients]


def due(engine: sa.Engine) -> list[str]:
    return [each.campaign.name for each in due_campaigns(engine, NOON)]


def test_a_campaign_is_kept_with_its_date_and_how_to_send_it(engine: sa.Engine) -> None:
    schedule = kept(engine)

    assert (schedule.campaign, schedule.due_at, schedule.settings) == (campaign(engine), NOON, SETTINGS)


def test_it_is_due_from_its_date_on_and_not_before(engine: sa.Engine) -> None:
    kept(engine)

    assert due_campaigns(engine, NOON - timedelta(seconds=1)) == []
    assert due(engine) == ["spring"]


def test_a_dispatch_claims_whom_the_list_has_planned(engine: sa.Engine) -> None:
    holder = dispatch(engine, kept(engine))

    assert phones_claimed(engine, holder) == [ANA, BEA]


def test_who_is_taken_off_the_list_before_is_not_sent_to(engine: sa.Engine) -> None:
    kept(engine, [ANA, BEA])

    holder = dispatch(engine, kept(engine, [BEA, EVA]))

    assert phones_claimed(engine, holder) == [BEA, EVA]
    assert states(engine)[ANA] == "planned"


def test_a_dispatch_whose_first_attempt_died_goes_on_with_the_same_list(engine: sa.Engine) -> None:
    schedule = kept(engine)
    claim_next(engine, dispatch(engine, schedule), 1)

    assert phones_claimed(engine, dispatch(engine, schedule)) == [BEA]


def test_two_dispatches_at_once_share_the_list_whichever_of_them_takes_it_over_last(engine: sa.Engine) -> None:
    schedule = kept(engine)
    first, second = new_attempt(engine), new_attempt(engine)
    for holder in (second, first):
        assign_scheduled_list(engine, holder, schedule)

    assert claim_next(engine, first, 1).recipients[0].phone == ANA
    assert phones_claimed(engine, second) == [BEA]


def test_a_list_that_did_not_come_to_its_end_is_not_sent(engine: sa.Engine) -> None:
    end_attempt(engine, begun(engine))
    (schedule,) = due_campaigns(engine, NOON)

    with pytest.raises(RcsPlanIncompleteError, match="'spring': the task that lists its recipients has failed"):
        dispatch(engine, schedule)


def test_the_last_whole_list_is_not_sent_in_place_of_one_that_did_not_come_to_its_end(engine: sa.Engine) -> None:
    kept(engine)
    end_attempt(engine, begun(engine, [BEA]))
    (schedule,) = due_campaigns(engine, NOON)

    with pytest.raises(RcsPlanIncompleteError):
        dispatch(engine, schedule)


def test_a_dispatch_under_way_sends_to_nobody_on_a_new_list_before_it_is_whole(engine: sa.Engine) -> None:
    under_way = dispatch(engine, kept(engine, [ANA, BEA]))
    lists = begun(engine, [BEA, EVA])
    before = phones_claimed(engine, under_way)

    finish_schedule(engine, lists)

    assert (before, phones_claimed(engine, under_way)) == ([ANA], [BEA, EVA])


def test_a_list_that_was_begun_since_the_schedule_was_read_is_waited_for(engine: sa.Engine) -> None:
    schedule = kept(engine)
    kept(engine, [EVA])

    with pytest.raises(RcsPlanIncompleteError):
        dispatch(engine, schedule)


def test_of_two_lists_at_once_the_one_that_was_begun_last_is_waited_for(engine: sa.Engine) -> None:
    first, _ = begun(engine), begun(engine)
    finish_schedule(engine, first)
    (schedule,) = scheduled_campaigns(engine)

    with pytest.raises(RcsPlanIncompleteError):
        dispatch(engine, schedule)


def test_a_campaign_whose_recipients_are_being_listed_is_not_due_until_its_task_has_ended_or_died(
    engine: sa.Engine,
) -> None:
    holder = begun(engine)
    while_it_lists = due(engine)
    expire_lease(engine, holder)

    assert (while_it_lists, due(engine)) == ([], ["spring"])


def test_what_is_settled_is_not_asked_for_again(engine: sa.Engine) -> None:
    holder = dispatch(engine, kept(engine))
    taken = claim_next(engine, holder)
    settle(engine, [Settlement(taken, accepted(taken), "e-1")])

    close_schedule(engine, holder)

    assert scheduled_campaigns(engine) == []


def test_what_is_planned_again_is_asked_for_again(engine: sa.Engine) -> None:
    holder = dispatch(engine, kept(engine))
    taken = claim_next(engine, holder)
    close_schedule(engine, holder)

    requeue_refused(engine, taken, "not enough credit")

    assert due(engine) == ["spring"]


def test_a_new_list_of_a_settled_campaign_is_asked_for_again(engine: sa.Engine) -> None:
    close_schedule(engine, dispatch(engine, kept(engine)))

    kept(engine)

    assert due(engine) == ["spring"]


def test_a_cancelled_campaign_is_neither_due_nor_scheduled_any_more(engine: sa.Engine) -> None:
    kept(engine)

    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    assert scheduled_campaigns(engine) == []
    with pytest.raises(RcsCancelledError):
        begun(engine)


def test_a_list_that_was_cancelled_before_its_end_is_told(engine: sa.Engine) -> None:
    holder = begun(engine)
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    with pytest.raises(RcsCancelledError):
        finish_schedule(engine, holder)


def test_a_campaign_that_is_sent_without_a_dispatch_is_not_scheduled_any_more(engine: sa.Engine) -> None:
    schedule = kept(engine)

    assert delete_schedule(engine, campaign(engine))
    assert not delete_schedule(engine, campaign(engine))

    assert scheduled_campaigns(engine) == []
    assert phones_claimed(engine, dispatch(engine, schedule)) == []


def test_an_attempt_that_lost_its_lease_neither_lists_nor_takes_over(engine: sa.Engine) -> None:
    schedule, asleep = kept(engine), new_attempt(engine)
    expire_lease(engine, asleep)

    with pytest.raises(RcsFencedError):
        begin_schedule(engine, asleep, NOON, SETTINGS)
    with pytest.raises(RcsFencedError):
        assign_scheduled_list(engine, asleep, schedule)


@pytest.mark.parametrize("variable", ODD_NAMES)
def test_who_has_no_value_for_a_variable_is_counted_whatever_its_name(engine: sa.Engine, variable: str) -> None:
    holder = new_attempt(engine)
    record_list(
        engine,
        holder,
        prepare_list_part(
            engine, [listed(ANA, variables={variable: "7"}), listed(BEA, variables={variable: ""}), listed(EVA)]
        ),
    )

    assert count_missing_variables(engine, holder, [variable]) == {variable: 2}


def test_nobody_is_without_a_variable_that_all_have_or_that_nobody_needs(engine: sa.Engine) -> None:
    holder = new_attempt(engine)
    record_list(engine, holder, prepare_list_part(engine, [listed(ANA, variables={"Importe": "7"})]))

    assert count_missing_variables(engine, holder, ["Importe"]) == count_missing_variables(engine, holder, []) == {}
