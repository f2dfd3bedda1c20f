"""Erasure and retention between any steps of a campaign."""

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
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from tests.unit.store.given import (
    accepted,
    campaign,
    claim_and_dispatch,
    expire_lease,
    funnel,
    land_and_fold,
    listed,
    new_attempt,
    phones,
    report_on,
    rows,
)

PEOPLE = phones(4)
NAMES = (f"campaign {number}" for number in numbers())

STEPS = st.one_of(
    st.tuples(st.just("list"), st.sets(st.sampled_from(PEOPLE), min_size=1)),
    st.tuples(st.sampled_from(["claim", "accept", "doubt", "refuse", "die", "report", "prune"]), st.none()),
    st.tuples(st.just("erase"), st.sampled_from(PEOPLE)),
)


@dataclass
class Campaign:
    """A campaign, and how often each recipient may have been messaged, as the service would know it."""

    engine: sa.Engine
    name: str = field(default_factory=lambda: next(NAMES))
    attempt: Attempt | None = None
    in_flight: list[Claim] = field(default_factory=list)
    in_doubt: list[Claim] = field(default_factory=list)
    claimed: Counter[str] = field(default_factory=Counter)
    listed: set[str] = field(default_factory=set)

    def list(self, people: set[str]) -> None:
        self.attempt = new_attempt(self.engine, self.name)
        record_list(
            self.engine, self.attempt, prepare_list_part(self.engine, [listed(phone) for phone in sorted(people)])
        )
        self.listed |= people

    def claim(self, _: None = None, size: int = 2) -> None:
        if self.attempt is None:
            return
        with suppress(RcsFencedError):
            if claim := claim_and_dispatch(self.engine, self.attempt, size):
                self.in_flight.append(claim)
                self.claimed.update(recipient.phone for recipient in claim.recipients)

    def accept(self, _: None) -> None:
        for claim in self.in_flight[:1]:
            settle(self.engine, [Settlement(claim, accepted(claim, str(claim.request_id)), "e-1")])
        del self.in_flight[:1]

    def doubt(self, _: None) -> None:
        for claim in self.in_flight[:1]:
            mark_in_doubt(self.engine, claim, "the connection broke")
        self.in_doubt += self.in_flight[:1]
        del self.in_flight[:1]

    def refuse(self, _: None) -> None:
        """Refuse a request in flight or, late, one whose reply was considered lost."""
        for claim in (self.in_flight or self.in_doubt)[:1]:
            requeue_refused(self.engine, claim, "too many requests")
            self.claimed.subtract(recipient.phone for recipient in claim.recipients)
        del (self.in_flight or self.in_doubt)[:1]

    def die(self, _: None) -> None:
        if self.attempt is not None:
            expire_lease(self.engine, self.attempt)
            recover_dead_attempts(self.engine, self.attempt.campaign)

    def report(self, _: None) -> None:
        """Land a report on the first recipient of a request whose reply was lost."""
        for claim in self.in_doubt[:1]:
            land_and_fold(self.engine, report_on(claim, claim.recipients[0].phone))
        del self.in_doubt[:1]

    def prune(self, _: None) -> None:
        """Apply a retention limit by which all of the campaign is old."""
        if self.attempt is not None:
            limit = RetentionLimit(datetime.now(UTC) + timedelta(days=1), self.attempt.campaign.id)
            deque(prune(self.engine, limit), maxlen=0)

    def erase(self, phone: str) -> None:
        with suppress(RcsInFlightError):
            erase(self.engine, phone, "a test")


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
def test_nobody_is_claimed_twice_and_every_listed_recipient_is_counted_once(
    engine: sa.Engine, steps: list[tuple[str, object]]
) -> None:
    tested = Campaign(engine)
    campaign(engine, tested.name)

    for step, argument in [*steps, ("list", set(PEOPLE))]:
        getattr(tested, step)(argument)
    tested.claim(size=100)

    assert max(tested.claimed.values(), default=0) <= 1
    assert funnel(engine, tested.name).requested == len(PEOPLE)
    suppressed = funnel(engine, tested.name).states[MessageState.SUPPRESSED]
    assert sum(tested.claimed.values()) == len(PEOPLE) - suppressed
    assert funnel(engine, tested.name).states[MessageState.PLANNED] == 0
    assert all(each.phone or each.state != "planned" for each in rows(engine, tested.name).values())
