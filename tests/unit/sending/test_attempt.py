"""What an attempt does about others at the same campaign."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.outbox.claims import claim_batches
from tests.unit.sending.test_sender import Asked, send
from tests.unit.store.given import expire_lease, phones, planned, states


def test_who_another_attempt_had_claimed_when_it_died_is_sent_to_once_that_is_seen(engine: sa.Engine) -> None:
    people = phones(5)

    def claim_and_die() -> None:
        dead = planned(engine, people[-1:])
        assert claim_batches(engine, dead, 1)
        expire_lease(engine, dead)

    service = Asked(claim_and_die)

    send(engine, service, people)

    assert service.phones == people
    assert states(engine) == dict.fromkeys(people, "accepted")
