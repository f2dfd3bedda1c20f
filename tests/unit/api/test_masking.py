"""What is shown of a phone or a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.masking import mask_phone, mask_text


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("+34600000001", "*********001"),
        ("34600000001", "********001"),
        ("0001", "*001"),
        ("001", "***"),
        ("1", "*"),
        ("", ""),
    ],
)
def test_a_masked_phone_shows_its_last_three_digits_at_most(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


@given(st.text())
def test_no_mask_shows_more_than_three_characters_or_changes_the_length(text: str) -> None:
    masked = mask_phone(text)

    assert len(masked) == len(text)
    assert len(masked.lstrip("*")) <= 3
    assert set(masked[:-3]) <= {"*"}


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("Núria Pérez", "Xxxxx Xxxxx"),
        ("19.90", "00.00"),
        ("2026-05-01 09:30:00", "0000-00-00 00:00:00"),
        ("👋🏽", "xx"),
        ("", ""),
        ("a" * 41, "x" * 40 + "..."),
    ],
)
def test_a_masked_text_keeps_only_its_shape(text: str, shape: str) -> None:
    assert mask_text(text) == shape


@given(st.text())
def test_a_masked_text_has_none_of_its_letters_and_digits(text: str) -> None:
    assert {character for character in mask_text(text) if character.isalnum()} <= set("xX0")
