"""Campaigns that are sent, scheduled, cancelled, erased and pruned in any order, against a model of the service."""

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
from airflow_provider_rcs.recipients.selection import Selection
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.scheduled import dispatch_campaign
from airflow_provider_rcs.store.campaign.campaigns import require_campaign
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.campaign.schedules import scheduled_campaigns
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, requests_in_doubt, resolve_request
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from tests.examples import examples
from tests.unit.sending.service import Service
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
REPLIES = st.lists(st.sampled_from(["accepted", "accepted", "refused", "in part", "lost", "never came"]), max_size=12)


@dataclass
class Scenario:
    """A campaign, and a service that counts its messages and fails when it gets one that must not be sent any more."""

    engine: sa.Engine
    replies: list[str]
    name: str = field(default_factory=lambda: next(NAMES))
    messaged: Counter[str] = field(default_factory=Counter)
    was_accepted: dict[str, bool] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)

    def reply(self, request: SendRequest) -> SendResult:
        people = [recipient.phone for recipient in request.recipients]
        assert not self.barred & set(people)
        reply = self.replies.pop() if self.replies else "accepted"
        if reply == "refused":
            raise RcsUnavailable("not now")
        if reply == "in part":
            self.messaged[people[0]] += 1
            accepted = {people[0]: f"{self.name}-{people[0]}"}
            return SendResult(0, "77", accepted, frozenset(people[1:]), refused=RcsUnavailable("not now"))
        self.was_accepted[request.campaign_reference] = reply != "never came"
        if reply != "never came":
            self.messaged.update(people)
        if reply != "accepted":
            raise RcsOutcomeUnknown("no reply")
        return SendResult(len(people), "77", {phone: f"{self.name}-{phone}" for phone in people})

    def send(self, people: list[str], part: Selection) -> None:
        at_once = replace(PLAIN, campaign=self.name, scheduled_by="service", batch_size=2, max_in_flight=1)
        chunks, service = [{"phone": people}], Service(self.reply)
        send_campaign(
            self.engine,
            service,
            TEMPLATE,
            replace(at_once, selection=part),
            chunks,
            started_by=StartedBy(started_by="a test"),
            lease=LEASE,
        )

    def schedule(self, people: list[str], part: Selection) -> None:
        schedule(self.engine, people, replace(PLAIN, campaign=self.name, selection=part, batch_size=2))

    def dispatch(self) -> None:
        service = Service(self.reply)
        for scheduled in scheduled_campaigns(self.engine):
            if scheduled.campaign.name == self.name:
                dispatch_campaign(
                    self.engine, service, scheduled, started_by=StartedBy(started_by="a test"), lease=LEASE
                )

    def resolve(self) -> None:
        """Resolve each request in doubt as it ended at the service."""
        campaign = require_campaign(self.engine, self.name)
        for each in requests_in_doubt(self.engine, campaign):
            verdict = Verdict.ACCEPTED if self.was_accepted[each.reference] else Verdict.NOT_SENT
            resolve_request(self.engine, campaign, Resolution(verdict, "Mar", "the panel"), each.reference)

    def prune(self) -> None:
        """Prune the campaign as if all of it were old."""
        campaign = require_campaign(self.engine, self.name)
        deque(prune(self.engine, RetentionLimit(SOON + timedelta(days=1), campaign.id)), maxlen=0)

    def cancel(self) -> None:
        cancel(self.engine, require_campaign(self.engine, self.name), Cancellation("Mar", "enough", datetime.now(UTC)))
        self.barred |= set(PEOPLE)

    def erase(self, phone: str) -> None:
        is_known = phone in rows(self.engine, self.name)
        erase(self.engine, phone, "a test")
        self.barred |= {phone} if is_known else set()


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=12), replies=REPLIES)
@pytest.mark.slow
def test_in_any_order_recipients_are_messaged_at_most_once_and_all_are_settled(
    engine: sa.Engine, steps: list[tuple[str, ...]], replies: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("airflow_provider_rcs.sending.sender._SECONDS_AFTER_A_FAILURE", 0.0)
        scenario = Scenario(engine, replies)
        scenario.schedule(PEOPLE[:2], PARTS[0])

        for step, *arguments in steps:
            with suppress(RcsError):
                getattr(scenario, step)(*arguments)
        scenario.replies.clear()
        scenario.resolve()
        with suppress(RcsError):
            scenario.send(PEOPLE, PARTS[0])

    state_of = Counter(states(engine, scenario.name).values())
    assert set(scenario.messaged.values()) <= {1}
    assert set(state_of) <= {"accepted", "suppressed"}
    assert state_of["accepted"] == scenario.messaged.total()
    assert funnel(engine, scenario.name).requested == state_of.total()
    assert state_of.total() == len(PEOPLE) or scenario.barred
