"""The funnel of a campaign."""

from __future__ import annotations

import json
from itertools import count

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsTooManyFailuresError
from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.outcomes import REJECTED_BY_SERVICE
from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, requeue_refused, settle
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel, read_funnels, require_failure_rate
from tests.examples import examples
from tests.unit.store.given import (
    ANA,
    BEA,
    campaign,
    claim_and_dispatch,
    claim_next,
    expire_lease,
    funnel,
    land_and_fold,
    listed,
    new_attempt,
    phones,
    planned,
    report_on,
    sent,
)

CODES = {"sent": "12", "delayed": "52", "failed": "50", "delivered": "13", "unknown": "99"}

names = count()


def counted(**changes: int) -> Funnel:
    states = {state: changes.get(state, 0) for state in MessageState}
    return Funnel(states, {status: changes.get(status, 0) for status in DeliveryStatus})


def list_everyone(engine: sa.Engine, holder: Attempt) -> None:
    record_list(
        engine, holder, prepare_list_part(engine, [*map(listed, [*phones(6), ANA, ANA]), listed(BEA, "no value")])
    )


def take_step(engine: sa.Engine, step: str, holders: list[Attempt], claims: list[Claim]) -> None:
    match step:
        case "claim":
            if taken := claim_and_dispatch(engine, holders[-1], 2):
                claims.append(taken)
        case "die":
            expire_lease(engine, holders[-1])
            recover_dead_attempts(engine, holders[-1].campaign)
            holders.append(new_attempt(engine, holders[-1].campaign.name))
            list_everyone(engine, holders[-1])
        case "settle" if claims:
            results = [MessageState.ACCEPTED, MessageState.REJECTED]
            taken = claims.pop()
            outcomes = [Outcome(each.phone, state) for each, state in zip(taken.recipients, results, strict=False)]
            settle(engine, [Settlement(taken, outcomes, "e-1")])
        case "requeue" if claims:
            requeue_refused(engine, claims.pop(), "refused")
        case "doubt" if claims:
            mark_in_doubt(engine, claims.pop(), "lost")
        case "report" if claims:
            land_and_fold(engine, report_on(claims[-1], claims[-1].recipients[0].phone))


STEPS = ["claim", "settle", "requeue", "doubt", "report", "die"]


def with_failures(*, messages: int, failed: int) -> Funnel:
    """Return the funnel of accepted messages of which some have failed and the others have no report."""
    states = dict.fromkeys(MessageState, 0) | {MessageState.ACCEPTED: messages}
    statuses = dict.fromkeys(DeliveryStatus, 0) | {DeliveryStatus.FAILED: failed}
    return Funnel(states, statuses, messages - failed)


def campaign_with_failures(engine: sa.Engine) -> Funnel:
    """Return the funnel of ten messages, of which the service rejected one, two failed and one was delivered.

    An eleventh recipient was rejected before sending.
    """
    people = phones(10)
    holder = planned(engine, people)
    record_list(engine, holder, prepare_list_part(engine, [listed("+34699999999", "phone: it is missing")]))
    taken = claim_next(engine, holder)
    refused = Outcome(people[0], MessageState.REJECTED, reason=REJECTED_BY_SERVICE)
    settle(
        engine,
        [Settlement(taken, [refused, *(Outcome(phone, MessageState.ACCEPTED, phone) for phone in people[1:])], "e-1")],
    )
    land_and_fold(
        engine, *(report_on(taken, phone, code) for phone, code in zip(people[1:], ["50", "54", "13"], strict=False))
    )
    return funnel(engine)


def test_a_campaign_that_does_not_exist_has_no_funnel(engine: sa.Engine) -> None:
    assert read_funnel(engine, "spring") is None


def test_the_funnel_of_a_campaign_without_recipients_is_all_zero(engine: sa.Engine) -> None:
    campaign(engine)

    read = funnel(engine)

    assert (read.requested, read.sendable, read.delivered, read.final, read.unreported) == (0, 0, 0, 0, 0)
    assert read.states.keys() == set(MessageState)


def test_each_recipient_is_in_exactly_one_state(engine: sa.Engine) -> None:
    holder = planned(engine, phones(5))
    record_list(engine, holder, prepare_list_part(engine, [listed("+34699999999", "no value")]))
    results = [MessageState.ACCEPTED, MessageState.REJECTED, MessageState.DUPLICATE, MessageState.IN_DOUBT]
    outcomes = [Outcome(phone, state) for phone, state in zip(phones(4), results, strict=True)]

    settle(engine, [Settlement(claim_next(engine, holder, 4), outcomes, "e-1")])

    states = {str(state): number for state, number in funnel(engine).states.items() if number}
    assert states == {"planned": 1, "accepted": 1, "rejected": 2, "duplicate": 1, "in_doubt": 1}


def test_repeats_on_the_list_are_duplicates(engine: sa.Engine) -> None:
    planned(engine, [ANA, ANA, ANA, BEA])

    assert (funnel(engine).requested, funnel(engine).states[MessageState.DUPLICATE]) == (4, 2)


@pytest.mark.parametrize("status", CODES)
def test_accepted_messages_are_counted_by_their_latest_status(engine: sa.Engine, status: str) -> None:
    land_and_fold(engine, report_on(sent(engine), code=CODES[status]))

    statuses = {str(each): number for each, number in funnel(engine).statuses.items() if number}
    assert statuses == {status: 1}


def test_accepted_messages_without_a_report_are_counted(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, ANA))

    assert funnel(engine).unreported == 1


