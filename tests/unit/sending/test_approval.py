"""The hash of a plan, and the list that is yielded only with the approved one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsPlanChangedError
from airflow_provider_rcs.api.models import QuietHours, Template, TemplateVariable
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.sending import approval
from airflow_provider_rcs.sending.approval import PlanHash, yield_if_approved
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
WELCOME = Template("1234567", "Welcome", (TemplateVariable("Amount", "TEXTO"),))


def plan(*chunks: Sequence[ListedRecipient], **changes: Any) -> PlanHash:
    arguments: dict[str, Any] = {"template": WELCOME, "agent": "shop", "send_at": NOON, "key": "token"} | changes
    template, agent, send_at, key = (arguments.pop(name) for name in ("template", "agent", "send_at", "key"))
    settings = SendSettings(**({"template_id": template.id, "campaign": "spring"} | arguments))
    added = PlanHash(template, settings, CampaignTerms(template.id, template.name, agent, send_at), key)
    for chunk in chunks:
        added.add(chunk)
    return added


def recipient(number: int = 1, **changes: Any) -> ListedRecipient:
    phone = f"+346{number:08d}"
    listed = ListedRecipient(phone, phone, phone, f"Person {number}", str(number), {"Amount": "7", "Shop": "Madrid"})
    return listed._replace(**changes)


ANA, BEA = recipient(1), recipient(2)
HASH = str(plan([ANA, BEA]))
TERMS, LIST = HASH.split("-")
CHUNKS = [
    [ListedRecipient("+34600000001", "+34600000001", "600 000 001", "Núria\u2028Puig", "1", {"Amount": "7"})],
    [],
    [ListedRecipient("no-phone:ab", None, "x", "", "", {}, "phone: it is missing", "row 2", is_fixed_line=True)],
]


def new_plan() -> PlanHash:
    return PlanHash(Template("1", "Welcome"), SendSettings("1", "spring"), CampaignTerms("1"), "key")


def add_chunks_to(plan: PlanHash) -> Iterator[list[ListedRecipient]]:
    for chunk in CHUNKS:
        plan.add(chunk)
        yield chunk


def approved() -> str:
    plan = new_plan()
    for _ in add_chunks_to(plan):
        pass
    return str(plan)


@given(st.lists(st.integers(1, 50), min_size=1), st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_order_of_rows_and_the_size_of_chunks_do_not_change_the_hash(
    numbers: list[int], chance: Any, size: int
) -> None:
    people = [recipient(number) for number in numbers]
    shuffled = chance.sample(people, len(people))

    chunks = [shuffled[start : start + size] for start in range(0, len(shuffled), size)]

    assert str(plan(*chunks)) == str(plan(people))


@pytest.mark.parametrize(
    "change",
    [
        {"key": "+34600000009"},
        {"name": "Ann"},
        {"reference": "9"},
        {"variables": {"Amount": "8", "Shop": "Madrid"}},
        {"variables": {"Amount": "7"}},
        {"rejection": "phone: it is missing"},
    ],
    ids=str,
)
def test_a_changed_recipient_changes_only_the_hash_of_the_list(change: dict[str, Any]) -> None:
    terms, listed = str(plan([ANA._replace(**change), BEA])).split("-")

    assert terms == TERMS
    assert listed != LIST


@pytest.mark.parametrize("chunk", [[ANA], [ANA, BEA, recipient(3)], [ANA, BEA, BEA], [ANA, ANA], []], ids=len)
def test_an_added_missing_or_repeated_row_changes_the_hash(chunk: list[ListedRecipient]) -> None:
    assert str(plan(chunk)) != HASH


@pytest.mark.parametrize(
    "change",
    [
        {"template": Template("1234568", "Welcome", WELCOME.variables)},
        {"template": Template("1234567", "Goodbye", WELCOME.variables)},
        {"template": Template("1234567", "Welcome", (TemplateVariable("Price", "TEXTO"),))},
        {"agent": "bank"},
        {"send_at": None},
        {"send_at": NOON + timedelta(minutes=1)},
        {"quiet_hours": (QuietHours(time(22), time(9)),)},
        {"campaign": "summer"},
        {"key": "another"},
    ],
    ids=str,
)
def test_a_changed_term_changes_the_hash_of_the_terms(change: dict[str, Any]) -> None:
    assert str(plan([ANA, BEA], **change)).split("-")[0] != TERMS


@pytest.mark.parametrize(
    "change",
    [
        {"send_at": NOON.astimezone(timezone(timedelta(hours=2)))},
        {"batch_size": 7},
        {"max_in_flight": 1},
        {"on_in_doubt": "hold"},
    ],
    ids=str,
)
def test_settings_that_change_no_message_do_not_change_the_hash(change: dict[str, Any]) -> None:
    assert str(plan([ANA, BEA], **change)) == HASH


def test_the_order_of_variables_and_the_position_of_a_row_do_not_change_the_hash() -> None:
    elsewhere = ANA._replace(variables={"Shop": "Madrid", "Amount": "7"}, phone_as_listed="600 000 001", detail="row 9")

    assert str(plan([elsewhere, BEA])) == HASH


def test_the_hash_is_a_short_text_that_the_settings_accept() -> None:
    settings = SendSettings(template_id="1", campaign="spring", approved_plan=HASH)

    assert settings.approved_plan == HASH
    assert len(HASH) == 49


def test_a_list_of_one_cannot_be_guessed_without_the_key() -> None:
    assert str(plan([ANA], key="another")).split("-")[1] != str(plan([ANA])).split("-")[1]


def test_a_list_with_the_hash_of_another_cannot_be_made_without_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("airflow_provider_rcs.sending.approval._LIST_MODULUS", 2**16)
    of_hash: dict[str, ListedRecipient] = {}
    for number in range(10_000):
        one, other = of_hash.setdefault(str(plan([recipient(number)])), recipient(number)), recipient(number)
        if one != other:
            break

    assert str(plan([one])) == str(plan([other]))
    assert str(plan([one], key="another")) != str(plan([other], key="another"))


def test_the_approved_plan_is_accepted() -> None:
    plan([BEA], [ANA]).require(HASH)


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (plan([ANA]), r"nothing is sent\. Changed: the list \(it has 1 rows now\)\. Start a new run of the DAG"),
        (plan([ANA, BEA], agent="bank"), r"Changed: what is sent \(template, agent, .*\)\. Start"),
        (plan([ANA], agent="bank"), r"Changed: what is sent \(.*\), and the list \(it has 1 rows now\)\. Start"),
    ],
)
def test_another_plan_is_refused_with_what_has_changed(now: PlanHash, message: str) -> None:
    with pytest.raises(RcsPlanChangedError, match=message):
        now.require(HASH)


@pytest.mark.parametrize("in_memory", [0, 1, approval._BYTES_IN_MEMORY])
def test_an_approved_list_is_yielded_unchanged(monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(approval, "_BYTES_IN_MEMORY", in_memory)
    plan = new_plan()

    given = list(yield_if_approved(add_chunks_to(plan), plan, approved()))

    assert given == CHUNKS


def test_nothing_of_another_list_is_yielded() -> None:
    plan = new_plan()

    with pytest.raises(RcsPlanChangedError):
        next(yield_if_approved(iter(CHUNKS), plan, approved()))
