"""Loads of the store's new rows into a warehouse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError, RcsWarehouseError
from airflow_provider_rcs.api.models import InboundMessage, Outcome, Report
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.recipients.phones import Reading
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land, land_all
from airflow_provider_rcs.store.inbox.refold import refold
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from airflow_provider_rcs.warehouse.load import Loaded, load
from airflow_provider_rcs.warehouse.phones import MASKED, PhoneForm, hashed
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.unit.store.given import claim_and_dispatch

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def send(store: sa.Engine, campaign: str, phones: list[str]) -> str:
    """Send a campaign to phones, all accepted, and return the request's reference."""
    opened = open_campaign(store, campaign, CampaignTerms("1", "Welcome"), {})
    attempt = begin_attempt(store, opened, StartedBy(started_by="test"), timedelta(minutes=1))
    record_list(
        store,
        attempt,
        prepare_list_part(store, [ListedRecipient(phone, phone, phone, f"P{phone}", "", {}) for phone in phones]),
    )
    claim = claim_and_dispatch(store, attempt, 1_000)
    assert claim is not None
    accepted = [Outcome(person.phone, MessageState.ACCEPTED, f"m{person.phone}") for person in claim.recipients]
    settle(store, [Settlement(claim, accepted, "77")])
    return claim.reference


def report(store: sa.Engine, reference: str, phone: str, code: str, service: str = "RCS") -> None:
    received = Report(code, phone, reference, service=service, reported_at=NOW)
    land(store, [received._replace(api_campaign_id="77", api_message_id=f"m{phone}")], NOW)


def rows(warehouse: sa.Engine, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql))]


def test_a_load_fills_the_tables_of_messages_reports_and_campaigns(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send(store, "spring", ["+34600000001"])
    report(store, reference, "+34600000001", "13")

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=1, reports=1)

    assert rows(
        warehouse,
        "SELECT campaign, phone, name, state, delivery_status, delivery_channel, api_message_id, api_campaign_id "
        "FROM rcs_message",
    ) == [("spring", "+34600000001", "P+34600000001", "accepted", "delivered", "RCS", "m+34600000001", "77")]
    assert rows(warehouse, "SELECT campaign, phone, status_code, message_id FROM rcs_report") == [
        ("spring", "+34600000001", "13", 1)
    ]
    assert rows(warehouse, "SELECT name, template_id, template_name FROM rcs_campaign") == [("spring", "1", "Welcome")]


def test_each_message_says_how_its_phone_was_read_or_why_it_was_not(store: sa.Engine, warehouse: sa.Engine) -> None:
    opened = open_campaign(store, "spring", CampaignTerms("1"), {})
    attempt = begin_attempt(store, opened, StartedBy(started_by="test"), timedelta(minutes=1))
    listed = [
        ListedRecipient("+34600000001", "+34600000001", "600 000 001", "", "", {}, reading=Reading.NATIONAL),
        ListedRecipient("12", None, "12", "", "", {}, rejection="phone: not a phone", reading=Reading.UNREADABLE),
    ]
    record_list(store, attempt, prepare_list_part(store, listed))

    load(store, warehouse, None)

    assert rows(warehouse, "SELECT phone_as_listed, phone, reading, state, reason FROM rcs_message ORDER BY id") == [
        ("600 000 001", "+34600000001", "national", "planned", ""),
        ("12", None, "digits that are no phone, or more than one", "rejected", "phone: not a phone"),
    ]


def test_a_second_load_without_changes_loads_nothing(store: sa.Engine, warehouse: sa.Engine) -> None:
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")
    load(store, warehouse, None)

    assert load(store, warehouse, None) == Loaded(campaigns=0, messages=0, reports=0)


def test_only_changed_messages_are_loaded_again_and_replace_their_rows(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send(store, "spring", ["+34600000001", "+34600000002"])
    report(store, reference, "+34600000001", "12")
    load(store, warehouse, None)
    report(store, reference, "+34600000002", "13")

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=1, reports=1)

    assert rows(warehouse, "SELECT phone, delivery_status FROM rcs_message ORDER BY phone") == [
        ("+34600000001", "sent"),
        ("+34600000002", "delivered"),
    ]


