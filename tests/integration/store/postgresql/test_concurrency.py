"""What only a server shows: processes that change one store at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TypeVar

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import Campaign, open_campaign
from airflow_provider_rcs.store.db.tables import report
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import NOON, TERMS, accepted, new_attempt, claim_next, claim_and_dispatch, funnel, expire_lease, listed, phones, planned, report_on, rows, sent, states

T = TypeVar("T")
LONGEST_WAIT_SECONDS = 30
NAMES = [f"campaign {number}" for number in range(3)]


def at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """Run all works, each in its thread, from the same moment on."""
    gate = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        gate.wait(LONGEST_WAIT_SECONDS)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
        return [future.result(LONGEST_WAIT_SECONDS) for future in futures]


def claim_all(engine: sa.Engine, holder: Attempt, size: int) -> list[Claim]:
    claims = []
    while taken := claim_and_dispatch(engine, holder, size):
        claims.append(taken)
    return claims


@pytest.mark.parametrize("attempts", [1, 3])
def test_threads_that_claim_at_once_never_get_the_same_message(engine: sa.Engine, attempts: int) -> None:
    people = phones(120)
    holders = [planned(engine, people) for _ in range(attempts)]

    claims = at_once([partial(claim_all, engine, holder, 7) for holder in (holders * 3)[:3]])

    times = Counter(recipient.phone for each in claims for taken in each for recipient in taken.recipients)
    assert times == dict.fromkeys(people, 1)
    assert set(states(engine).values()) == {"sending"}


def test_attempts_that_list_at_once_plan_everyone_once(engine: sa.Engine) -> None:
    people = phones(200)

    at_once([lambda: planned(engine, people)] * 3)

    assert list(states(engine).values()) == ["planned"] * 200


def test_one_campaign_opened_by_several_at_once_is_one(engine: sa.Engine) -> None:
    opened: list[Campaign] = at_once([lambda: open_campaign(engine, "spring", TERMS, {"20": "read"})] * 8)

    assert opened == [opened[0]] * 8


def test_two_folds_at_once_take_up_every_report_once(engine: sa.Engine) -> None:
    claims = [sent(engine, phones(50), name, name) for name in NAMES]
    land(engine, [report_on(taken, phone) for taken in claims for phone in phones(50)], NOON)

    taken_up = at_once([lambda: fold(engine), lambda: fold(engine), lambda: fold_parked(engine)])

    assert sum(taken_up) == 150
    assert [funnel(engine, name).delivered for name in NAMES] == [50, 50, 50]


def test_folds_and_settles_at_once_end_as_if_one_came_after_the_other(engine: sa.Engine) -> None:
    holders = [planned(engine, phones(40), name) for name in NAMES]
    claims = [taken for holder in holders for taken in claim_all(engine, holder, 5)]

    def settle_all(some: Sequence[Claim]) -> None:
        for taken in some:
            settle(engine, [Settlement(taken, accepted(taken, str(taken.campaign_id)), "e-1")])

    def land_and_fold_all(some: Sequence[Claim]) -> None:
        for taken in some:
            for code in ("13", "11"):
                land(engine, [report_on(taken, each.phone, code) for each in taken.recipients], NOON)
                fold(engine)

    at_once(
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


def test_a_reply_and_a_burial_at_once_end_as_the_reply_says(engine: sa.Engine) -> None:
    claims = []
    for name in NAMES:
        holder = planned(engine, phones(20), name)
        claims.append((holder, claim_next(engine, holder)))
        expire_lease(engine, holder)

    for holder, taken in claims:
        works: list[Callable[[], object]] = [
            partial(settle, engine, taken, accepted(taken), "e-1"),
            partial(recover_dead_attempts, engine, holder.campaign),
        ]
        at_once(works)

    assert {state for name in NAMES for state in states(engine, name).values()} == {"accepted"}


def test_burials_at_once_count_nobody_twice(engine: sa.Engine) -> None:
    dead = planned(engine, phones(20))
    claim_all(engine, dead, 2)
    expire_lease(engine, dead)

    doubted = at_once([lambda: recover_dead_attempts(engine, dead.campaign)] * 3)

    assert sum(doubted) == 20
    assert set(states(engine).values()) == {"in_doubt"}


def test_a_list_and_claims_at_once_lose_nobody_and_repeat_nobody(engine: sa.Engine) -> None:
    people = phones(100)
    earlier, later = planned(engine, people[:50]), new_attempt(engine)

    def list_all() -> list[Claim]:
        for start in range(0, 100, 10):
            record_list(
                engine, later, prepare_list_part(engine, [listed(phone) for phone in people[start : start + 10]])
            )
        return []

    claims = [*at_once([list_all, lambda: claim_all(engine, earlier, 3)]), claim_all(engine, later, 100)]

    times = Counter(recipient.phone for each in claims for taken in each for recipient in taken.recipients)
    assert times == dict.fromkeys(people, 1)


def test_reports_that_land_while_others_are_folded_are_folded_in_the_end(engine: sa.Engine) -> None:
    taken = sent(engine, phones(60))

    def land_each(some: Sequence[str]) -> None:
        for phone in some:
            land(engine, [report_on(taken, phone)], NOON)

    def fold_often() -> None:
        for _ in range(20):
            fold(engine)

    at_once([lambda: land_each(phones(60)[:30]), lambda: land_each(phones(60)[30:]), fold_often])
    fold(engine)

    assert funnel(engine).delivered == 60
    with engine.connect() as connection:
        unfolded = sa.select(sa.func.count()).select_from(report).where(report.c.fold.is_(None))
        assert connection.execute(unfolded).scalar_one() == 0
