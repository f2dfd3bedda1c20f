"""What all calls share: body formats, and the refusals of a whole call."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCreditError,
    RcsParameterError,
    RcsRateLimited,
    RcsRefusedError,
)
from airflow_provider_rcs.api.wire.calls import Refusal, form_body, refusal, refusal_in

TOO_MANY = Refusal(RcsRateLimited, "the service refused the call (HTTP 429).", "Wait.", 5.0)
UNAUTHORIZED = Refusal(RcsAuthError, "the service refused the call (HTTP 401).", "Correct the login.")
BAD_REQUEST = Refusal(RcsParameterError, "the service refused the call (HTTP 400).", "Correct the call.")


def test_a_form_has_arrays_as_json_strings() -> None:
    assert form_body({"Agente": "a b", "Lista": [{"a": 1}]}) == b"Agente=a+b&Lista=%5B%7B%22a%22%3A1%7D%5D"


def test_a_refusal_becomes_the_error_of_its_kind_with_its_consequence() -> None:
    error = BAD_REQUEST.error("Nothing was changed")

    assert type(error) is RcsParameterError
    assert str(error) == "the service refused the call (HTTP 400). Nothing was changed. Correct the call."


def test_the_error_of_a_rate_limit_says_how_long_to_wait() -> None:
    error = TOO_MANY.error("Nothing was sent")

    assert isinstance(error, RcsRateLimited)
    assert str(error) == "the service refused the call (HTTP 429). Nothing was sent. Wait."
    assert error.retry_after == 5.0


@pytest.mark.parametrize(
    ("reply", "by_status", "kind"),
    [
        ({"res": "3"}, None, None),
        ({"res": "3"}, BAD_REQUEST, RcsParameterError),
        ({"res": "-2"}, None, RcsCreditError),
        ({"res": "-2"}, BAD_REQUEST, RcsCreditError),
        ({"res": "-2"}, TOO_MANY, RcsRateLimited),
        ({"res": "-2"}, UNAUTHORIZED, RcsAuthError),
        ({"res": "-1"}, TOO_MANY, RcsAuthError),
        ({"res": "-1"}, BAD_REQUEST, RcsAuthError),
    ],
)
def test_wrong_credentials_are_first_then_too_many_requests_then_the_reply(
    reply: dict[str, Any], by_status: Refusal | None, kind: type[RcsRefusedError] | None
) -> None:
    found = refusal_in(reply, by_status)

    assert (None if found is None else found.kind) is kind


@pytest.mark.parametrize("name", ["cred", "saldo"])
@pytest.mark.parametrize("nothing", [{}, {"res": None}, {"res": ""}], ids=str)
def test_a_credit_of_minus_one_without_a_result_means_wrong_credentials(nothing: dict[str, Any], name: str) -> None:
    assert refusal_in({**nothing, name: "-1"}, None) == refusal(-1, {})
    assert refusal_in({**nothing, name: "1"}, None) is None
    assert refusal_in({**nothing, name: "-2"}, None) is None


def test_a_refusal_quotes_the_service_if_it_says_something() -> None:
    refused = "the service refused the API User or API Token (Res -1)."

    assert refusal(-1, {}).problem == refused
    assert refusal(-1, {"error": "clave"}).problem == f'{refused} The service says: "clave".'
