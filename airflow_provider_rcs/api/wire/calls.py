"""What all calls of the API share: addresses, body formats, refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCreditError,
    RcsNothingDoneError,
    RcsParameterError,
    RcsRateLimited,
    RcsRefusedError,
)
from airflow_provider_rcs.api.masking import mask_phones_in_text
from airflow_provider_rcs.api.wire import lenient_json
from airflow_provider_rcs.api.wire.amounts import read_amount

DEFAULT_BASE_URL = "https://api.mensatek.com/v7"  # public

DEFAULT_PATHS: Mapping[str, str] = {
    "send": "/EnviarRCS",  # public
    "list_templates": "/GetPlantillasRCS",  # assumed
    "get_template": "/GetVariablesPlantillaRCS",  # assumed
    "credits": "/GetCreditos",  # public
}

JSON_REPLY = {"Resp": "JSON"}
"""The parameter that every call carries: without it, the API answers as versions before 5 did (sure)."""

_REFUSALS: Mapping[int, tuple[type[RcsRefusedError], str]] = {
    0: (RcsNothingDoneError, "did nothing"),  # assumed
    -1: (RcsAuthError, "refused the API User or API Token"),  # public
    -2: (RcsCreditError, "found too little credit on the account"),  # public
    -3: (RcsParameterError, "found a parameter wrong"),  # sure
}
_OTHER_REFUSAL = (RcsParameterError, "refused the call")  # public
_LONGEST_QUOTE = 300

CREDIT_FIELDS = ("cred", "saldo")  # public


def json_body(parameters: Mapping[str, Any]) -> bytes:
    """Return the parameters as a JSON object, which the document recommends (sure)."""
    return orjson.dumps(parameters)


def form_body(parameters: Mapping[str, Any]) -> bytes:
    """Return the parameters as a form, in which arrays and objects are JSON strings (sure)."""
    flat = {key: value if isinstance(value, str) else orjson.dumps(value) for key, value in parameters.items()}
    return urlencode(flat).encode("ascii")


@dataclass(frozen=True, slots=True)
class BodyFormat:
    """A format in which the service accepts parameters."""

    content_type: str
    write: Callable[[Mapping[str, Any]], bytes]


BODY_FORMATS: Mapping[str, BodyFormat] = {
    "json": BodyFormat("application/json", json_body),
    "form": BodyFormat("application/x-www-form-urlencoded", form_body),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal of a call, as the reply or its HTTP status says it, before it is known what it means for the caller.

    :param problem: what the service refused, as a whole sentence.
    :param retry_after: seconds that the service asks to wait, or ``None`` if it does not say.
    """

    kind: type[RcsRefusedError]
    problem: str
    remedy: str
    retry_after: float | None = None

    def error(self, consequence: str) -> RcsRefusedError:
        """Return the error to raise.

        :param consequence: what the refusal means for the caller, such as "Nothing was changed".
        """
        text = f"{self.problem} {consequence}. {self.remedy}"
        return RcsRateLimited(text, self.retry_after) if self.kind is RcsRateLimited else self.kind(text)


def refusal_in(reply: Mapping[str, Any], by_status: Refusal | None) -> Refusal | None:
    """Return the refusal of a whole call, or ``None`` if neither the reply nor its HTTP status refuses it.

    A ``Res`` below 0 refuses it, and so does a credit of -1 without a ``Res``, which means wrong credentials (public).
    Wherever one of the two says so, the credentials are wrong; too many requests are next; then the reply says more.

    :param reply: the reply, with lower-case keys.
    :param by_status: the refusal that its HTTP status is.
    :raises TypeError: if the ``Res`` is not a number.
    :raises ValueError: likewise.
    """
    by_reply = _refusal_in_fields(reply)
    if by_reply is None or by_status is None:
        return by_reply or by_status
    if by_reply.kind is RcsAuthError or not issubclass(by_status.kind, RcsAuthError | RcsRateLimited):
        return by_reply
    return by_status


def _refusal_in_fields(reply: Mapping[str, Any]) -> Refusal | None:
    if reply.get("res") not in (None, ""):
        result = lenient_json.integer(reply["res"])
        return refusal(result, reply) if result < 0 else None
    is_wrong = any(read_amount(reply.get(name)) == -1 for name in CREDIT_FIELDS)
    return refusal(-1, reply) if is_wrong else None


def refusal(result: int, reply: Mapping[str, Any]) -> Refusal:
    """Return the refusal that a ``Res`` of 0 or below is.

    :param result: the ``Res`` of the reply.
    :param reply: the reply, with lower-case keys.
    """
    kind, problem = _REFUSALS.get(result, _OTHER_REFUSAL)
    # On one line and cut, because the service may put a whole page there; masked, because it may quote a phone.
    quote = mask_phones_in_text(" ".join(lenient_json.text(reply.get("error") or "").split()))[:_LONGEST_QUOTE]
    quoted = f' The service says: "{quote}".' if quote else ""
    return Refusal(kind, f"the service {problem} (Res {result}).{quoted}", kind.remedy)
