"""Messages of people: landed, matched with what they reply to, and applied where they opt out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import ReportsConnection
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.store.db.inbox_tables import inbound, report
from airflow_provider_rcs.store.db.tables import campaign, erasure, suppression, suppression_pseudonym
from airflow_provider_rcs.store.inbox.backlog import read_backlog
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all
from airflow_provider_rcs.store.outbox.claims import claim_batches
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from airflow_provider_rcs.store.outbox.suppression_list import remove_suppression
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.personal_data import find_personal_data
from airflow_provider_rcs.store.privacy.retention import count_prunable, prune
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    accepted,
    dispatched,
    dump_store,
    listed,
    new_attempt,
    planned,
    row,
    rows,
    sent,
    states,
    suppress,
)
from tests.unit.store.inbox.test_phone_matching import sent_with_references

BAJA = InboundMessage(
    phone=ANA,
    text="¡Baja!",
    sent_at=NOON,
    sent_at_text="2026-05-01 14:00:00",
    sender="BANCO",
    service="SMSRECIBIDO",
    message_reference="A1",
    api_message_id=f"m-{ANA}",
    api_inbound_id="r-1",
    extra={"timestamp": "1777636800"},
)


def reply(engine: sa.Engine, *messages: InboundMessage, words: Sequence[str] = ("BAJA", "STOP")) -> None:
    land_all(engine, [ReceivedReports(NOON, inbound=messages)], words)


def landed(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(inbound).order_by(inbound.c.id)))


def suppressed(engine: sa.Engine) -> dict[str, str]:
    with engine.connect() as connection:
        found = connection.execute(sa.select(suppression.c.phone, suppression.c.reason))
        return {each.phone: each.reason for each in found}


def test_a_reply_lands_with_all_its_fields(engine: sa.Engine) -> None:
    reply(engine, BAJA)

    [row] = landed(engine)
    assert InboundMessage(**{name: getattr(row, name) for name in InboundMessage._fields}) == BAJA
    assert (row.received_at, row.opt_out, row.fold) == (NOON, "BAJA", None)


def test_a_reply_lands_together_with_the_reports_of_its_push(engine: sa.Engine) -> None:
    land_all(engine, [ReceivedReports(NOON, [Report("11", ANA)], inbound=[BAJA])])

    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.phone)).scalars().all() == [ANA]
    assert len(landed(engine)) == 1


def test_a_reply_lands_with_none_of_its_push_if_the_database_refuses_one(engine: sa.Engine) -> None:
    too_long = Report("1" * 40 if engine.dialect.name == "postgresql" else None, ANA)  # type: ignore[arg-type]

    with pytest.raises(Exception, match="database refused"):
        land_all(engine, [ReceivedReports(NOON, [too_long], inbound=[BAJA])])

    assert (landed(engine), suppressed(engine)) == ([], {})


def test_an_opt_out_suppresses_its_phone_as_it_lands(engine: sa.Engine) -> None:
    reply(engine, BAJA, BAJA._replace(phone=BEA, text="hola"))

    assert suppressed(engine) == {ANA: 'opted out by replying "BAJA"'}


def test_everyone_who_opts_out_in_one_push_is_suppressed(engine: sa.Engine) -> None:
    reply(engine, BAJA, BAJA._replace(phone=BEA, api_inbound_id="r-2"))

    assert sorted(suppressed(engine)) == [ANA, BEA]


def test_only_the_configured_words_opt_out(engine: sa.Engine) -> None:
    reply(engine, BAJA, BAJA._replace(phone=BEA, text="No, gracias"), words=["NO GRACIAS"])

    assert suppressed(engine) == {BEA: 'opted out by replying "NO GRACIAS"'}


def test_without_words_nobody_opts_out(engine: sa.Engine) -> None:
    reply(engine, BAJA, words=[])

    assert (suppressed(engine), landed(engine)[0].is_unapplied) == ({}, False)


def test_an_older_suppression_keeps_its_reason(engine: sa.Engine) -> None:
    suppress(engine, ANA, reason="asked by mail")

    reply(engine, BAJA)

    assert suppressed(engine) == {ANA: "asked by mail"}


def test_a_repeated_delivery_of_a_reply_is_one_row(engine: sa.Engine) -> None:
    reply(engine, BAJA, BAJA)
    reply(engine, BAJA)

    assert len(landed(engine)) == 1


def test_a_repeated_delivery_with_its_unknown_fields_in_another_order_is_one_row(engine: sa.Engine) -> None:
    reply(engine, BAJA._replace(extra={"a": "1", "b": "2"}), BAJA._replace(extra={"b": "2", "a": "1"}))

    assert len(landed(engine)) == 1


def test_a_repeated_delivery_does_not_suppress_a_phone_that_opted_in_since(engine: sa.Engine) -> None:
    reply(engine, BAJA)
    remove_suppression(engine, ANA)

    reply(engine, BAJA)

    assert suppressed(engine) == {}


def test_a_second_reply_of_the_same_person_is_a_second_row(engine: sa.Engine) -> None:
    reply(engine, BAJA, BAJA._replace(api_inbound_id="r-2"))

    assert len(landed(engine)) == 2


def test_an_opted_out_phone_is_not_claimed_any_more(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA])

    reply(engine, BAJA)
    [claim] = claim_batches(engine, attempt, 10)

    assert (claim.phones, states(engine)) == ([BEA], {ANA: "suppressed", BEA: "sending"})
    assert row(engine).reason == 'suppressed: opted out by replying "BAJA"'


def test_folding_finds_the_message_that_a_reply_answers(engine: sa.Engine) -> None:
    sent(engine)
    sent(engine, name="summer", ids="n")
    reply(engine, BAJA._replace(api_message_id=f"n-{ANA}"), BAJA._replace(phone=BEA, text="?"))

    assert fold(engine) == 0

    assert [each.message_id for each in landed(engine)] == [row(engine, name="summer").id, None]
    assert [each.fold for each in landed(engine)] == [landed(engine)[0].fold] * 2


def test_all_replies_are_folded_however_many_at_once(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_rcs.store.inbox.inbound._REPLIES_PER_FOLD", 1)
    reply(engine, *(BAJA._replace(api_inbound_id=f"r-{number}") for number in range(3)))

    fold(engine)

    assert len({each.fold for each in landed(engine)} - {None}) == 3


@pytest.mark.parametrize("phone", ["", "anonymous", "623123456"])
@pytest.mark.parametrize(
    "named",
    [
        {"api_message_id": "m-+34623123456", "message_reference": ""},
        {"api_message_id": "", "message_reference": "A1"},
        {"api_message_id": "m-+34623123456", "message_reference": "A1"},
        {"api_message_id": "unknown", "message_reference": "A1"},
    ],
)
def test_an_opt_out_whose_phone_cannot_be_read_is_applied_by_its_message(
    engine: sa.Engine, phone: str, named: dict[str, Any]
) -> None:
    sent_with_references(engine, {"+34623123456": "A1", BEA: "B1"})
    reply(engine, BAJA._replace(phone=phone, **named))
    assert suppressed(engine) == {}

    fold(engine)

    assert suppressed(engine) == {"+34623123456": 'opted out by replying "BAJA"'}
    assert (landed(engine)[0].is_unapplied, landed(engine)[0].message_id) == (False, row(engine, "+34623123456").id)


def test_each_of_several_opt_outs_is_applied_by_its_own_message(engine: sa.Engine) -> None:
    sent(engine, [ANA, BEA])
    unread = BAJA._replace(phone="?", message_reference="")
    reply(engine, *(unread._replace(api_message_id=f"m-{phone}", api_inbound_id=phone) for phone in (ANA, BEA)))

    fold(engine)

    assert sorted(suppressed(engine)) == [ANA, BEA]


@pytest.mark.parametrize(("account", "applied"), [("", [ANA]), ("this", [ANA]), ("another", [])])
def test_an_opt_out_is_applied_by_a_message_of_its_account_if_that_is_known(
    engine: sa.Engine, account: str, applied: list[str]
) -> None:
    sent(engine)
    with engine.begin() as connection:
        connection.execute(campaign.update().values(account="this"))
    unread = BAJA._replace(phone="?", message_reference="")
    land_all(engine, [ReceivedReports(NOON, inbound=[unread], let_in_by=ReportsConnection("panel", account))])

    fold(engine)

    assert list(suppressed(engine)) == applied


def test_an_opt_out_is_not_applied_by_a_message_that_was_never_sent(engine: sa.Engine) -> None:
    record_list(engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, reference="A1")]))
    reply(engine, BAJA._replace(phone="?", api_message_id="", message_reference="A1"))

    fold(engine)

    assert suppressed(engine) == {}


def test_a_reference_that_names_the_same_person_in_two_campaigns_is_enough(engine: sa.Engine) -> None:
    for name in ("spring", "summer"):
        sent_with_references(engine, {ANA: "A1", BEA: "B1"}, name)
    reply(engine, BAJA._replace(phone="", api_message_id=""))

    fold(engine)

    assert (list(suppressed(engine)), landed(engine)[0].message_id) == ([ANA], None)


@pytest.mark.parametrize(
    "named",
    [
        {"api_message_id": "", "message_reference": ""},
        {"api_message_id": "unknown", "message_reference": "unknown"},
        {"api_message_id": "", "message_reference": "same"},
        {"api_message_id": f"m-{EVA}", "message_reference": "same"},
        {"api_message_id": f"m-{ANA}", "message_reference": "", "phone": "623123456"},
    ],
)
def test_an_opt_out_that_nothing_attributes_is_kept_counted_and_logged(
    engine: sa.Engine, named: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    sent_with_references(engine, {ANA: "same", BEA: "same", EVA: "E1"})
    reply(engine, BAJA._replace(**{"phone": "?", **named}))

    fold(engine)
    fold(engine)

    assert (suppressed(engine), read_backlog(engine).unapplied_opt_outs) == ({}, 1)
    assert [each.message.count("1 person opted out") for each in caplog.records] == [1]
    assert "623123456" not in caplog.text


def test_only_opt_outs_that_nothing_attributes_are_logged(engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    sent_with_references(engine, {ANA: "A1"})
    unread = BAJA._replace(phone="?", api_message_id="")

    reply(engine, unread, unread._replace(message_reference="unknown"))
    fold(engine)

    assert list(suppressed(engine)) == [ANA]
    assert [each.message.partition(" by a reply")[0] for each in caplog.records] == ["1 person opted out"]


def test_an_opt_out_is_applied_when_its_message_becomes_known(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    reply(engine, BAJA._replace(phone="", message_reference=""))
    fold(engine)
    before = landed(engine)[0]

    settle(engine, [Settlement(taken, accepted(taken), "e-1")])
    fold_parked(engine)

    assert (list(suppressed(engine)), read_backlog(engine).unapplied_opt_outs) == ([ANA], 0)
    assert landed(engine)[0].fold > before.fold


def test_an_erased_person_leaves_nothing_of_their_replies(engine: sa.Engine) -> None:
    sent(engine)
    written = BAJA._replace(phone="", text="call me on 600 000 001", api_message_id="", message_reference="")
    reply(engine, BAJA, written, BAJA._replace(phone=BEA, text="of Bea"))
    fold(engine)
    assert find_personal_data(engine, ANA).as_counts()["rcs_inbound"] == 2

    erased = erase(engine, ANA, "a test")

    assert len(erased.inbound) == 2
    assert sorted((each.phone, each.text, len(each.extra)) for each in landed(engine)) == [
        ("", "", 0),
        ("", "", 0),
        (BEA, "of Bea", 1),
    ]
    assert [each in dump_store(engine).replace(f"m-{ANA}", "") for each in ("600000001", "600 000 001")] == [False] * 2


def test_the_opt_out_of_an_erased_person_stays_as_a_pseudonym(engine: sa.Engine) -> None:
    sent(engine)
    reply(engine, BAJA)

    erase(engine, ANA, "a test")

    with engine.connect() as connection:
        [reason] = connection.execute(sa.select(suppression_pseudonym.c.reason)).scalars()
    assert (suppressed(engine), reason) == ({}, 'opted out by replying "BAJA"')


def test_an_unread_opt_out_of_an_erased_person_is_applied_by_the_erasure(engine: sa.Engine) -> None:
    reply(engine, BAJA._replace(phone="623123456", api_message_id="", message_reference=""))
    fold(engine)

    erase(engine, "+34623123456", "a test")

    with engine.connect() as connection:
        [reason] = connection.execute(sa.select(suppression_pseudonym.c.reason)).scalars()
    assert (reason, read_backlog(engine).unapplied_opt_outs) == ('opted out by replying "BAJA"', 0)


def test_an_erased_person_who_replies_later_is_suppressed_by_pseudonym_only(engine: sa.Engine) -> None:
    sent(engine)
    erase(engine, ANA, "a test")

    reply(engine, BAJA)
    fold(engine)

    with engine.connect() as connection:
        erased = connection.execute(sa.select(erasure.c.pseudonym)).scalar_one()
        assert connection.execute(sa.select(suppression_pseudonym.c.pseudonym)).scalars().all() == [erased]
    assert "600000001" not in dump_store(engine).replace(f"m-{ANA}", "")
    assert landed(engine)[0].message_id == next(iter(rows(engine).values())).id


def test_a_person_who_is_suppressed_by_pseudonym_alone_stays_one(engine: sa.Engine) -> None:
    erase(engine, ANA, "a test")
    reply(engine, BAJA)
    with engine.begin() as connection:
        connection.execute(erasure.delete())

    reply(engine, BAJA._replace(api_inbound_id="r-2"))

    assert suppressed(engine) == {}


def test_an_erased_person_who_replies_twice_at_once_leaves_nothing(engine: sa.Engine) -> None:
    erase(engine, ANA, "a test")
    unnamed = BAJA._replace(text="hola", api_message_id="", message_reference="")

    reply(engine, unnamed, unnamed._replace(api_inbound_id="r-2"), unnamed._replace(phone=BEA))
    fold(engine)

    assert sorted((each.phone, each.text) for each in landed(engine)) == [("", ""), ("", ""), (BEA, "hola")]


@pytest.mark.slow
def test_a_reply_loses_its_personal_data_if_its_message_or_its_person_has_and_no_other_does(engine: sa.Engine) -> None:
    sent(engine, [ANA], "old")
    list(prune(engine, RetentionLimit(NOON + timedelta(days=10_000))))
    erase(engine, EVA, "a test")
    sent(engine, [BEA], "new", ids="n")
    hola = BAJA._replace(text="hola", message_reference="")

    reply(engine, hola, hola._replace(phone=EVA), hola._replace(phone=BEA, api_message_id=f"n-{BEA}"))
    fold(engine)

    old, new = (next(iter(rows(engine, name).values())).id for name in ("old", "new"))
    assert {(each.phone, each.text, each.message_id) for each in landed(engine)} == {
        ("", "", old),
        ("", "", None),
        (BEA, "hola", new),
    }


def test_old_replies_are_pruned_with_their_messages(engine: sa.Engine) -> None:
    sent(engine)
    reply(engine, BAJA, BAJA._replace(phone=BEA, text="of nobody"))
    fold(engine)
    limit = RetentionLimit(NOON + timedelta(days=10_000))
    predicted = count_prunable(engine, limit)["rcs_inbound"]

    pruned = {each.table: each.rows for each in prune(engine, limit)}

    assert (predicted, pruned["rcs_inbound"], landed(engine)) == (2, 2, [])


def test_a_new_reply_to_a_pruned_message_loses_its_personal_data(engine: sa.Engine) -> None:
    sent(engine)
    land_all(engine, [ReceivedReports(NOON + timedelta(days=20_000), inbound=[BAJA])])
    fold(engine)

    list(prune(engine, RetentionLimit(NOON + timedelta(days=10_000))))

    assert [(each.phone, each.text) for each in landed(engine)] == [("", "")]


def test_an_opt_out_that_could_not_be_applied_is_never_pruned(engine: sa.Engine) -> None:
    reply(engine, BAJA._replace(phone="?", api_message_id="", message_reference=""))
    fold(engine)

    list(prune(engine, RetentionLimit(NOON + timedelta(days=10_000))))

    assert len(landed(engine)) == 1
