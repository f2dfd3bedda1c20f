"""The suppression list, changed and read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreError
from airflow_provider_rcs.store.db.tables import suppression, suppression_pseudonym
from airflow_provider_rcs.store.outbox import suppression_list
from airflow_provider_rcs.store.outbox.suppression_list import (
    Suppression,
    add_suppressions,
    count_accounts_suppressing,
    remove_suppression,
    suppressions,
)
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.unit.store.given import ANA, BEA, EVA, claim_next, count, phones, planned, row


def listed(engine: sa.Engine, account: str | None = None) -> list[tuple[str | None, str, str]]:
    return [(each.phone, each.reason, each.account) for each in suppressions(engine, account)]


def test_a_suppressed_phone_gets_no_message(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA], "said STOP")

    assert claim_next(engine, planned(engine, [ANA, BEA])).phones == [BEA]
    assert row(engine, ANA).reason == "suppressed: said STOP"


def test_a_phone_that_is_suppressed_already_keeps_its_reason_and_is_not_counted(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA], "said STOP")

    assert add_suppressions(engine, [ANA, BEA], "list of May") == 1

    assert listed(engine) == [(ANA, "said STOP", ""), (BEA, "list of May", "")]


def test_many_phones_are_added_batch_by_batch(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppression_list, "_ROWS_PER_STATEMENT", 3)

    assert add_suppressions(engine, set(phones(10)), "list of May") == 10

    assert [each.phone for each in suppressions(engine)] == phones(10)


def test_all_phones_are_added_or_none(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppression_list, "_ROWS_PER_STATEMENT", 3)

    with pytest.raises(RcsStoreError):
        add_suppressions(engine, [*phones(10), "600000001"], "list of May")

    assert count(engine, suppression) == 0


def test_a_reason_is_needed(engine: sa.Engine) -> None:
    explained = r"^reason: it is empty\. Say why; campaigns record it with each message\.$"
    with pytest.raises(RcsInputError, match=explained):
        add_suppressions(engine, [ANA], " ")


def test_an_erased_phone_is_not_stored_again(engine: sa.Engine) -> None:
    erase(engine, ANA, "a test", suppress=True)

    assert add_suppressions(engine, [ANA, BEA], "list of May") == 1

    assert listed(engine) == [(BEA, "list of May", ""), (None, "erased on request", "")]


def test_a_removed_phone_is_messaged_again(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA], "said STOP")

    assert remove_suppression(engine, ANA)

    assert claim_next(engine, planned(engine, [ANA])).phones == [ANA]


def test_a_phone_of_which_only_the_pseudonym_is_stored_can_be_removed(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA, BEA], "said STOP")
    erase(engine, ANA, "a test")

    assert remove_suppression(engine, ANA)

    assert count(engine, suppression_pseudonym) == 0
    assert claim_next(engine, planned(engine, [ANA, BEA])).phones == [ANA]


def test_removing_a_phone_leaves_the_other_pseudonyms_and_accounts(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA, BEA], "for all")
    add_suppressions(engine, [ANA], "for one", "ours")
    for phone in (ANA, BEA):
        erase(engine, phone, "a test")

    assert remove_suppression(engine, ANA)

    assert sorted(listed(engine), key=str) == [(None, "for all", ""), (None, "for one", "ours")]


def test_a_phone_is_removed_also_where_others_were_erased(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA, BEA], "said STOP")
    erase(engine, BEA, "a test")

    assert remove_suppression(engine, ANA)

    assert listed(engine) == [(None, "said STOP", "")]


def test_the_list_says_since_when_in_the_order_of_the_phones(engine: sa.Engine) -> None:
    before = datetime.now(UTC)
    add_suppressions(engine, [BEA], "said STOP")
    add_suppressions(engine, [ANA], "said STOP")

    found = list(suppressions(engine))

    assert [each.phone for each in found] == [ANA, BEA]
    assert all(before <= each.since <= datetime.now(UTC) for each in found)


def test_removing_a_phone_that_is_not_suppressed_changes_nothing(engine: sa.Engine) -> None:
    add_suppressions(engine, [BEA], "said STOP")

    assert not remove_suppression(engine, ANA)

    assert listed(engine) == [(BEA, "said STOP", "")]


def test_a_suppression_for_one_account_is_removed_by_itself(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA], "for all")
    add_suppressions(engine, [ANA], "for one", "ours")

    assert remove_suppression(engine, ANA, "ours")

    assert listed(engine) == [(ANA, "for all", "")]


def test_the_accounts_that_suppress_a_phone_are_counted_also_after_its_erasure(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA], "for all")
    add_suppressions(engine, [ANA, BEA], "for one", "ours")
    erase(engine, ANA, "a test")
    add_suppressions(engine, [ANA], "for one", "theirs")

    assert [count_accounts_suppressing(engine, phone) for phone in (ANA, BEA, EVA)] == [2, 1, 0]


def test_the_list_of_an_account_has_the_phones_of_all_accounts_too(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA], "for all")
    add_suppressions(engine, [BEA], "for one", "ours")
    add_suppressions(engine, [EVA], "for one", "theirs")

    assert listed(engine, "ours") == [(ANA, "for all", ""), (BEA, "for one", "ours")]


def test_erasure_keeps_the_account_of_a_suppression(engine: sa.Engine) -> None:
    add_suppressions(engine, [ANA], "for one", "ours")

    erase(engine, ANA, "a test")

    (found,) = suppressions(engine)
    assert found == Suppression(None, "for one", found.since, "ours")
