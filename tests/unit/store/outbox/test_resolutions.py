"""Decisions of people on messages in doubt."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.outcomes import NOT_IN_REPLY
from airflow_provider_rcs.store.db.tables import resolution
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.resolutions import (
    Resolution,
    Verdict,
    requests_in_doubt,
    resolve_all,
    resolve_phone,
    resolve_request,
)
from airflow_provider_rcs.store.outbox.settlement import ACCEPTED_BY_REPORT, CONTRADICTED_BY_REPORT, mark_in_doubt
from tests.code_blocks import blocks
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    campaign,
    claim_and_dispatch,
    claim_next,
    dispatched,
    land_and_fold,
    listed,
    planned,
    report_on,
    request_row,
    row,
    statements_of,
    states,
)

PAGE = (Path(__file__).parents[4] / "docs" / "settle-messages-in-doubt.md").read_text(encoding="utf-8")
ACCEPTED = Resolution(Verdict.ACCEPTED, "Mar", "the account's panel shows them")
NOT_SENT = Resolution(Verdict.NOT_SENT, "Mar", "the account's panel does not show them")


def in_doubt(engine: sa.Engine, people: list[str]) -> Claim:
    claim = dispatched(engine, people)
    mark_in_doubt(engine, claim, "the connection broke")
    return claim


def test_messages_in_doubt_can_be_resolved_as_accepted(engine: sa.Engine) -> None:
    in_doubt(engine, [ANA, BEA])

    assert resolve_all(engine, campaign(engine), ACCEPTED) == 2

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
    assert {row(engine, phone).reason for phone in (ANA, BEA)} == {""}


def test_a_resolved_message_keeps_its_request_and_gets_the_resolution_and_a_new_revision(engine: sa.Engine) -> None:
    claim = in_doubt(engine, [ANA])
    before = row(engine)

    resolve_all(engine, campaign(engine), ACCEPTED)

    with engine.connect() as connection:
        resolution_id = connection.execute(sa.select(resolution.c.id)).scalar_one()
    assert (row(engine).request_id, row(engine).resolution_id) == (claim.request_id, resolution_id)
    assert row(engine).revision > before.revision
    assert row(engine).updated_at > before.updated_at


def test_resolving_one_campaign_leaves_the_doubts_of_others(engine: sa.Engine) -> None:
    in_doubt(engine, [ANA])
    mark_in_doubt(engine, dispatched(engine, [ANA], "summer"), "the connection broke")

    assert resolve_all(engine, campaign(engine), NOT_SENT) == 1

    assert states(engine, "summer") == {ANA: "in_doubt"}


def test_messages_resolved_as_not_sent_are_claimed_by_the_next_attempt(engine: sa.Engine) -> None:
    in_doubt(engine, [ANA])

    resolve_all(engine, campaign(engine), NOT_SENT)

    assert (row(engine).state, row(engine).request_id) == ("planned", None)
    again = claim_and_dispatch(engine, planned(engine, [ANA]), 10)
    assert again is not None
    assert [recipient.phone for recipient in again.recipients] == [ANA]


def test_one_phone_or_one_request_can_be_resolved(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA, EVA])
    first, second = claim_and_dispatch(engine, attempt, 2), claim_and_dispatch(engine, attempt, 2)
    assert first is not None
    assert second is not None
    for claim in (first, second):
        mark_in_doubt(engine, claim, "the connection broke")

    by_phone = resolve_phone(engine, campaign(engine), ACCEPTED, ANA)
    by_request = resolve_request(engine, campaign(engine), NOT_SENT, second.reference)

    assert (by_phone, by_request) == (1, 1)
    assert states(engine) == {ANA: "accepted", BEA: "in_doubt", EVA: "planned"}


def test_ledger_records_who_decided_when_and_why(engine: sa.Engine) -> None:
    in_doubt(engine, [ANA, BEA])

    resolve_all(engine, campaign(engine), ACCEPTED)

    with engine.connect() as connection:
        recorded = connection.execute(sa.select(resolution)).one()
    assert (recorded.outcome, recorded.messages, recorded.decided_by, recorded.reason) == (
        "accepted",
        2,
        "Mar",
        "the account's panel shows them",
    )
    assert recorded.decided_at is not None


def test_nothing_is_resolved_or_recorded_if_nothing_is_in_doubt(engine: sa.Engine) -> None:
    dispatched(engine, [ANA])

    assert resolve_all(engine, campaign(engine), NOT_SENT) == 0

    assert states(engine) == {ANA: "sending"}
    with engine.connect() as connection:
        assert connection.execute(sa.select(resolution)).all() == []


def test_report_overrides_a_resolution(engine: sa.Engine) -> None:
    claim = in_doubt(engine, [ANA])
    resolve_all(engine, campaign(engine), NOT_SENT)

    land_and_fold(engine, report_on(claim, ANA))

    assert states(engine) == {ANA: "accepted"}


@pytest.mark.parametrize(
    ("decided_by", "reason", "error"),
    [
        ("", "seen", "by: it is empty. Name who decides; the ledger records it."),
        ("Mar", " ", "because: it is empty. Give a reason; the ledger records it."),
    ],
)
def test_resolution_without_a_name_or_a_reason_is_refused(decided_by: str, reason: str, error: str) -> None:
    with pytest.raises(RcsInputError, match=f"^{error}$"):
        Resolution(Verdict.ACCEPTED, decided_by, reason)


def test_messages_in_doubt_are_listed_by_request(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA], "summer"), "the connection broke")
    attempt = planned(engine, [ANA, BEA, EVA])
    first, second = claim_next(engine, attempt, 2), claim_next(engine, attempt, 1)
    mark_in_doubt(engine, second, "no reply")
    mark_in_doubt(engine, first, "the connection broke")
    resolve_phone(engine, campaign(engine), ACCEPTED, BEA)

    found = requests_in_doubt(engine, campaign(engine))

    assert [(each.reference, each.in_doubt, each.reason) for each in found] == [
        (first.reference, 1, "the connection broke"),
        (second.reference, 1, "no reply"),
    ]


def test_a_request_in_doubt_is_listed_with_its_time_and_what_sent_it(engine: sa.Engine) -> None:
    planned(engine, [ANA, BEA])
    sender = StartedBy(started_by="Mar by hand", host="worker-1", process=77)
    attempt = begin_attempt(engine, campaign(engine), sender, timedelta(minutes=5))
    record_list(engine, attempt, prepare_list_part(engine, [listed(ANA), listed(BEA)]))
    claim = claim_next(engine, attempt)
    mark_in_doubt(engine, claim, "no reply")

    [found] = requests_in_doubt(engine, campaign(engine))

    assert (found.in_doubt, found.sent_by) == (2, "Mar by hand (worker-1, process 77)")
    assert found.claimed_at == request_row(engine, claim).claimed_at


def test_the_messages_of_a_campaign_that_has_none_in_doubt_are_not_read(engine: sa.Engine) -> None:
    in_doubt(engine, [ANA])
    resolve_all(engine, campaign(engine), ACCEPTED)
    mark_in_doubt(engine, dispatched(engine, [ANA], "summer"), "the connection broke")
    spring = campaign(engine)
    found: list[object] = []

    statements = statements_of(engine, lambda: found.extend(requests_in_doubt(engine, spring)))

    assert (found, [each for each in statements if "rcs_message " in each]) == ([], [])


def test_the_query_of_the_page_shows_who_decided_and_why(engine: sa.Engine) -> None:
    (query,) = blocks(PAGE, "sql")
    in_doubt(engine, [ANA, BEA])
    resolve_all(engine, campaign(engine), ACCEPTED)

    with engine.connect() as connection:
        ((name, outcome, messages, decided_by, reason, _),) = connection.exec_driver_sql(query).all()

    assert (name, outcome, messages) == ("spring", "accepted", 2)
    assert (decided_by, reason) == (ACCEPTED.decided_by, ACCEPTED.reason)


@pytest.mark.parametrize("reason", [NOT_IN_REPLY, ACCEPTED_BY_REPORT, CONTRADICTED_BY_REPORT])
def test_the_page_has_the_reasons_as_the_store_writes_them(reason: str) -> None:
    assert f"`{reason}`" in " ".join(PAGE.split())
