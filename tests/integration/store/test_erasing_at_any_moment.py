"""Erasing and pruning between any steps of a campaign: nobody is claimed twice, and nobody is lost from the books."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count as numbers

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsFencedError, RcsInFlightError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, requeue_refused, settle
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.retention import RetentionLimit, prune
from tests.unit.store.given import accepted, new_attempt, campaign, claim_and_dispatch, funnel, expire_lease, listed, phones, land_and_fold, report_on, rows

PEOPLE = phones(4)
NAMES = (f"campaign {number}" for number in numbers())

STEPS = st.one_of(
    st.tuples(st.just("list"), st.sets(st.sampled_from(PEOPLE), min_size=1)),
    st.tuples(st.sampled_from(["claim", "accept", "doubt", "release", "die", "report", "prune"]), st.none()),
    st.tuples(st.just("erase"), st.sampled_from(PEOPLE)),
)


@dataclass
class Campaign:
    """A campaign, and what may have reached whom, as the service would know it."""

    engine: sa.Engine
    name: str = field(default_factory=lambda: next(NAMES))
    holder: Attempt | None = None
    open: list[Claim] = field(default_factory=list)
    doubted: list[Claim] = field(default_factory=list)
    claimed: Counter[str] = field(default_factory=Counter)
    listed: set[str] = field(default_factory=set)

    def list(self, people: set[str]) -> None:
        self.holder = new_attempt(self.engine, self.name)
        record_list(
            self.engine, self.holder, prepare_list_part(self.engine, [listed(phone) for phone in sorted(people)])
        )
        self.listed |= people

    def claim(self, _: None = None, size: int = 2) -> None:
        if self.holder is None:
            return
        with suppress(RcsFencedError):
            if taken := claim_and_dispatch(self.engine, self.holder, size):
                self.open.append(taken)
                self.claimed.update(recipient.phone for recipient in taken.recipients)

    def accept(self, _: None) -> None:
        for taken in self.open[:1]:
            settle(self.engine, [Settlement(taken, accepted(taken, str(taken.request_id)), "e-1")])
        del self.open[:1]

    def doubt(self, _: None) -> None:
        for taken in self.open[:1]:
            mark_in_doubt(self.engine, taken, "the connection broke")
        self.doubted += self.open[:1]
        del self.open[:1]

    def release(self, _: None) -> None:
        """A refusal comes: of a request under way or, late, of one that was taken for lost."""
        for taken in (self.open or self.doubted)[:1]:
            requeue_refused(self.engine, taken, "too many requests")
            self.claimed.subtract(recipient.phone for recipient in taken.recipients)
        del (self.open or self.doubted)[:1]

    def die(self, _: None) -> None:
        if self.holder is not None:
            expire_lease(self.engine, self.holder)
            recover_dead_attempts(self.engine, self.holder.campaign)

    def report(self, _: None) -> None:
        """A report comes on the first recipient of a request whose reply was lost."""
        for taken in self.doubted[:1]:
            land_and_fold(self.engine, report_on(taken, taken.recipients[0].phone))
        del self.doubted[:1]

    def prune(self, _: None) -> None:
        """Prune the campaign, all of which is old."""
        if self.holder is not None:
            limit = RetentionLimit(datetime.now(UTC) + timedelta(days=1), self.holder.campaign.id)
            deque(prune(self.engine, limit), maxlen=0)

    def erase(self, phone: str) -> None:
        with suppress(RcsInFlightError):
            erase(self.engine, phone, "a test")


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_nobody_is_claimed_twice_and_everyone_listed_is_in_the_books_once(
    engine: sa.Engine, steps: list[tuple[str, object]]
) -> None:
    sending = Campaign(engine)
    campaign(engine, sending.name)

    for step, argument in [*steps, ("list", set(PEOPLE))]:
        getattr(sending, step)(argument)
    sending.claim(size=100)

    assert max(sending.claimed.values(), default=0) <= 1
    assert funnel(engine, sending.name).requested == len(PEOPLE)
    suppressed = funnel(engine, sending.name).states[MessageState.SUPPRESSED]
    assert sum(sending.claimed.values()) == len(PEOPLE) - suppressed
    assert funnel(engine, sending.name).states[MessageState.PLANNED] == 0
    assert all(each.phone or each.state != "planned" for each in rows(engine, sending.name).values())
