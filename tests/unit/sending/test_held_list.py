from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_rcs.api.errors import RcsPlanChangedError
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.sending import approval
from airflow_provider_rcs.sending.approval import PlanHash, hold_until_approved
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms

CHUNKS = [
    [ListedRecipient("34600000001", "34600000001", "600 000 001", "Núria\u2028Puig", "1", {"Amount": "7"})],
    [],
    [ListedRecipient("no-phone:ab", None, "x", "", "", {}, "phone: it is missing", "row 2", is_fixed_line=True)],
]


def new_plan() -> PlanHash:
    return PlanHash(Template("1", "Welcome"), SendSettings("1", "spring"), CampaignTerms("1"), "secret")


def adding_to(plan: PlanHash) -> Iterator[list[ListedRecipient]]:
    for chunk in CHUNKS:
        plan.add(chunk)
        yield chunk


def approved() -> str:
    plan = new_plan()
    for _ in adding_to(plan):
        pass
    return str(plan)


@pytest.mark.parametrize("in_memory", [0, 1, approval._BYTES_IN_MEMORY])
def test_an_approved_list_comes_out_as_it_went_in(monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(approval, "_BYTES_IN_MEMORY", in_memory)
    plan = new_plan()

    given = list(hold_until_approved(adding_to(plan), plan, approved()))

    assert given == CHUNKS


def test_nothing_of_another_list_comes_out() -> None:
    plan = new_plan()

    with pytest.raises(RcsPlanChangedError):
        next(hold_until_approved(iter(CHUNKS), plan, approved()))
