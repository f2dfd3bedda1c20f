"""Attempts, of which the live ones are told from the dead ones by their leases."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsFencedError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.outbox.attempts import (
    Attempt,
    begin_attempt,
    count_shard_states,
    end_attempt,
    renew_lease,
    require_lease,
)
from airflow_provider_rcs.store.outbox.claims import claim_batches, has_planned
from airflow_provider_rcs.store.outbox.recovery import seconds_until_other_attempts_end
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, requeue_unsent, settle
from tests.unit.store.given import ANA, BEA, EVA, accepted, new_attempt, campaign, claim_next, claim_and_dispatch, expire_lease, planned, states

MINUTE = timedelta(minutes=1)


def lease_left(engine: sa.Engine, held: Attempt) -> timedelta:
    with engine.connect() as connection:
        until = connection.execute(sa.select(attempts.c.lease_until).where(attempts.c.id == held.id)).scalar_one()
        left: timedelta = until - database_now(connection)
        return left


def set_lease(engine: sa.Engine, held: Attempt, left: timedelta) -> None:
    with engine.begin() as connection:
        until = database_now(connection) + left
        connection.execute(attempts.update().where(attempts.c.id == held.id).values(lease_until=until))


def is_over(engine: sa.Engine, held: Attempt) -> bool:
    with engine.connect() as connection:
        ended = connection.execute(sa.select(attempts.c.ended_at).where(attempts.c.id == held.id)).scalar_one()
        return ended is not None


def test_an_attempt_begins_with_the_lease_that_it_asked_for(engine: sa.Engine) -> None:
    begun = new_attempt(engine, lease=5 * MINUTE)

    assert 4 * MINUTE < lease_left(engine, begun) <= 5 * MINUTE


def test_later_attempts_have_higher_numbers(engine: sa.Engine) -> None:
    assert new_attempt(engine).id < new_attempt(engine).id < new_attempt(engine, "summer").id


def test_an_attempt_says_who_made_it(engine: sa.Engine) -> None:
    begun = begin_attempt(engine, campaign(engine), "dag/task on host", MINUTE)

    with engine.connect() as connection:
        started_by = connection.execute(sa.select(attempts.c.started_by).where(attempts.c.id == begun.id)).scalar_one()
    assert started_by == "dag/task on host"


def test_renewing_gives_the_whole_lease_again(engine: sa.Engine) -> None:
    held = new_attempt(engine, lease=5 * MINUTE)
    set_lease(engine, held, MINUTE)

    renew_lease(engine, held)

    assert 4 * MINUTE < lease_left(engine, held) <= 5 * MINUTE


def test_renewing_leaves_the_leases_of_others(engine: sa.Engine) -> None:
    held, other = new_attempt(engine, lease=5 * MINUTE), new_attempt(engine, lease=MINUTE)

    renew_lease(engine, held)

    assert lease_left(engine, other) <= MINUTE


def test_a_lease_that_ran_out_cannot_be_renewed(engine: sa.Engine) -> None:
    fenced = new_attempt(engine)
    expire_lease(engine, fenced)

    with pytest.raises(RcsFencedError, match="Retry the task"):
        renew_lease(engine, fenced)

    assert lease_left(engine, fenced) < timedelta(0)


def test_an_attempt_that_was_ended_holds_no_lease_any_more(engine: sa.Engine) -> None:
    held = new_attempt(engine)

    end_attempt(engine, held)

    with pytest.raises(RcsFencedError):
        renew_lease(engine, held)


def test_a_lease_that_runs_is_no_error(engine: sa.Engine) -> None:
    held = new_attempt(engine)

    with engine.connect() as connection:
        require_lease(connection, held.id)


def test_an_attempt_is_over_once_its_requests_have_outcomes(engine: sa.Engine) -> None:
    held = planned(engine, ["34600000001"])
    taken = claim_next(engine, held)
    settle(engine, [Settlement(taken, accepted(taken), "e-1")])

    end_attempt(engine, held)

    assert is_over(engine, held)


def test_an_attempt_that_leaves_a_request_without_an_outcome_is_not_over(engine: sa.Engine) -> None:
    held = planned(engine, ["34600000001"])
    claim_next(engine, held)

    end_attempt(engine, held)

    assert not is_over(engine, held)


def test_an_attempt_that_leaves_a_request_claimed_is_not_over(engine: sa.Engine) -> None:
    held = planned(engine, ["34600000001"])
    claim_batches(engine, held, 1)

    end_attempt(engine, held)

    assert not is_over(engine, held)


def test_an_attempt_that_gave_back_what_it_had_claimed_is_over(engine: sa.Engine) -> None:
    held = planned(engine, ["34600000001"])
    requeue_unsent(engine, claim_batches(engine, held, 1))

    end_attempt(engine, held)

    assert is_over(engine, held)


def test_ending_twice_keeps_the_first_end(engine: sa.Engine) -> None:
    held = new_attempt(engine)
    end_attempt(engine, held)
    with engine.connect() as connection:
        first = connection.execute(sa.select(attempts.c.ended_at)).scalar_one()

    end_attempt(engine, held)

    with engine.connect() as connection:
        assert connection.execute(sa.select(attempts.c.ended_at)).scalar_one() == first


FIRST, SECOND = "1/2", "2/2"


def claimed_phones(engine: sa.Engine, attempt: Attempt) -> list[str]:
    return [recipient.phone for recipient in claim_next(engine, new_attempt).recipients]


def test_whoever_is_on_the_list_of_another_shard_is_left_to_it(engine: sa.Engine) -> None:
    first, second = planned(engine, [ANA], shard=FIRST), planned(engine, [BEA], shard=SECOND)

    assert claimed_phones(engine, first) == [ANA]
    assert claim_and_dispatch(engine, first, 10) is None
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
    assert claim_and_dispatch(engine, whole, 10) is None


def test_requests_of_another_shard_are_not_waited_for(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, [ANA], shard=FIRST))

    assert seconds_until_other_attempts_end(engine, planned(engine, [BEA], shard=SECOND)) == 0


def test_requests_of_another_attempt_at_the_same_shard_are_waited_for(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, [ANA], shard=FIRST))

    assert seconds_until_other_attempts_end(engine, planned(engine, [ANA], shard=FIRST)) > 0


def test_a_request_that_was_made_for_the_whole_list_is_waited_for_by_the_shard_that_it_concerns(
    engine: sa.Engine,
) -> None:
    claim_next(engine, planned(engine, [ANA, BEA]), 1)
    first, second = planned(engine, [ANA], shard=FIRST), planned(engine, [BEA], shard=SECOND)

    assert seconds_until_other_attempts_end(engine, first) > 0
    assert seconds_until_other_attempts_end(engine, second) == 0


def test_what_is_in_doubt_in_a_shard_is_told_of_it_alone_also_where_an_earlier_attempt_left_it(
    engine: sa.Engine,
) -> None:
    earlier = planned(engine, [ANA, EVA], shard=FIRST)
    mark_in_doubt(engine, claim_next(engine, earlier, 1), "the connection broke")
    again, second = planned(engine, [EVA], shard=FIRST), planned(engine, [BEA], shard=SECOND)

    assert count_shard_states(engine, again) == {MessageState.IN_DOUBT: 1, MessageState.PLANNED: 1}
    assert count_shard_states(engine, second) == {MessageState.PLANNED: 1}


def test_the_shard_of_one_campaign_is_not_that_of_another(engine: sa.Engine) -> None:
    planned(engine, [ANA], "summer", shard=FIRST)

    assert count_shard_states(engine, planned(engine, [], "spring", shard=FIRST)) == {}
