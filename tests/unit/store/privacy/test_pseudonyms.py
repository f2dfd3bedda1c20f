"""Pseudonyms, and late reports on pseudonymised messages."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import store
from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.pseudonyms import (
    PSEUDONYM_PREFIX,
    Pseudonyms,
    create_pseudonyms,
    find_pseudonyms,
    new_pseudonym_key,
)
from tests.unit.store.given import (
    ANA,
    BEA,
    dispatched,
    land_and_fold,
    listed,
    new_attempt,
    report_on,
    row,
    rows,
    sent,
    states,
)

PSEUDONYMS = Pseudonyms("01" * 32)


def reports(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(report).order_by(report.c.id)))


def erased_row(engine: sa.Engine, name: str = "spring") -> Any:
    (key,) = [key for key in rows(engine, name) if key.startswith("pseudonym:")]
    return row(engine, key, name)


@given(st.text())
def test_a_recipient_has_the_same_pseudonym_in_every_process(recipient_key: str) -> None:
    assert PSEUDONYMS.of(recipient_key) == Pseudonyms("01" * 32).of(recipient_key)


def test_pseudonyms_do_not_change_between_versions() -> None:
    assert PSEUDONYMS.of("+34600000001") == "pseudonym:428081cea4290e6a14bd9672f4cf5be4"


@given(st.lists(st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True), unique=True))
def test_no_two_phones_share_a_pseudonym(phones: list[str]) -> None:
    assert len({PSEUDONYMS.of(phone) for phone in phones}) == len(phones)


def test_another_key_gives_another_pseudonym() -> None:
    assert Pseudonyms(new_pseudonym_key()).of("+34600000001") != Pseudonyms(new_pseudonym_key()).of("+34600000001")


@given(st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True))
def test_a_pseudonym_has_a_prefix_and_does_not_contain_the_phone(phone: str) -> None:
    pseudonym = PSEUDONYMS.of(phone)

    assert pseudonym.startswith(PSEUDONYM_PREFIX)
    assert phone not in pseudonym


def test_the_key_is_not_shown() -> None:
    assert "01" * 32 not in repr(PSEUDONYMS)


def test_a_new_store_has_no_key(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        assert find_pseudonyms(connection) is None


def test_the_key_is_created_once(engine: sa.Engine) -> None:
    created = []
    for _ in range(2):
        with engine.begin() as connection:
            created.append(create_pseudonyms(connection))

    assert created[0] == created[1]
    with engine.begin() as connection:
        assert find_pseudonyms(connection) == created[0]


def test_a_store_that_lost_its_key_refuses_to_list_recipients(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    erase(engine, ANA, "a test")
    with engine.begin() as connection:
        connection.execute(store.update().values(pseudonym_key=None))

    with pytest.raises(RcsStoreError, match=r"key of its pseudonyms .* is missing"):
        record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA)]))


def test_a_report_finds_its_message_by_pseudonym_and_loses_personal_data(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])
    mark_in_doubt(engine, taken, "the connection broke")
    erase(engine, ANA, "a test")

    land_and_fold(engine, report_on(taken, message_reference="ref-1", extra={"Note": "Ana"}, api_message_id="m-1"))

    assert (erased_row(engine).state, erased_row(engine).delivery_status, erased_row(engine).api_message_id) == (
        "accepted",
        "delivered",
        "m-1",
    )
    (kept,) = reports(engine)
    assert (kept.phone, kept.message_reference, kept.extra, kept.message_id) == ("", "", {}, erased_row(engine).id)
    assert states(engine)[BEA] == "accepted"


def test_a_report_without_a_phone_finds_an_erased_message_by_the_services_ids(engine: sa.Engine) -> None:
    sent(engine)
    erase(engine, ANA, "a test")

    late = report_on(dispatched(engine, [BEA], "summer"), "", message_reference="ref-1", api_message_id=f"m-{ANA}")
    land_and_fold(engine, late._replace(campaign_reference="", api_campaign_id="e-1"))

    assert erased_row(engine).delivery_status == "delivered"
    assert reports(engine)[0].message_reference == ""


def test_the_pseudonym_takes_precedence_over_an_id_that_the_service_gave_twice(engine: sa.Engine) -> None:
    sent(engine, [BEA], "before", ids="twice")
    taken = dispatched(engine, [ANA])
    mark_in_doubt(engine, taken, "the connection broke")
    erase(engine, ANA, "a test")

    land_and_fold(engine, report_on(taken, api_message_id=f"twice-{BEA}"))

    assert erased_row(engine).delivery_status == "delivered"
    assert row(engine, BEA, "before").delivery_status == ""


def test_a_parked_report_on_an_erased_recipient_loses_personal_data(engine: sa.Engine) -> None:
    taken = sent(engine)
    erase(engine, ANA, "a test")

    land_and_fold(engine, report_on(taken, message_reference="ref-1")._replace(campaign_reference="someone-elses"))

    (parked,) = reports(engine)
    assert (parked.phone, parked.message_reference, parked.message_id) == ("", "", None)


def test_reports_on_others_are_stored_unchanged(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    erase(engine, ANA, "a test")

    land_and_fold(
        engine,
        report_on(taken, BEA, message_reference="ref-2"),
        report_on(taken, "+34600999999", message_reference="ref-3")._replace(campaign_reference="someone-elses"),
    )

    assert [(each.phone, each.message_reference) for each in reports(engine)] == [
        (BEA, "ref-2"),
        ("+34600999999", "ref-3"),
    ]


@pytest.mark.slow
def test_reports_on_a_message_after_the_erasure_keep_their_data(engine: sa.Engine) -> None:
    sent(engine)
    erase(engine, ANA, "a test")

    land_and_fold(engine, report_on(sent(engine, [ANA], "summer")))

    assert [each.phone for each in reports(engine)] == [ANA]
    assert row(engine, ANA, "summer").delivery_status == "delivered"


def test_a_parked_report_without_personal_data_is_folded_when_its_message_appears(engine: sa.Engine) -> None:
    taken = sent(engine)
    erase(engine, ANA, "a test")
    later = report_on(taken, api_campaign_id="e-1", api_message_id="later-+34600000002")
    land_and_fold(engine, later._replace(campaign_reference=""))
    sent(engine, [BEA], "summer", ids="later")

    fold_parked(engine)

    assert row(engine, BEA, "summer").delivery_status == "delivered"
