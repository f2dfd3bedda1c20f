"""Whose recipients an attempt at a shard is concerned with."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.outbox.attempts import Attempt, count_shard_states
from airflow_provider_rcs.store.outbox.claims import has_planned
from airflow_provider_rcs.store.outbox.recovery import seconds_until_other_attempts_end
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from tests.one_request import claim_batch
from tests.unit.store.given import ANA, BEA, EVA, claim, planned, states

FIRST, SECOND = "1/2", "2/2"


def claimed_phones(engine: sa.Engine, attempt: Attempt) -> list[str]:
    return [recipient.phone for recipient in claim(engine, attempt).recipients]


def test_whoever_is_on_the_list_of_another_shard_is_left_to_it(engine: sa.Engine) -> None:
    first, second = planned(engine, [ANA], shard=FIRST), planned(engine, [BEA], shard=SECOND)

    assert claimed_phones(engine, first) == [ANA]
    assert claim_batch(engine, first, 10) is None
    assert states(engine)[BEA] == "planned"
    assert has_planned(engine, second)
    assert not has_planned(engine, first)


def test_whoever_is_on_the_list_of_a_later_attempt_at_the_same_shard_is_claimed_by_the_earlier_one_too(
    engine: sa.Engine,
) -> None:
    earlier = planned(engine, [ANA], shard=FIRST)
    planned(engine, [BEA], shard=SECOND)
    planned(engine, [ANA, EVA], shard=FIRST)

    assert claimed_phones(engine, earlier) == [ANA, EVA]


def test_whom_a_shard_took_over_is_not_sent_to_by_the_whole_lists_attempt_any_more(engine: sa.Engine) -> None:
    whole = planned(engine, [ANA, BEA])
    planned(engine, [BEA], shard=SECOND)

    assert claimed_phones(engine, whole) == [ANA]
    assert claim_batch(engine, whole, 10) is None


def test_requests_of_another_shard_are_not_waited_for(engine: sa.Engine) -> None:
    claim(engine, planned(engine, [ANA], shard=FIRST))

    assert seconds_until_other_attempts_end(engine, planned(engine, [BEA], shard=SECOND)) == 0


def test_requests_of_another_attempt_at_the_same_shard_are_waited_for(engine: sa.Engine) -> None:
    claim(engine, planned(engine, [ANA], shard=FIRST))

    assert seconds_until_other_attempts_end(engine, planned(engine, [ANA], shard=FIRST)) > 0


def test_a_request_that_was_made_for_the_whole_list_is_waited_for_by_the_shard_that_it_concerns(
    engine: sa.Engine,
) -> None:
    claim(engine, planned(engine, [ANA, BEA]), 1)
    first, second = planned(engine, [ANA], shard=FIRST), planned(engine, [BEA], shard=SECOND)

    assert seconds_until_other_attempts_end(engine, first) > 0
    assert seconds_until_other_attempts_end(engine, second) == 0


def test_what_is_in_doubt_in_a_shard_is_told_of_it_alone_also_where_an_earlier_attempt_left_it(
    engine: sa.Engine,
) -> None:
    earlier = planned(engine, [ANA, EVA], shard=FIRST)
    mark_in_doubt(engine, claim(engine, earlier, 1), "the connection broke")
    again, second = planned(engine, [EVA], shard=FIRST), planned(engine, [BEA], shard=SECOND)

    assert count_shard_states(engine, again) == {MessageState.IN_DOUBT: 1, MessageState.PLANNED: 1}
    assert count_shard_states(engine, second) == {MessageState.PLANNED: 1}


def test_the_shard_of_one_campaign_is_not_that_of_another(engine: sa.Engine) -> None:
    planned(engine, [ANA], "summer", shard=FIRST)

    assert count_shard_states(engine, planned(engine, [], "spring", shard=FIRST)) == {}