def test_delivered_messages_are_counted_by_the_channel_that_delivered_them(engine: sa.Engine) -> None:
    taken = sent(engine, phones(5))
    campaign(engine, overrides={"20": "read"})
    by_rcs = [
        report_on(taken, phone, code) for phone, code in zip(phones(5), ["13", "20", "50", "50", "12"], strict=True)
    ]
    by_sms = [report_on(taken, phones(5)[2], "13", service="SMS"), report_on(taken, phones(5)[3], "50", service="SMS")]

    land_and_fold(engine, *by_rcs, *by_sms)

    assert funnel(engine).delivered_by_channel == {"RCS": 2, "SMS": 1}


def test_reasons_are_counted_by_state(engine: sa.Engine) -> None:
    holder = new_attempt(engine)
    record_list(
        engine,
        holder,
        prepare_list_part(engine, [listed(ANA, "no value"), listed(BEA, "no value"), listed("+34600000009")]),
    )
    mark_in_doubt(engine, claim_next(engine, holder), "the connection broke")

    assert funnel(engine).reasons == {
        MessageState.REJECTED: {"no value": 2},
        MessageState.IN_DOUBT: {"the connection broke": 1},
    }


def test_each_campaign_has_its_own_funnel(engine: sa.Engine) -> None:
    planned(engine, phones(3), "spring")
    planned(engine, phones(5), "summer")

    assert (funnel(engine, "spring").requested, funnel(engine, "summer").requested) == (3, 5)


def test_read_and_clicked_messages_are_delivered_and_final() -> None:
    read = counted(delivered=1, read=2, clicked=4, failed=8, sent=16, delayed=32, unknown=64)

    assert (read.delivered, read.final) == (7, 15)
    assert (read.reached("delivered"), read.reached("final")) == (7, 15)


def test_sendable_counts_the_recipients_that_a_message_can_reach() -> None:
    read = counted(planned=1, sending=2, accepted=4, in_doubt=8, rejected=16, duplicate=32, suppressed=64)

    assert (read.requested, read.sendable) == (127, 15)


@pytest.mark.parametrize(
    ("at_least", "needed"), [(0, 0), (0.5, 50), (0.07, 7), (0.55, 55), (0.56, 56), (0.555, 56), (0.999, 100), (1, 100)]
)
def test_a_share_of_the_sendable_is_rounded_up_to_whole_messages(at_least: float, needed: int) -> None:
    assert counted(accepted=100).needed(at_least) == needed


def test_a_funnel_as_a_dict_has_plain_values_for_xcom(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA))

    plain = funnel(engine).as_dict()

    assert json.loads(json.dumps(plain)) == plain
    assert (plain["requested"], plain["accepted"], plain["in_doubt"]) == (2, 2, 0)
    assert plain["statuses"] == {"delivered": 1, "unreported": 1}
    assert plain["delivered_by_channel"] == {"RCS": 1}


@pytest.mark.slow
@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=12))
def test_the_funnel_accounts_for_every_recipient_after_every_step(engine: sa.Engine, steps: list[str]) -> None:
    name = f"campaign {next(names)}"
    holders, claims = [new_attempt(engine, name)], list[Claim]()
    list_everyone(engine, holders[0])

    for step in steps:
        take_step(engine, step, holders, claims)

        assert funnel(engine, name).requested == 9


def test_several_funnels_are_read_at_once_without_unknown_campaigns(engine: sa.Engine) -> None:
    sent(engine, [ANA, BEA], "spring")
    planned(engine, [ANA], "autumn")
    campaign(engine, "winter")

    read = read_funnels(engine, ["autumn", "spring", "summer", "winter"])

    assert read == {name: read_funnel(engine, name) for name in ("autumn", "spring", "winter")}
    assert [funnel.requested for funnel in read.values()] == [2, 1, 0]


def test_accepted_messages_are_silent_until_the_first_report(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    before = funnel(engine).is_silent
    land_and_fold(engine, report_on(taken, code="99"))

    assert (before, funnel(engine).is_silent) == (True, False)


def test_a_campaign_of_which_nothing_was_accepted_is_not_silent(engine: sa.Engine) -> None:
    planned(engine, [ANA])

    assert not funnel(engine).is_silent


def test_rejections_by_the_service_count_as_failed_and_earlier_ones_do_not(
    engine: sa.Engine,
) -> None:
    counted = campaign_with_failures(engine)

    assert (counted.refused, counted.failed) == (1, 3)


def test_the_error_about_failures_shows_the_rate_and_the_counts_by_status(engine: sa.Engine) -> None:
    counted = campaign_with_failures(engine)

    with pytest.raises(RcsTooManyFailuresError) as refused:
        require_failure_rate("spring", counted, 0.25)

    assert str(refused.value).startswith(
        "campaign 'spring': 3 of its 10 messages have failed (30.0%), and max_failure_rate=0.25 allows 25.0%. "
        f"2 failed, 1 delivered, 6 without a report, 1 rejected ({REJECTED_BY_SERVICE}). "
    )


@pytest.mark.parametrize(
    ("messages", "failed", "max_failure_rate"), [(100, 7, 0.07), (100, 0, 0), (0, 0, 0), (3, 1, 0.34)]
)
def test_a_failure_rate_at_the_limit_raises_nothing(messages: int, failed: int, max_failure_rate: float) -> None:
    require_failure_rate("spring", with_failures(messages=messages, failed=failed), max_failure_rate)


@pytest.mark.parametrize(("messages", "failed", "max_failure_rate"), [(100, 8, 0.07), (100, 1, 0), (3, 1, 0.33)])
def test_a_failure_rate_above_the_limit_raises(messages: int, failed: int, max_failure_rate: float) -> None:
    with pytest.raises(RcsTooManyFailuresError):
        require_failure_rate("spring", with_failures(messages=messages, failed=failed), max_failure_rate)


def test_a_single_early_failure_is_not_a_rate_of_all_messages() -> None:
    require_failure_rate("spring", with_failures(messages=100, failed=1), 0.02)
