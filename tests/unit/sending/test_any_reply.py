"""Campaigns whose requests are answered in any shape, with any result and status, by a service that counts messages."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count as numbers
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.api.wire.send_reply import read_send_reply
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.outbox.refused_credentials import forget_refusals
from tests.examples import examples
from tests.unit.api.wire.test_any_reply import REFUSING, Case, write
from tests.unit.sending.service import Service
from tests.unit.sending.test_scheduled import LEASE
from tests.unit.store.given import phones, states

PEOPLE = phones(5)
NAMES = (f"campaign {number}" for number in numbers())
PLACES = ["sent", "not sent", "sent but unnamed", "unnamed"]


@dataclass
class AnyService:
    """A service that messages some of the recipients, and names them, or the id of the send, in its reply.

    :param chance: decides; Hypothesis can't, because it is asked from another thread.
    :param messaged: how often each phone was messaged.
    :param places: phone -> what the last reply said of it.
    """

    chance: Random
    messaged: Counter[str] = field(default_factory=Counter)
    places: dict[str, str] = field(default_factory=dict)

    def reply(self, request: SendRequest) -> SendResult:
        by_place: dict[str, list[str]] = {place: [] for place in PLACES}
        for recipient in request.recipients:
            place = self.chance.choice(PLACES)
            by_place[place].append(recipient.phone.removeprefix("+"))
            self.places[recipient.phone] = place
            self.messaged[recipient.phone] += place in ("sent", "sent but unnamed")
        case = Case(
            sent={phone: f"9{phone}" for phone in by_place["sent"]},
            not_sent=by_place["not sent"],
            unnamed=by_place["unnamed"] + by_place["sent but unnamed"],
            result=self.chance.choice([-3, -2, -1, 0, 1]),
            send_id="77",
            status=self.chance.choice([200, 200, 500, *REFUSING]),
        )
        refused = REFUSING.get(case.status)
        body = write(case, self.chance.choice)
        return read_send_reply(body, case.status, refused and replace(refused, retry_after=0.01))


@pytest.mark.slow
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.integers(0, 2**32).map(Random))
def test_whatever_the_service_replies_nobody_is_messaged_twice_and_the_named_are_settled(
    engine: sa.Engine, chance: Random
) -> None:
    campaign, service = next(NAMES), AnyService(chance)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("airflow_provider_rcs.sending.sender._SECONDS_AFTER_A_FAILURE", 0.0)
        for _ in range(3):
            with suppress(RcsError):
                send_campaign(
                    engine,
                    Service(service.reply),
                    Template("1", "Welcome"),
                    SendSettings(template_id="1", campaign=campaign, batch_size=3, max_in_flight=1),
                    [{"phone": PEOPLE}],
                    started_by=StartedBy(started_by="a test"),
                    lease=LEASE,
                )
            forget_refusals(engine, campaign)

    state_of = states(engine, campaign)
    assert max(service.messaged.values()) <= 1
    assert sorted(state_of) == PEOPLE
    for phone, place in service.places.items():
        allowed = {"sent": {"accepted"}, "not sent": {"planned", "rejected"}}.get(place, {"in_doubt", "accepted"})
        assert state_of[phone] in allowed
