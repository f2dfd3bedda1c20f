from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider_rcs.api.accounts import (
    account_of,
    format_credits,
    read_min_credits,
    require_credit,
    shown_account,
)
from airflow_provider_rcs.api.errors import RcsCreditError, RcsInputError


@pytest.mark.parametrize(
    ("value", "amount"), [(5, 5), (0.5, 0.5), ("1200", 1200), (" 12.5 ", 12.5), (Decimal("7.25"), 7.25)]
)
def test_an_amount_may_be_a_number_or_its_text(value: object, amount: float) -> None:
    assert read_min_credits(value) == amount


@pytest.mark.parametrize("value", [0, -1, "", "many", "1,5", None, True, "nan", "inf", [5]])
def test_a_value_that_is_not_a_number_above_zero_is_refused_by_name(value: object) -> None:
    with pytest.raises(RcsInputError, match=r"^min_credits: .* is not an amount of credit\. Use a number above 0"):
        read_min_credits(value)


def test_exactly_the_required_credit_is_enough() -> None:
    require_credit(left=5, required=5)


def test_less_credit_than_required_is_refused_with_both_amounts() -> None:
    with pytest.raises(RcsCreditError, match=r"the account has 1,999\.5 credits left, but 2,000 are required"):
        require_credit(left=1999.5, required=2000)


@pytest.mark.parametrize(("amount", "text"), [(0, "0"), (10_000_000, "10,000,000"), (12.5, "12.5"), (4.999, "4.999")])
def test_an_amount_has_thousands_separators_and_no_exponent(amount: float, text: str) -> None:
    assert format_credits(amount) == text


def test_an_account_is_its_host_in_any_case_and_its_login_whatever_the_path() -> None:
    account = account_of("https://api.example/v7", "user")

    assert account == account_of("https://API.example/v8", "user")
    assert (
        len({account, account_of("https://api.example:8443/v7", "user"), account_of("https://api.example", "x")}) == 3
    )


@pytest.mark.parametrize(
    ("account", "conn_id", "shown"),
    [("a1b2c3d4e5", "rcs_es", "rcs_es (a1b2c3d4)"), ("", "rcs_es", "rcs_es"), ("", "", "-")],
)
def test_an_account_is_shown_by_its_connection_and_eight_letters(account: str, conn_id: str, shown: str) -> None:
    assert shown_account(account, conn_id) == shown
