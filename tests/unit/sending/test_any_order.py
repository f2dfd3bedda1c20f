"""Sends, shards, dates, cancellations, erasures and prunings in any order: nobody twice, none lost, none in spite."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count as numbers

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsError, RcsOutcomeUnknown, RcsUnavailable
from airflow_provider_rcs.api.models import SendRequest, SendResult
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.recipients.selection import Selection
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.scheduled import dispatch_campaign
from airflow_provider_rcs.sending.sender import ServiceConnection
from airflow_provider_rcs.store.campaign.campaigns import require_campaign
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.campaign.schedules import scheduled_campaigns
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, requests_in_doubt, resolve_request
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.retention import RetentionLimit, prune
from tests.unit.sending.test_scheduled import LEASE, PLAIN, SOON, TEMPLATE, schedule
from tests.unit.store.given import funnel, phones, rows, states

PEOPLE = phones(6)
NAMES = (f"campaign {number}" for number in numbers())
PARTS = [Selection(), Selection((1, 2)), Selection((2, 2)), Selection((1, 3)), Selection(sample=0.5)]

SOME = st.sets(st.sampled_from(PEOPLE), min_size=1).map(sorted)
STEPS = st.one_of(
    st.tuples(st.just("send"), SOME, st.sampled_from(PARTS)),
    st.tuples(st.just("schedule"), SOME, st.sampled_from([PARTS[0], PARTS[-1]])),
    st.tuples(st.sampled_from(["dispatch", "dispatch", "resolve", "prune", "cancel"])),
    st.tuples(st.just("erase"), st.sampled_from(PEOPLE)),
)
REPLIES = st.lists(st.sampled_from(["accepted", "accepted", "refused", "lost", "never came"]), max_size=12)


@dataclass
class Campaign:
    """A campaign, and a service that remembers whom it messaged; what may be sent no more must not reach it."""

    engine: sa.Engine
    replies: list[str]
    name: str = field(default_factory=lambda: next(NAMES))
    messaged: Counter[str] = field(default_factory=Counter)
    was_accepted: dict[str, bool] = field(default_factory=dict)
    out: set[str] = field(default_factory=set)

    def reply(self, request: SendRequest) -> SendResult:
        people = [recipient.phone for recipient in request.recipients]
        assert not self.out & set(people)
        what = self.replies.pop() if self.replies else "accepted"
        if what == "refused":
            raise RcsUnavailable("not now")
        self.was_accepted[request.campaign_reference] = what != "never came"
        if what != "never came":
            self.messaged.update(people)
        if what != "accepted":
            raise RcsOutcomeUnknown("no reply")
        return SendResult(len(people), "77", {phone: f"{self.name}-{phone}" for phone in people})

    def send(self, people: list[str], part: Selection) -> None:
        kept = replace(PLAIN, campaign=self.name, scheduled_by="service", selection=part, batch_size=2, max_in_flight=1)
        chunks, service = [{"phone": people}], ServiceConnection(self.reply, ApiSettings())
        send_campaign(self.engine, service, TEMPLATE, kept, chunks, started_by="a test", lease=LEASE)

    def schedule(self, people: list[str], part: Selection) -> None:
        schedule(self.engine, people, replace(PLAIN, campaign=self.name, selection=part, batch_size=2))

    def dispatch(self) -> None:
        service = ServiceConnection(self.reply, ApiSettings())
        for kept in scheduled_campaigns(self.engine):
            if kept.campaign.name == self.name:
                dispatch_campaign(self.engine, service, lambda: TEMPLATE, kept, started_by="a test", lease=LEASE)

    def resolve(self) -> None:
        """A person who knows says what became of each request in doubt."""
        campaign = require_campaign(self.engine, self.name)
        for each in requests_in_doubt(self.engine, campaign):
            verdict = Verdict.ACCEPTED if self.was_accepted[each.reference] else Verdict.NOT_SENT
            resolve_request(self.engine, campaign, Resolution(verdict, "Mar", "the panel"), each.reference)

    def prune(self) -> None:
        """Prune the campaign, all of which is old."""
        campaign = require_campaign(self.engine, self.name)
        deque(prune(self.engine, RetentionLimit(SOON + timedelta(days=1), campaign.id)), maxlen=0)

    def cancel(self) -> None:
        cancel(self.engine, require_campaign(self.engine, self.name), Cancellation("Mar", "enough", datetime.now(UTC)))
        self.out |= set(PEOPLE)

    def erase(self, phone: str) -> None:
        is_known = phone in rows(self.engine, self.name)
        erase(self.engine, phone, "a test")
        self.out |= {phone} if is_known else set()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=12), replies=REPLIES)
def test_nobody_is_messaged_twice_or_in_spite_and_in_the_end_everyone_is_settled(
    engine: sa.Engine, steps: list[tuple[str, ...]], replies: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("airflow_provider_rcs.sending.sender._SECONDS_AFTER_A_FAILURE", 0.0)
        sending = Campaign(engine, replies)
        sending.schedule(PEOPLE[:2], PARTS[0])

        for step, *arguments in steps:
            with suppress(RcsError):
                getattr(sending, step)(*arguments)
        sending.replies.clear()
        sending.resolve()
        with suppress(RcsError):
            sending.send(PEOPLE, PARTS[0])

    state_of = Counter(states(engine, sending.name).values())
    assert set(sending.messaged.values()) <= {1}
    assert set(state_of) <= {"accepted", "suppressed"}
    assert state_of["accepted"] == sending.messaged.total()
    assert funnel(engine, sending.name).requested == state_of.total()
    assert state_of.total() == len(PEOPLE) or sending.out
