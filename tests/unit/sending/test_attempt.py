"""An attempt recovers other attempts at its campaign that died."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.outbox.claims import claim_batches
from tests.unit.sending.test_sender import FakeService, send
from tests.unit.store.given import expire_lease, phones, planned, states


def test_recipients_claimed_by_an_attempt_that_died_are_sent_to_once_it_is_recovered(engine: sa.Engine) -> None:
    people = phones(5)

    def claim_and_die() -> None:
        dead = planned(engine, people[-1:])
        assert claim_batches(engine, dead, 1)
        expire_lease(engine, dead)

    service = FakeService(claim_and_die)

    send(engine, service, people)

    assert service.phones == people
    assert states(engine) == dict.fromkeys(people, "accepted")
