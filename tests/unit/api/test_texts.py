from __future__ import annotations

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.texts import text_of


@pytest.mark.parametrize(("value", "text"), [("007", "007"), (20261129, "20261129")])
def test_a_text_may_be_given_as_a_whole_number(value: object, text: str) -> None:
    assert text_of("campaign", value) == text


@pytest.mark.parametrize("value", [1.5, True, None, ["spring"]])
def test_what_is_no_text_is_refused_by_its_type(value: object) -> None:
    with pytest.raises(RcsInputError, match=f"campaign: a {type(value).__name__} is not a text"):
        text_of("campaign", value)
