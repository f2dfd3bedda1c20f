from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.store.privacy.pseudonyms import PSEUDONYM_PREFIX, Pseudonyms, new_pseudonym_key

HASHES = Pseudonyms("01" * 32)


@given(st.text())
def test_a_recipient_has_one_hash_that_reads_the_same_in_every_process(recipient_key: str) -> None:
    assert HASHES.of(recipient_key) == Pseudonyms("01" * 32).of(recipient_key)


def test_a_hash_is_the_one_that_stores_hold_already() -> None:
    assert HASHES.of("34600000001") == "hash:a41eb2fe52465a4353a36cfadcf71a68"


@given(st.lists(st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True), unique=True))
def test_no_two_phones_share_a_hash(phones: list[str]) -> None:
    assert len({HASHES.of(phone) for phone in phones}) == len(phones)


def test_another_key_gives_other_hashes() -> None:
    assert Pseudonyms(new_pseudonym_key()).of("34600000001") != Pseudonyms(new_pseudonym_key()).of("34600000001")


@given(st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True))
def test_a_hash_is_told_from_a_phone_and_does_not_hold_it(phone: str) -> None:
    hashed = HASHES.of(phone)

    assert hashed.startswith(PSEUDONYM_PREFIX)
    assert phone not in hashed


def test_the_key_is_not_shown() -> None:
    assert "01" * 32 not in repr(HASHES)
