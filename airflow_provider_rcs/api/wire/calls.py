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
    RcsRefusedError,
)
from airflow_provider_rcs.api.masking import mask_phones_in_text

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


def refusal(result: int, reply: Mapping[str, Any], consequence: str) -> RcsRefusedError:
    """Return the error for a reply whose ``Res`` is 0 or below.

    :param result: the ``Res`` of the reply.
    :param reply: the reply, with lower-case keys.
    :param consequence: what the refusal means for the caller, such as "Nothing was changed".
    """
    kind, problem = _REFUSALS.get(result, _OTHER_REFUSAL)
    # On one line and cut, because the service may put a whole page there; masked, because it may quote a phone.
    quote = mask_phones_in_text(" ".join(str(reply.get("error") or "").split()))[:_LONGEST_QUOTE]
    quoted = f' The service says: "{quote}".' if quote else ""
    return kind(f"the service {problem} (Res {result}).{quoted} {consequence}. {kind.remedy}")
