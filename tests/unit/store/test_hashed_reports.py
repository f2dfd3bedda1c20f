"""Reports that come late, on whom the store knows by a hash alone."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.tables import report
from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.unit.store.given import ANA, BEA, claimed, receive, report_on, row, rows, sent, states


def reports(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(report).order_by(report.c.id)))


def erased(engine: sa.Engine, name: str = "spring") -> Any:
    (key,) = [key for key in rows(engine, name) if key.startswith("hash:")]
    return row(engine, key, name)


def test_it_finds_its_message_by_the_hash_and_loses_what_names_the_person(engine: sa.Engine) -> None:
    taken = claimed(engine, [ANA, BEA])
    mark_in_doubt(engine, taken, "the connection broke")
    erase(engine, ANA, "a test")

    receive(engine, report_on(taken, message_reference="ref-1", extra={"Note": "Ana"}, api_message_id="m-1"))

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

    stranger = report_on(claimed(engine, [BEA], "summer"), "", message_reference="ref-1", api_message_id=f"m-{ANA}")
    receive(engine, stranger._replace(campaign_reference="", api_campaign_id="e-1"))

    assert erased(engine).delivery_status == "delivered"
    assert reports(engine)[0].message_reference == ""


def test_the_hash_outweighs_an_id_that_the_service_gave_twice(engine: sa.Engine) -> None:
    sent(engine, [BEA], "before", ids="twice")
    taken = claimed(engine, [ANA])
    mark_in_doubt(engine, taken, "the connection broke")
    erase(engine, ANA, "a test")

    receive(engine, report_on(taken, api_message_id=f"twice-{BEA}"))

    assert erased(engine).delivery_status == "delivered"
    assert row(engine, BEA, "before").delivery_status == ""


def test_one_of_an_erased_person_that_belongs_to_no_message_is_blanked_too(engine: sa.Engine) -> None:
    taken = sent(engine)
    erase(engine, ANA, "a test")

    receive(engine, report_on(taken, message_reference="ref-1")._replace(campaign_reference="someone-elses"))

    (parked,) = reports(engine)
    assert (parked.phone, parked.message_reference, parked.message_id) == ("", "", None)


def test_those_of_others_are_kept_as_they_came(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    erase(engine, ANA, "a test")

    receive(
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

    receive(engine, report_on(sent(engine, [ANA], "summer")))

    assert [each.phone for each in reports(engine)] == [ANA]
    assert row(engine, ANA, "summer").delivery_status == "delivered"


def test_a_blanked_report_that_was_parked_is_folded_when_its_message_becomes_known(engine: sa.Engine) -> None:
    taken = sent(engine)
    erase(engine, ANA, "a test")
    later = report_on(taken, api_campaign_id="e-1", api_message_id="later-34600000002")
    receive(engine, later._replace(campaign_reference=""))
    sent(engine, [BEA], "summer", ids="later")

    fold_parked(engine)

    assert row(engine, BEA, "summer").delivery_status == "delivered"
