"""What a person is shown of a plan."""

from __future__ import annotations

from typing import Any, cast

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Context

from airflow_provider_rcs.operators.approval import RcsApprovalOperator, describe_plan
from tests.unit.sending.test_preview import preview


def test_the_question_shows_counts_reasons_sizes_and_masked_samples() -> None:
    plan = preview()

    assert describe_plan(plan).splitlines() == [
        "Campaign **spring** with template 1234567 (Welcome).",
        "",
        "|  | recipients |",
        "| --- | --- |",
        "| rows of the list | 4 |",
        "| would be sent to | 3 |",
        "| of them fixed lines | 0 |",
        "| messaged by this campaign before | 0 |",
        "| the same phone again | 0 |",
        "| cannot be sent to | 1 |",
        "| must not be sent to | 0 |",
        "",
        "| phones, as they were read | recipients |",
        "| --- | --- |",
        "| national | 1 |",
        "| as written | 1 |",
        "| country code without + | 1 |",
        "",
        "| country | recipients |",
        "| --- | --- |",
        "| ES | 3 |",
        "",
        "Suppressed and already messaged recipients are unknown: no store.",
        "",
        "- 1 rejected: phone: it is not a phone number",
        "",
        f"1 request, {plan['requests']['total_bytes']:,} bytes in total. Masked samples:",
        "",
        "- *********001, Xxxxx Xxxxx: {'Amount': '00.0', 'Shop': 'Xxxxxx'}",
        "- *********002, Xxxxx: {'Amount': '0', 'Shop': 'Xxxxxx'}",
        "- *********678, Xxx: {'Amount': '0', 'Shop': 'Xxxxxx'}",
    ]


def test_the_question_shows_values_that_look_missing() -> None:
    plan = preview([{"phone": ["600000001", "600000002"], "name": ["<NA>", None], "total": [7, 7]}])

    lines = describe_plan(plan).splitlines()

    assert "- 1 look missing, but are sent: `<NA>` in column `name`" in lines
    assert "- 1 look missing, but are sent: `empty` in column `name`" in lines


@pytest.mark.parametrize("plan", [None, "", {"accepted": 3}, {}], ids=repr)
def test_a_value_that_is_no_plan_is_refused_before_anyone_is_asked(plan: Any) -> None:
    operator = RcsApprovalOperator(task_id="approve", plan=plan)

    with pytest.raises(AirflowFailException, match=f"plan: a {type(plan).__name__} is not a plan"):
        operator.execute(cast("Context", {}))
