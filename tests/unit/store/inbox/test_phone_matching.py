"""Reports that name no request, as those of a fallback to SMS do, find their message by phone and another id."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.unit.store.given import (
    ANA,
    BEA,
    NOON,
    accepted,
    claim_next,
    dispatched,
    land_and_fold,
    listed,
    new_attempt,
    report_on,
    row,
    rows,
    sent,
)


def sms(code: str = "13", **changes: Any) -> Report:
    return Report(**{"status_code": code, "phone": ANA, "service": "SMSMASIVO", "reported_at": NOON, **changes})


def sent_with_references(engine: sa.Engine, references: dict[str, str], name: str = "spring", ids: str = "m") -> Claim:
    attempt = new_attempt(engine, name)
    people = [listed(phone, reference=reference) for phone, reference in references.items()]
    record_list(engine, attempt, prepare_list_part(engine, people))
    taken = claim_next(engine, attempt)
    settle(engine, [Settlement(taken, accepted(taken, ids), f"e-{name}")])
    return taken


def parked(engine: sa.Engine) -> int:
    is_parked = sa.and_(report.c.fold.is_not(None), report.c.message_id.is_(None))
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(report).where(is_parked)).scalar_one())


def statuses(engine: sa.Engine, name: str = "spring") -> list[str]:
    return [each.delivery_status for each in rows(engine, name).values()]


@pytest.mark.parametrize(
    "named",
    [
        {"message_reference": "A1"},
        {"api_message_id": f"m-{ANA}"},
        {"api_campaign_id": "e-spring"},
        {"message_reference": "A1", "api_message_id": "an id of SMS", "api_campaign_id": "another id of SMS"},
    ],
)
def test_it_matches_by_phone_and_one_thing_that_names_its_message(engine: sa.Engine, named: dict[str, str]) -> None:
    taken = sent_with_references(engine, {ANA: "A1", BEA: "A1"})
    land_and_fold(engine, report_on(taken, ANA, "50"))

    land_and_fold(engine, sms(**named))

    assert statuses(engine) == ["delivered", ""]
    assert row(engine).delivery_channel == "SMSMASIVO"


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"message_reference": "B2"},
        {"api_message_id": f"m-{BEA}"},
        {"message_reference": "A1", "phone": BEA},
        {"message_reference": "A1", "phone": ""},
        {"message_reference": "A1", "campaign_reference": "of another sender"},
        {"api_campaign_id": "e-unknown"},
        {"api_campaign_id": "e-spring", "api_message_id": "of another message"},
    ],
)
def test_it_is_parked_if_no_message_has_both(engine: sa.Engine, named: dict[str, str]) -> None:
    sent_with_references(engine, {ANA: "A1"})

    land_and_fold(engine, sms(**named))

    assert (statuses(engine), parked(engine)) == ([""], 1)


@pytest.mark.parametrize(
    "named", [{"message_reference": "A1"}, {"message_reference": "A1", "api_message_id": "an id of SMS"}]
)
def test_it_is_parked_if_it_names_two_messages(engine: sa.Engine, named: dict[str, str]) -> None:
    sent_with_references(engine, {ANA: "A1"}, "spring", "m")
    sent_with_references(engine, {ANA: "A1"}, "summer", "n")

    land_and_fold(engine, sms(**named))

    assert (statuses(engine), statuses(engine, "summer"), parked(engine)) == ([""], [""], 1)


def test_it_is_parked_if_its_reference_and_its_id_name_different_messages(engine: sa.Engine) -> None:
    sent_with_references(engine, {ANA: "A1"}, "spring", "m")
    sent_with_references(engine, {ANA: "A2"}, "summer", "n")

    land_and_fold(engine, sms(message_reference="A1", api_message_id=f"n-{ANA}"))

    assert parked(engine) == 1


def test_the_id_of_the_message_tells_two_campaigns_to_the_same_phone_apart(engine: sa.Engine) -> None:
    sent_with_references(engine, {ANA: "A1"}, "spring", "m")
    sent_with_references(engine, {ANA: "A2"}, "summer", "n")

    land_and_fold(engine, sms(api_message_id=f"n-{ANA}"))

    assert (statuses(engine), statuses(engine, "summer")) == ([""], ["delivered"])


def test_the_id_of_a_request_tells_two_campaigns_with_the_same_reference_apart(engine: sa.Engine) -> None:
    sent_with_references(engine, {ANA: "A1"}, "spring", "m")
    sent_with_references(engine, {ANA: "A1"}, "summer", "n")

    land_and_fold(engine, sms(message_reference="A1", api_campaign_id="e-summer"))

    assert (statuses(engine), statuses(engine, "summer")) == ([""], ["delivered"])


def test_it_is_parked_if_the_request_that_it_names_has_no_message_to_the_phone(engine: sa.Engine) -> None:
    sent_with_references(engine, {ANA: "A1"}, "spring")
    sent_with_references(engine, {BEA: "B1"}, "summer")

    land_and_fold(engine, sms(message_reference="A1", api_campaign_id="e-summer"))

    assert parked(engine) == 1


def test_a_message_that_was_never_in_a_request_is_not_meant(engine: sa.Engine) -> None:
    sent_with_references(engine, {ANA: "A1"})
    attempt = new_attempt(engine, "planned")
    record_list(engine, attempt, prepare_list_part(engine, [listed(ANA, reference="A1")]))

    land_and_fold(engine, sms(message_reference="A1"))

    assert (statuses(engine), statuses(engine, "planned")) == (["delivered"], [""])


def test_one_that_arrives_before_the_reply_to_the_send_is_folded_later(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    land_and_fold(engine, sms(api_message_id=f"m-{ANA}"))
    before = (parked(engine), statuses(engine))

    settle(engine, [Settlement(taken, accepted(taken), "e-1")])
    fold_parked(engine)

    assert (before, parked(engine), statuses(engine)) == ((1, [""]), 0, ["delivered"])


@pytest.mark.parametrize(
    "named",
    [{"message_reference": "A1"}, {"api_campaign_id": "e-spring", "api_message_id": f"m-{ANA}"}],
    ids=["phone", "request"],
)
def test_only_those_that_arrived_since_a_moment_are_folded_if_one_is_given(
    engine: sa.Engine, named: dict[str, str]
) -> None:
    land_and_fold(engine, sms(**named))
    sent_with_references(engine, {ANA: "A1"})

    assert fold_parked(engine, since=NOON + timedelta(microseconds=1)) == 0
    before = parked(engine)
    assert fold_parked(engine, since=NOON) == 1

    assert (before, parked(engine)) == (1, 0)
    assert statuses(engine) == ["delivered"]


def test_an_sms_that_delivers_after_rcs_failed_makes_the_message_delivered_in_any_order(engine: sa.Engine) -> None:
    for name, order in (("spring", 1), ("summer", -1)):
        taken = sent(engine, name=name, ids=name)
        both = [report_on(taken, code="50"), sms(api_message_id=f"{name}-{ANA}")]
        for each in both[::order]:
            land_and_fold(engine, each)

    assert (statuses(engine), statuses(engine, "summer")) == (["delivered"], ["delivered"])


def test_a_report_on_an_erased_person_is_matched_by_pseudonym_and_keeps_no_phone(engine: sa.Engine) -> None:
    sent(engine)
    erase(engine, ANA, "a test")

    land_and_fold(engine, sms(api_message_id=f"m-{ANA}"))

    [message] = rows(engine).values()
    with engine.connect() as connection:
        phone = connection.execute(sa.select(report.c.phone)).scalar_one()
    assert (message.delivery_status, phone) == ("delivered", "")