def test_a_report_on_an_unknown_message_is_completed_when_the_message_is_known(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    report(store, "not-ours", "+34600000001", "13")
    load(store, warehouse, None)
    before = rows(warehouse, "SELECT campaign, message_id FROM rcs_report")
    send(store, "spring", ["+34600000001"])

    load(store, warehouse, None)

    assert before == [(None, None)]
    assert rows(warehouse, "SELECT campaign, message_id FROM rcs_report") == [("spring", 1)]
    assert rows(warehouse, "SELECT delivery_status FROM rcs_message") == [("delivered",)]


@pytest.mark.slow
def test_a_table_that_was_emptied_is_loaded_again(store: sa.Engine, warehouse: sa.Engine) -> None:
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")
    load(store, warehouse, None)
    with warehouse.begin() as connection:
        connection.execute(sa.text("DELETE FROM rcs_report"))

    assert load(store, warehouse, None) == Loaded(0, 0, reports=1)
    assert load(store, warehouse, None) == Loaded(0, 0, 0)


def test_a_campaign_whose_row_was_deleted_is_loaded_again(store: sa.Engine, warehouse: sa.Engine) -> None:
    send(store, "spring", ["+34600000001"])
    send(store, "autumn", ["+34600000001", "+34600000002"])
    load(store, warehouse, None)
    with warehouse.begin() as connection:
        connection.execute(sa.text("DELETE FROM rcs_message WHERE campaign = 'autumn'"))
        connection.execute(sa.text("DELETE FROM rcs_campaign WHERE name = 'autumn'"))

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=2, reports=0)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["UPDATE rcs_store SET fold = 0", "UPDATE rcs_campaign SET revision = 0"])
def test_a_store_that_was_restored_from_a_backup_is_refused_until_its_rows_are_deleted(
    store: sa.Engine, warehouse: sa.Engine, what: str
) -> None:
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")
    load(store, warehouse, None)
    with store.begin() as connection:
        connection.execute(sa.text(what))

    with pytest.raises(RcsWarehouseError, match="the store was restored from a backup"):
        load(store, warehouse, None)
    with warehouse.begin() as connection:
        for table in ("rcs_campaign", "rcs_message", "rcs_report", "rcs_load"):
            connection.execute(sa.text(f"DELETE FROM {table}"))

    assert load(store, warehouse, None).messages == 1


def revisions_and_folds(store: sa.Engine) -> list[object]:
    return [rows(store, "SELECT revision FROM rcs_campaign"), rows(store, "SELECT fold FROM rcs_report")]


def test_the_store_is_refused_as_its_own_warehouse(store: sa.Engine) -> None:
    with pytest.raises(RcsInputError, match="target_conn_id: it is the store itself"):
        load(store, store, None)


def all_cells(warehouse: sa.Engine) -> str:
    tables = warehouse_tables(None)
    with warehouse.connect() as connection:
        return str([connection.execute(sa.select(table)).all() for table in tables.metadata.tables.values()])


@pytest.mark.parametrize("phones", [MASKED, hashed("secret")], ids=["masked", "hashed"])
def test_no_cell_contains_a_phone_unless_phones_are_plain(
    store: sa.Engine, warehouse: sa.Engine, phones: PhoneForm
) -> None:
    opened = open_campaign(store, "spring", CampaignTerms("1"), {})
    attempt = begin_attempt(store, opened, StartedBy(started_by="test"), timedelta(minutes=1))
    people = [
        ListedRecipient("+34600000001", "+34600000001", "+34 600 000 001", "Ana", "", {"phone": "+34600000001"}),
        ListedRecipient("wrong", None, "600000002", "Bo", "", {}, rejection="phone: it is not valid"),
    ]
    record_list(store, attempt, prepare_list_part(store, people))
    extra = {"Movil": "+34600000001"}
    land(store, [Report("13", "+34600000001", "unknown", service="RCS", reported_at=NOW, extra=extra)], NOW)

    load(store, warehouse, None, phones)

    shown = all_cells(warehouse)
    assert "Ana" in shown
    assert [phone for phone in ("600000001", "600000002", "600 000 001") if phone in shown] == []


