"""Reports that come late, on whom the store knows by a hash alone."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.store.db.tables import report, store
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
    new_attempt,
    dispatched,
    listed,
    land_and_fold,
    report_on,
    row,
    rows,
    sent,
    states,
)

HASHES = Pseudonyms("01" * 32)


@given(st.text())
def test_a_recipient_has_one_hash_that_reads_the_same_in_every_process(recipient_key: str) -> None:
    assert HASHES.of(recipient_key) == Pseudonyms("01" * 32).of(recipient_key)


def test_a_hash_is_the_one_that_stores_hold_already() -> None:
    assert HASHES.of("34600000001") == "pseudonym:a41eb2fe52465a4353a36cfadcf71a68"


@given(st.lists(st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True), unique=True))
def test_no_two_phones_share_a_hash(phones: list[str]) -> None:
    assert len({HASHES.of(phone) for phone in phones}) == len(phones)


def test_another_key_gives_other_hashes() -> None:
    assert Pseudonyms(new_pseudonym_key()).of("34600000001") != Pseudonyms(new_pseudonym_key()).of("34600000001")


@given(st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True))
def test_a_hash_is_told_from_a_phone_and_does_not_hold_it(phone: str) -> None:
    hashed = HASHES.of(phone)

    assert hashed.startswith(PSEUDONYM_PREFIX)
    assert phone not in hashed


def test_the_key_is_not_shown() -> None:
    assert "01" * 32 not in repr(HASHES)


def test_a_store_has_no_key_until_it_is_asked_for_one(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        assert find_pseudonyms(connection) is None


def test_the_key_is_made_once(engine: sa.Engine) -> None:
    made = []
    for _ in range(2):
        with engine.begin() as connection:
            made.append(create_pseudonyms(connection))

    assert made[0] == made[1]
    with engine.begin() as connection:
        assert find_pseudonyms(connection) == made[0]


def test_a_store_that_lost_its_key_lists_nobody_whom_it_may_have_messaged(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    erase(engine, ANA, "a test")
    with engine.begin() as connection:
        connection.execute(store.update().values(pseudonym_key=None))

    with pytest.raises(RcsStoreError, match=r"key of its pseudonyms .* is missing"):
        record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA)]))


def reports(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(report).order_by(report.c.id)))


def erased(engine: sa.Engine, name: str = "spring") -> Any:
    (key,) = [key for key in rows(engine, name) if key.startswith("pseudonym:")]
    return row(engine, key, name)


def test_it_finds_its_message_by_the_hash_and_loses_what_names_the_person(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])
    mark_in_doubt(engine, taken, "the connection broke")
    erase(engine, ANA, "a test")

    land_and_fold(engine, report_on(taken, message_reference="ref-1", extra={"Note": "Ana"}, api_message_id="m-1"))

    assert (erased(engine).state, erased(engine).delivery_status, erased(engine).api_message_id) == (
        "accepted",
        "delivered",
        "m-1",
    )
    (kept,) = reports(engine)
    assert (kept.phone, kept.message_reference, kept.extra, kept.message_id) == ("", "", {}, erased(engine).id)
    assert states(engine)[BEA] == "accepted"


def test_it_finds_its_message_by_the_services_ids_where_it_holds_no_phone(engine: sa.Engine) -> None:
    sent(engine)
    erase(engine, ANA, "a test")

    stranger = report_on(dispatched(engine, [BEA], "summer"), "", message_reference="ref-1", api_message_id=f"m-{ANA}")
    land_and_fold(engine, stranger._replace(campaign_reference="", api_campaign_id="e-1"))

    assert erased(engine).delivery_status == "delivered"
    assert reports(engine)[0].message_reference == ""


def test_the_hash_outweighs_an_id_that_the_service_gave_twice(engine: sa.Engine) -> None:
    sent(engine, [BEA], "before", ids="twice")
    taken = dispatched(engine, [ANA])
    mark_in_doubt(engine, taken, "the connection broke")
    erase(engine, ANA, "a test")

    land_and_fold(engine, report_on(taken, api_message_id=f"twice-{BEA}"))

    assert erased(engine).delivery_status == "delivered"
    assert row(engine, BEA, "before").delivery_status == ""


def test_one_of_an_erased_person_that_belongs_to_no_message_is_blanked_too(engine: sa.Engine) -> None:
    taken = sent(engine)
    erase(engine, ANA, "a test")

    land_and_fold(engine, report_on(taken, message_reference="ref-1")._replace(campaign_reference="someone-elses"))

    (parked,) = reports(engine)
    assert (parked.phone, parked.message_reference, parked.message_id) == ("", "", None)


def test_those_of_others_are_kept_as_they_came(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    erase(engine, ANA, "a test")

    land_and_fold(
        engine,
        report_on(taken, BEA, message_reference="ref-2"),
        report_on(taken, "34600999999", message_reference="ref-3")._replace(campaign_reference="someone-elses"),
    )

    assert [(each.phone, each.message_reference) for each in reports(engine)] == [
        (BEA, "ref-2"),
        ("34600999999", "ref-3"),
    ]


def test_a_person_who_is_messaged_again_after_the_erasure_has_reports_like_everyone(engine: sa.Engine) -> None:
    sent(engine)
    erase(engine, ANA, "a test")

    land_and_fold(engine, report_on(sent(engine, [ANA], "summer")))

    assert [each.phone for each in reports(engine)] == [ANA]
    assert row(engine, ANA, "summer").delivery_status == "delivered"


def test_a_blanked_report_that_was_parked_is_folded_when_its_message_becomes_known(engine: sa.Engine) -> None:
    taken = sent(engine)
    erase(engine, ANA, "a test")
    later = report_on(taken, api_campaign_id="e-1", api_message_id="later-34600000002")
    land_and_fold(engine, later._replace(campaign_reference=""))
    sent(engine, [BEA], "summer", ids="later")

    fold_parked(engine)

    assert row(engine, BEA, "summer").delivery_status == "delivered"
