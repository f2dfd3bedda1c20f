from __future__ import annotations

import inspect
from typing import Any

import pytest

from airflow_provider_rcs import campaigns
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.campaigns.arguments import CampaignArguments, with_signature_of
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.operators.sending import RcsSendingOperator


@with_signature_of(CampaignArguments)
def given(frame: Any, arguments: CampaignArguments) -> CampaignArguments:
    return arguments


def parameters_of(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def test_the_arguments_are_those_of_the_operator_with_their_defaults() -> None:
    operator = parameters_of(RcsSendOperator) | parameters_of(RcsSendingOperator)
    only_here = {"frame", "campaign", "store_url"}

    here = parameters_of(campaigns.send)

    assert {name: each.default for name, each in here.items() if name not in only_here} == {
        name: operator[name].default for name in here.keys() - only_here
    }
    only_there = {"self", "dry_run", "test_phones", "kwargs"}
    assert parameters_of(RcsSendingOperator).keys() - here.keys() == only_there & operator.keys()


def test_a_preview_takes_the_arguments_of_a_send() -> None:
    assert parameters_of(campaigns.preview) == parameters_of(campaigns.send)


def test_the_frame_may_be_given_by_its_name() -> None:
    assert given(frame=[], template_id="1", campaign="spring").campaign == "spring"  # type: ignore[call-arg]


def test_a_mistyped_argument_is_named_with_the_one_that_is_meant() -> None:
    with pytest.raises(RcsInputError, match="quiet_hour: there is no such argument. Did you mean quiet_hours?"):
        given([], template_id="1", campaign="spring", quiet_hour=[])  # type: ignore[call-arg]


@pytest.mark.parametrize("missing", ["template_id", "campaign"])
def test_a_missing_argument_is_named(missing: str) -> None:
    arguments = {"template_id": "1", "campaign": "spring"}
    del arguments[missing]

    with pytest.raises(RcsInputError, match=f"{missing}: it is missing"):
        given([], **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["", " ", None, 1.5, ["spring"]])
def test_a_campaign_without_a_name_is_refused(value: Any) -> None:
    with pytest.raises(RcsInputError, match="campaign"):
        CampaignArguments(template_id="1", campaign=value).checked_settings()


def test_a_whole_number_is_read_as_a_text() -> None:
    settings = CampaignArguments(template_id=1234567, campaign=2026).checked_settings()  # type: ignore[arg-type]

    assert (settings.template_id, settings.campaign) == ("1234567", "2026")