def test_messages_and_reports_can_be_joined_by_hashed_phone(store: sa.Engine, warehouse: sa.Engine) -> None:
    report(store, send(store, "spring", ["+34600000001", "+34600000002"]), "+34600000001", "13")

    load(store, warehouse, None, hashed("secret"))

    assert rows(
        warehouse, "SELECT m.name FROM rcs_message m JOIN rcs_report r ON r.phone = m.phone AND m.phone <> ''"
    ) == [("P+34600000001",)]


@pytest.mark.slow
def test_channel_statuses_are_loaded_even_if_the_message_does_not_change(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    reference = send(store, "spring", ["+34600000001", "+34600000002"])
    report(store, reference, "+34600000001", "50")
    report(store, reference, "+34600000001", "13", "SMS")
    report(store, reference, "+34600000002", "13")
    load(store, warehouse, None)
    report(store, reference, "+34600000001", "12", "voice")

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=0, reports=1)

    assert rows(
        warehouse, "SELECT campaign, message_id, channel, status, code FROM rcs_message_channel ORDER BY code"
    ) == [
        ("spring", 1, "VOICE", "sent", "12"),
        ("spring", 1, "SMS", "delivered", "13"),
        ("spring", 1, "RCS", "failed", "50"),
    ]


@pytest.mark.slow
def test_a_load_removes_erased_recipients_and_keeps_channels_and_funnel(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send(store, "spring", ["+34600000001", "+34600000002"])
    report(store, reference, "+34600000001", "50")
    report(store, reference, "+34600000001", "13", "SMS")
    load(store, warehouse, None)
    before = {
        table: rows(warehouse, f"SELECT * FROM {table}") for table in ("rcs_message_channel", "rcs_campaign_funnel")
    }

    erase(store, "+34600000001", "a test")
    loaded = load(store, warehouse, None)

    assert loaded == Loaded(campaigns=1, messages=1, reports=2)
    assert rows(warehouse, "SELECT phone, phone_as_listed, name FROM rcs_message WHERE id = 1") == [(None, "", "")]
    assert rows(warehouse, "SELECT DISTINCT phone, message_reference FROM rcs_report") == [("", "")]
    assert {table: rows(warehouse, f"SELECT * FROM {table}") for table in before} == before


@pytest.mark.slow
def test_a_report_on_a_pruned_message_is_loaded_without_its_phone(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send(store, "spring", ["+34600000001"])
    report(store, reference, "+34600000001", "50")
    load(store, warehouse, None)
    list(prune(store, RetentionLimit(datetime.now(UTC) + timedelta(days=1))))
    report(store, reference, "+34600000001", "13", "SMS")

    load(store, warehouse, None)

    assert rows(warehouse, "SELECT phone, delivery_status FROM rcs_message") == [(None, "delivered")]
    assert rows(warehouse, "SELECT message_id, service, phone FROM rcs_report ORDER BY id") == [
        (1, "RCS", "+34600000001"),
        (1, "SMS", ""),
    ]
    assert rows(warehouse, "SELECT message_id, channel, status FROM rcs_message_channel ORDER BY channel") == [
        (1, "RCS", "failed"),
        (1, "SMS", "delivered"),
    ]


def test_the_id_of_a_late_reply_is_loaded_for_a_message_settled_by_a_report(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    opened = open_campaign(store, "spring", CampaignTerms("1"), {})
    attempt = begin_attempt(store, opened, StartedBy(started_by="test"), timedelta(minutes=1))
    record_list(
        store,
        attempt,
        prepare_list_part(store, [ListedRecipient("+34600000001", "+34600000001", "+34600000001", "", "", {})]),
    )
    claim = claim_and_dispatch(store, attempt, 1_000)
    assert claim is not None
    report(store, claim.reference, "+34600000001", "13")
    load(store, warehouse, None)

    settle(store, [Settlement(claim, [Outcome("+34600000001", MessageState.REJECTED, reason="refused")], "77")])
    load(store, warehouse, None)

    assert rows(warehouse, "SELECT state, api_campaign_id FROM rcs_message") == [("accepted", "77")]


def reply(store: sa.Engine, **changes: Any) -> None:
    message = InboundMessage("+34600000001", "call 600 000 002", service="SMSRECIBIDO", extra={"telefono": "600000003"})
    land_all(store, [ReceivedReports(NOW, inbound=[message._replace(**changes)])])
    fold(store)


def replies_of(warehouse: sa.Engine) -> list[tuple[str, str, str]]:
    found = rows(warehouse, "SELECT phone, text, extra FROM rcs_inbound")
    # Some drivers return JSON as an object, others as text.
    return [(phone, text, str(extra)) for phone, text, extra in found]


def test_replies_are_loaded_once_with_their_campaign(store: sa.Engine, warehouse: sa.Engine) -> None:
    send(store, "spring", ["+34600000001"])
    reply(store, text="BAJA", api_message_id="m+34600000001")
    reply(store, text="BAJA", api_message_id="m+34600000001")

    assert load(store, warehouse, None).inbound == 1
    assert load(store, warehouse, None).inbound == 0

    loaded = rows(warehouse, "SELECT id, campaign, message_id, phone, text, opt_out FROM rcs_inbound")
    assert loaded == [(1, "spring", 1, "+34600000001", "BAJA", "BAJA")]


def test_only_new_replies_are_loaded(store: sa.Engine, warehouse: sa.Engine) -> None:
    reply(store)
    load(store, warehouse, None)
    reply(store, text="another")

    assert load(store, warehouse, None).inbound == 1
    assert rows(warehouse, "SELECT COUNT(*) FROM rcs_inbound") == [(2,)]


@pytest.mark.parametrize(
    ("phones", "phone"),
    [(MASKED, "*********001"), (hashed("key"), hashed("key").show("+34600000001"))],
)
def test_phones_of_replies_are_shown_as_in_the_other_tables(
    store: sa.Engine, warehouse: sa.Engine, phones: PhoneForm, phone: str
) -> None:
    reply(store)

    load(store, warehouse, None, phones)

    assert replies_of(warehouse) == [(phone, "call ********002", "{}")]


@pytest.mark.slow
def test_the_reply_of_an_erased_person_is_erased_by_the_next_load(store: sa.Engine, warehouse: sa.Engine) -> None:
    reply(store)
    load(store, warehouse, None)
    erase(store, "+34600000001", "a test")

    load(store, warehouse, None)

    assert replies_of(warehouse) == [("", "", "{}")]


def test_a_warehouse_of_an_older_version_gets_the_replies(store: sa.Engine, warehouse: sa.Engine) -> None:
    reply(store)
    load(store, warehouse, None)
    with warehouse.begin() as connection:
        connection.execute(sa.text("DROP TABLE rcs_inbound"))

    assert load(store, warehouse, None) == Loaded(campaigns=0, messages=0, reports=0, inbound=1)


@pytest.mark.slow
def test_a_refold_is_followed_by_the_next_load_alone(store: sa.Engine, warehouse: sa.Engine) -> None:
    reference = send(store, "spring", ["+34600000001", "+34600000002"])
    report(store, reference, "+34600000001", "77")
    report(store, reference, "+34600000002", "13")
    load(store, warehouse, None)
    list(refold(store, AccountCodes("", {"77": "read"})))

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=1, reports=0)

    assert rows(warehouse, "SELECT delivery_status FROM rcs_message ORDER BY phone") == [("read",), ("delivered",)]
    assert load(store, warehouse, None) == Loaded(campaigns=0, messages=0, reports=0)


def test_a_code_that_no_report_can_have_does_not_stop_the_load(store: sa.Engine, warehouse: sa.Engine) -> None:
    open_campaign(store, "spring", CampaignTerms("1"), {"x" * 33: "read", "20": "read"})

    load(store, warehouse, None)

    assert rows(warehouse, "SELECT code FROM rcs_status_code WHERE status = 'read'") == [("20",)]
