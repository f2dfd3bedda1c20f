"""Concurrent changes to one store on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import TypeVar

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.store.campaign.campaigns import Campaign, open_campaign
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import (
    NOON,
    TERMS,
    accepted,
    claim_and_dispatch,
    claim_next,
    expire_lease,
    funnel,
    listed,
    new_attempt,
    phones,
    planned,
    report_on,
    rows,
    sent,
    states,
)

T = TypeVar("T")
TIMEOUT_SECONDS = 30
NAMES = [f"campaign {number}" for number in range(3)]


def run_concurrently(functions: Sequence[Callable[[], T]]) -> list[T]:
    """Call all functions, each in its own thread, at the same time."""
    barrier = Barrier(len(functions))

    def run(function: Callable[[], T]) -> T:
        barrier.wait(TIMEOUT_SECONDS)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        futures = [pool.submit(run, function) for function in functions]
        return [future.result(TIMEOUT_SECONDS) for future in futures]


def claim_all(engine: sa.Engine, attempt: Attempt, size: int) -> list[Claim]:
    claims = []
    while claim := claim_and_dispatch(engine, attempt, size):
        claims.append(claim)
    return claims


@pytest.mark.parametrize("count", [1, 3])
def test_concurrent_claims_never_get_the_same_message(engine: sa.Engine, count: int) -> None:
    people = phones(120)
    attempts = [planned(engine, people) for _ in range(count)]

    claims = run_concurrently([partial(claim_all, engine, attempt, 7) for attempt in (attempts * 3)[:3]])

    counts = Counter(recipient.phone for each in claims for claim in each for recipient in claim.recipients)
    assert counts == dict.fromkeys(people, 1)
    assert set(states(engine).values()) == {"sending"}


def test_concurrent_claims_with_a_frequency_cap_never_exceed_it_and_leave_nobody_out(engine: sa.Engine) -> None:
    people, cap = phones(60), FrequencyCap(2, timedelta(days=7))
    names = [f"capped {number}" for number in range(5)]
    # In opposite orders, in which claims that lock one phone after the other would deadlock.
    attempts = [planned(engine, people[:: (-1) ** number], name) for number, name in enumerate(names)]

    def claim_under_cap(attempt: Attempt) -> None:
        while claim_batches(engine, attempt, 7, cap, requests=2):
            pass

    run_concurrently([partial(claim_under_cap, attempt) for attempt in attempts])

    sending = Counter(phone for name in names for phone, state in states(engine, name).items() if state == "sending")
    assert sending == dict.fromkeys(people, 2)


def test_concurrent_lists_plan_every_recipient_once(engine: sa.Engine) -> None:
    people = phones(200)

    run_concurrently([lambda: planned(engine, people)] * 3)

    assert list(states(engine).values()) == ["planned"] * 200


def test_campaign_opened_concurrently_is_created_once(engine: sa.Engine) -> None:
    opened: list[Campaign] = run_concurrently([lambda: open_campaign(engine, "spring", TERMS, {"20": "read"})] * 8)

    assert opened == [opened[0]] * 8


def test_concurrent_folds_fold_every_report_once(engine: sa.Engine) -> None:
    claims = [sent(engine, phones(50), name, name) for name in NAMES]
    land(engine, [report_on(claim, phone) for claim in claims for phone in phones(50)], NOON)

    folded = run_concurrently([lambda: fold(engine), lambda: fold(engine), lambda: fold_parked(engine)])

    assert sum(folded) == 150
    assert [funnel(engine, name).delivered for name in NAMES] == [50, 50, 50]


def test_concurrent_folds_and_settlements_end_as_if_run_one_after_another(engine: sa.Engine) -> None:
    attempts = [planned(engine, phones(40), name) for name in NAMES]
    claims = [claim for attempt in attempts for claim in claim_all(engine, attempt, 5)]

    def settle_all(some: Sequence[Claim]) -> None:
        for claim in some:
            settle(engine, [Settlement(claim, accepted(claim, str(claim.campaign_id)), "e-1")])

    def land_and_fold_all(some: Sequence[Claim]) -> None:
        for claim in some:
            for code in ("13", "12"):
                land(engine, [report_on(claim, each.phone, code) for each in claim.recipients], NOON)
                fold(engine)

    run_concurrently(
        [
            lambda: settle_all(claims[::2]),
            lambda: settle_all(claims[-1::-2]),
            lambda: land_and_fold_all(claims[: len(claims) // 2]),
            lambda: land_and_fold_all(claims[len(claims) // 2 :][::-1]),
        ]
    )

    ends = {
        (
            row.state,
            row.delivery_status,
            row.delivery_code,
            row.reason,
            row.api_message_id == f"{row.campaign_id}-{row.phone}",
        )
        for name in NAMES
        for row in rows(engine, name).values()
    }
    assert ends == {("accepted", "delivered", "13", "", True)}


def test_concurrent_reply_and_recovery_end_with_the_outcome_of_the_reply(engine: sa.Engine) -> None:
    dead = []
    for name in NAMES:
        attempt = planned(engine, phones(20), name)
        dead.append((attempt, claim_next(engine, attempt)))
        expire_lease(engine, attempt)

    for attempt, claim in dead:
        functions: list[Callable[[], object]] = [
            partial(settle, engine, [Settlement(claim, accepted(claim), "e-1")]),
            partial(recover_dead_attempts, engine, attempt.campaign),
        ]
        run_concurrently(functions)

    assert {state for name in NAMES for state in states(engine, name).values()} == {"accepted"}


def test_concurrent_recoveries_count_no_message_twice(engine: sa.Engine) -> None:
    dead = planned(engine, phones(20))
    claim_all(engine, dead, 2)
    expire_lease(engine, dead)

    in_doubt = run_concurrently([lambda: recover_dead_attempts(engine, dead.campaign)] * 3)

    assert sum(in_doubt) == 20
    assert set(states(engine).values()) == {"in_doubt"}


def test_concurrent_list_and_claims_lose_and_repeat_nobody(engine: sa.Engine) -> None:
    people = phones(100)
    earlier, later = planned(engine, people[:50]), new_attempt(engine)

    def list_all() -> list[Claim]:
        for start in range(0, 100, 10):
            record_list(
                engine, later, prepare_list_part(engine, [listed(phone) for phone in people[start : start + 10]])
            )
        return []

    claims = [*run_concurrently([list_all, lambda: claim_all(engine, earlier, 3)]), claim_all(engine, later, 100)]

    counts = Counter(recipient.phone for each in claims for claim in each for recipient in claim.recipients)
    assert counts == dict.fromkeys(people, 1)


def test_reports_that_land_during_folds_are_folded_in_the_end(engine: sa.Engine) -> None:
    claim = sent(engine, phones(60))

    def land_each(people: Sequence[str]) -> None:
        for phone in people:
            land(engine, [report_on(claim, phone)], NOON)

    def fold_often() -> None:
        for _ in range(20):
            fold(engine)

    run_concurrently([lambda: land_each(phones(60)[:30]), lambda: land_each(phones(60)[30:]), fold_often])
    fold(engine)

    assert funnel(engine).delivered == 60
    with engine.connect() as connection:
        unfolded = sa.select(sa.func.count()).select_from(report).where(report.c.fold.is_(None))
        assert connection.execute(unfolded).scalar_one() == 0


def test_a_report_whose_landing_commits_in_the_middle_of_a_fold_is_not_parked(engine: sa.Engine) -> None:
    claim = sent(engine, phones(3))
    land(engine, [report_on(claim, phones(3)[0])], NOON)
    with engine.begin() as connection:
        late = connection.exec_driver_sql("SELECT nextval('rcs_report_id_seq')").scalar_one()
    land(engine, [report_on(claim, phones(3)[2])], NOON)

    to_land = [{**report_on(claim, phones(3)[1])._asdict(), "id": late, "received_at": NOON}]

    def land_late(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE rcs_report") and to_land:
            with engine.begin() as another:
                another.execute(report.insert(), to_land.pop())

    sa.event.listen(engine, "after_cursor_execute", land_late)
    fold(engine)
    fold(engine)
    sa.event.remove(engine, "after_cursor_execute", land_late)

    assert funnel(engine).delivered == 3
