from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.warehouse.phones import MASKED, PLAIN, PhoneForm, hashed

PHONES = st.from_regex(r"[0-9]{6,15}", fullmatch=True)


@given(phone=PHONES, key=st.text(min_size=1).filter(lambda key: key.isprintable()))
def test_a_hashed_phone_is_the_hmac_sha256_of_its_digits(phone: str, key: str) -> None:
    assert hashed(key).show(phone) == hmac.new(key.encode(), phone.encode(), "sha256").hexdigest()


@given(phone=PHONES)
def test_different_keys_give_different_hashes(phone: str) -> None:
    assert hashed("one").show(phone) != hashed("two").show(phone)


@given(phone=PHONES)
def test_a_masked_phone_shows_only_its_last_three_digits(phone: str) -> None:
    assert MASKED.show(phone) == "*" * (len(phone) - 3) + phone[-3:]


@pytest.mark.parametrize("form", [PLAIN, MASKED, hashed("key")], ids=["plain", "masked", "hashed"])
def test_an_empty_phone_stays_empty(form: PhoneForm) -> None:
    assert form.show("") == ""


@pytest.mark.parametrize("form", [MASKED, hashed("key")], ids=["masked", "hashed"])
@pytest.mark.parametrize(
    "phone",
    [
        "600000002",
        "600 00 00 02",
        "600-000-002",
        "600.000.002",
        "600\u00a0000\u00a0002",
        "(600) 000 - 002",
        "+34 600-000-002",
    ],
)
def test_a_phone_in_a_text_is_masked_however_it_is_written(form: PhoneForm, phone: str) -> None:
    shown = form.show_text(f"call {phone}, please")

    assert "600" not in shown
    assert shown.startswith("call ")
    assert shown.endswith("02, please")


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(RcsInputError, match="phone_key_conn_id: the key is empty"):
        hashed("")
