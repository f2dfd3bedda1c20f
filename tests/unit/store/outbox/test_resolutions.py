""""""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.store.db.tables import resolution
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, requests_in_doubt, resolve_all, resolve_phone, resolve_request
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from tests.unit.store.given import ANA, BEA, EVA, campaign, claim_and_dispatch, dispatched, planned, land_and_fold, report_on, states

ARRIVED = Resolution(Verdict.ACCEPTED, "Mar", "the account's panel shows them")


NEVER_LEFT = Resolution(Verdict.NOT_SENT, "Mar", "the account's panel does not show them")


def in_doubt(engine: sa.Engine, people: list[str]) -> Claim:
    taken = dispatched(engine, people)
    mark_in_doubt(engine, taken, "the connection broke")
    return taken


def test_a_person_settles_what_is_in_doubt_as_accepted(engine: sa.Engine) -> None:
    in_doubt(engine, [ANA, BEA])

    assert resolve_all(engine, campaign(engine), ARRIVED) == 2

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}


def test_what_was_not_sent_is_planned_again_and_sent_by_the_next_attempt(engine: sa.Engine) -> None:
    in_doubt(engine, [ANA])

    resolve_all(engine, campaign(engine), NEVER_LEFT)

    again = claim_and_dispatch(engine, planned(engine, [ANA]), 10)
    assert again is not None
    assert [recipient.phone for recipient in again.recipients] == [ANA]


def test_one_phone_or_one_request_may_be_settled_alone(engine: sa.Engine) -> None:
    begun = planned(engine, [ANA, BEA, EVA])
    first, second = claim_and_dispatch(engine, begun, 2), claim_and_dispatch(engine, begun, 2)
    assert first is not None
    assert second is not None
    for taken in (first, second):
        mark_in_doubt(engine, taken, "the connection broke")

    by_phone = resolve_phone(engine, campaign(engine), ARRIVED, ANA)
    by_request = resolve_request(engine, campaign(engine), NEVER_LEFT, second.reference)

    assert (by_phone, by_request) == (1, 1)
    assert states(engine) == {ANA: "accepted", BEA: "in_doubt", EVA: "planned"}


def test_the_books_keep_who_said_so_when_and_why(engine: sa.Engine) -> None:
    in_doubt(engine, [ANA, BEA])

    resolve_all(engine, campaign(engine), ARRIVED)

    with engine.connect() as connection:
        kept = connection.execute(sa.select(resolution)).one()
    assert (kept.outcome, kept.messages, kept.decided_by, kept.reason) == (
        "accepted",
        2,
        "Mar",
        "the account's panel shows them",
    )
    assert kept.decided_at is not None


def test_only_what_is_in_doubt_is_settled_and_nothing_is_noted_where_nothing_is(engine: sa.Engine) -> None:
    dispatched(engine, [ANA])

    assert resolve_all(engine, campaign(engine), NEVER_LEFT) == 0

    assert states(engine) == {ANA: "sending"}
    with engine.connect() as connection:
        assert connection.execute(sa.select(resolution)).all() == []


def test_a_report_is_stronger_than_a_persons_word(engine: sa.Engine) -> None:
    taken = in_doubt(engine, [ANA])
    resolve_all(engine, campaign(engine), NEVER_LEFT)

    land_and_fold(engine, report_on(taken, ANA))

    assert states(engine) == {ANA: "accepted"}


@pytest.mark.parametrize(("decided_by", "reason"), [("", "seen"), ("Mar", " ")])
def test_a_word_without_a_name_or_a_reason_is_refused(decided_by: str, reason: str) -> None:
    with pytest.raises(RcsInputError, match="for the books"):
        Resolution(Verdict.ACCEPTED, decided_by, reason)


def test_what_is_open_is_listed_by_request(engine: sa.Engine) -> None:
    taken = in_doubt(engine, [ANA, BEA])

    assert [(each.reference, each.in_doubt, each.reason) for each in requests_in_doubt(engine, campaign(engine))] == [
        (taken.reference, 2, "the connection broke")
    ]
