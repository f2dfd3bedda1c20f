"""Attempts, their leases and their shards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsFencedError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.schedules import begin_schedule
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.outbox.attempts import (
    ActiveAttempt,
    Attempt,
    StartedBy,
    begin_attempt,
    count_shard_states,
    end_attempt,
    renew_lease,
    require_active,
)
from airflow_provider_rcs.store.outbox.claims import claim_batches, has_planned
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, requeue_unsent, settle
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
    planned,
    states,
)

MINUTE = timedelta(minutes=1)
FIRST, SECOND = "1/2", "2/2"


def lease_left(engine: sa.Engine, attempt: Attempt) -> timedelta:
    with engine.connect() as connection:
        until = connection.execute(sa.select(attempts.c.lease_until).where(attempts.c.id == attempt.id)).scalar_one()
        left: timedelta = until - database_now(connection)
        return left


def set_lease(engine: sa.Engine, attempt: Attempt, left: timedelta) -> None:
    with engine.begin() as connection:
        until = database_now(connection) + left
        connection.execute(attempts.update().where(attempts.c.id == attempt.id).values(lease_until=until))


def has_ended(engine: sa.Engine, attempt: Attempt) -> bool:
    with engine.connect() as connection:
        ended = connection.execute(sa.select(attempts.c.ended_at).where(attempts.c.id == attempt.id)).scalar_one()
        return ended is not None


def claimed_phones(engine: sa.Engine, attempt: Attempt) -> list[str]:
    return [recipient.phone for recipient in claim_next(engine, attempt).recipients]


def test_new_attempt_has_the_requested_lease(engine: sa.Engine) -> None:
    attempt = new_attempt(engine, lease=5 * MINUTE)

    assert 4 * MINUTE < lease_left(engine, attempt) <= 5 * MINUTE


def test_later_attempts_have_higher_ids(engine: sa.Engine) -> None:
    assert new_attempt(engine).id < new_attempt(engine).id < new_attempt(engine, "summer").id


def test_attempt_records_the_task_that_makes_it_in_columns_of_its_own(engine: sa.Engine) -> None:
    task = StartedBy("shop", "send", "manual", 3, 2, host="worker-1", process=77)

    attempt = begin_attempt(engine, campaign(engine), task, MINUTE)

    with engine.connect() as connection:
        row = connection.execute(sa.select(attempts).where(attempts.c.id == attempt.id)).one()
    assert (row.dag_id, row.task_id, row.run_id, row.map_index, row.try_number) == ("shop", "send", "manual", 3, 2)
    assert (row.started_by, row.host, row.process) == ("", "worker-1", 77)


@pytest.mark.parametrize(
    ("started_by", "text"),
    [
        (StartedBy("shop", "send", "manual", -1, 2), "shop/send/manual, try 2"),
        (StartedBy("shop", "send", "manual", 3, 2), "shop/send[3]/manual, try 2"),
        (StartedBy("shop", "send"), "shop/send, without a run"),
        (StartedBy(started_by="mar with a notebook"), "mar with a notebook"),
    ],
)
def test_what_makes_an_attempt_is_shown_with_the_process_that_does(started_by: StartedBy, text: str) -> None:
    assert str(replace(started_by, host="worker-1", process=77)) == f"{text} (worker-1, process 77)"


def test_renewing_restores_the_full_lease(engine: sa.Engine) -> None:
    attempt = new_attempt(engine, lease=5 * MINUTE)
    set_lease(engine, attempt, MINUTE)

    renew_lease(engine, attempt)

    assert 4 * MINUTE < lease_left(engine, attempt) <= 5 * MINUTE


def test_renewing_does_not_change_other_leases(engine: sa.Engine) -> None:
    attempt, other = new_attempt(engine, lease=5 * MINUTE), new_attempt(engine, lease=MINUTE)

    renew_lease(engine, attempt)

    assert lease_left(engine, other) <= MINUTE


def test_expired_lease_cannot_be_renewed(engine: sa.Engine) -> None:
    fenced = new_attempt(engine)
    expire_lease(engine, fenced)

    explained = (
        "^this attempt at the campaign was suspended for longer than its lease, and another attempt may have taken "
        "over its recipients; it sends nothing more. Retry the task: it continues where the campaign stands.$"
    )
    with pytest.raises(RcsFencedError, match=explained):
        renew_lease(engine, fenced)

    assert lease_left(engine, fenced) < timedelta(0)


@pytest.mark.postgresql
def test_each_change_of_a_lease_is_durable_where_the_database_confirms_early(postgres_engine: sa.Engine) -> None:
    lasting = []

    def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(("INSERT INTO rcs_attempt", "UPDATE rcs_attempt")):
            lasting.append("set_config('synchronous_commit', 'on', true)" in statement)

    sa.event.listen(postgres_engine, "after_cursor_execute", executed)
    attempt = new_attempt(postgres_engine)
    renew_lease(postgres_engine, attempt)
    end_attempt(postgres_engine, attempt)
    sa.event.remove(postgres_engine, "after_cursor_execute", executed)

    assert lasting == [True, True, True]


def test_ended_attempt_has_no_lease(engine: sa.Engine) -> None:
    attempt = new_attempt(engine)

    end_attempt(engine, attempt)

    with pytest.raises(RcsFencedError):
        renew_lease(engine, attempt)


def test_running_lease_passes_the_check(engine: sa.Engine) -> None:
    attempt = new_attempt(engine)

    with engine.connect() as connection:
        active = require_active(connection, attempt)

    assert active == ActiveAttempt([attempt.id], revision=0, is_pseudonymised=False)


def test_attempt_ends_when_all_its_requests_have_outcomes(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    claim = claim_next(engine, attempt)
    settle(engine, [Settlement(claim, accepted(claim), "e-1")])

    end_attempt(engine, attempt)

    assert has_ended(engine, attempt)


def test_attempt_with_a_dispatched_request_does_not_end(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    claim_next(engine, attempt)

    end_attempt(engine, attempt)

    assert not has_ended(engine, attempt)


def test_attempt_with_a_claimed_request_does_not_end(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    claim_batches(engine, attempt, 1)

    end_attempt(engine, attempt)

    assert not has_ended(engine, attempt)


def test_attempt_that_requeued_its_claims_ends(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    requeue_unsent(engine, claim_batches(engine, attempt, 1))

    end_attempt(engine, attempt)

    assert has_ended(engine, attempt)


def test_attempt_ends_while_another_one_is_sending_and_leaves_it_its_lease(engine: sa.Engine) -> None:
    sending, idle = planned(engine, [ANA], shard=FIRST), planned(engine, [BEA], shard=SECOND)
    claim_next(engine, sending)
    unused = new_attempt(engine)

    end_attempt(engine, idle)

    assert has_ended(engine, idle)
    assert not has_ended(engine, sending)
    assert not has_ended(engine, unused)


def test_ending_twice_keeps_the_first_time(engine: sa.Engine) -> None:
    attempt = new_attempt(engine)
    end_attempt(engine, attempt)
    with engine.connect() as connection:
        first = connection.execute(sa.select(attempts.c.ended_at)).scalar_one()

    end_attempt(engine, attempt)

    with engine.connect() as connection:
        assert connection.execute(sa.select(attempts.c.ended_at)).scalar_one() == first


def test_recipients_of_another_shard_are_not_claimed(engine: sa.Engine) -> None:
    first, second = planned(engine, [ANA], shard=FIRST), planned(engine, [BEA], shard=SECOND)

    assert claimed_phones(engine, first) == [ANA]
    assert claim_and_dispatch(engine, first, 10) is None
    assert states(engine)[BEA] == "planned"
    assert has_planned(engine, second)
    assert not has_planned(engine, first)


def test_earlier_attempt_claims_the_list_of_a_later_attempt_at_its_shard(engine: sa.Engine) -> None:
    earlier = planned(engine, [ANA], shard=FIRST)
    planned(engine, [BEA], shard=SECOND)
    planned(engine, [ANA, EVA], shard=FIRST)

    assert claimed_phones(engine, earlier) == [ANA, EVA]


def test_earlier_attempt_claims_a_later_list_beside_an_incomplete_one_to_be_scheduled(engine: sa.Engine) -> None:
    earlier = planned(engine, [ANA])
    scheduling = new_attempt(engine)
    begin_schedule(engine, scheduling, NOON, {})
    record_list(engine, scheduling, prepare_list_part(engine, [listed(EVA)]))
    planned(engine, [ANA, BEA])

    assert claimed_phones(engine, earlier) == [ANA, BEA]


def test_attempt_that_schedules_may_count_its_own_list_before_it_is_complete(engine: sa.Engine) -> None:
    scheduling = new_attempt(engine)
    begin_schedule(engine, scheduling, NOON, {})
    record_list(engine, scheduling, prepare_list_part(engine, [listed(ANA)]))

    assert has_planned(engine, scheduling)


def test_attempt_at_the_whole_list_does_not_claim_what_a_shard_listed_since(engine: sa.Engine) -> None:
    whole = planned(engine, [ANA, BEA])
    planned(engine, [BEA], shard=SECOND)

    assert claimed_phones(engine, whole) == [ANA]
    assert claim_and_dispatch(engine, whole, 10) is None


def test_doubt_left_by_an_earlier_attempt_is_counted_for_its_own_shard_only(engine: sa.Engine) -> None:
    earlier = planned(engine, [ANA, EVA], shard=FIRST)
    mark_in_doubt(engine, claim_next(engine, earlier, 1), "the connection broke")
    again, second = planned(engine, [EVA], shard=FIRST), planned(engine, [BEA], shard=SECOND)

    assert count_shard_states(engine, again) == {MessageState.IN_DOUBT: 1, MessageState.PLANNED: 1}
    assert count_shard_states(engine, second) == {MessageState.PLANNED: 1}


def test_shards_of_different_campaigns_are_independent(engine: sa.Engine) -> None:
    planned(engine, [ANA], "summer", shard=FIRST)

    assert count_shard_states(engine, planned(engine, [], "spring", shard=FIRST)) == {}
