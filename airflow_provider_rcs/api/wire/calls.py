"""What all calls of the API share: their addresses, body formats and refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from airflow_provider_rcs.api import masking
from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCreditError,
    RcsNothingDoneError,
    RcsParameterError,
    RcsRefusedError,
)

DEFAULT_BASE_URL = "https://api.mensatek.com/v7"  # public


DEFAULT_PATHS: Mapping[str, str] = {
    "send": "/EnviarRCS",  # public
    "list_templates": "/GetPlantillasRCS",  # assumed
    "get_template": "/GetVariablesPlantillaRCS",  # assumed
    "credits": "/GetCreditos",  # public
}


JSON_REPLY = {"Resp": "JSON"}


_LONGEST_WORDS = 300


_REFUSALS: Mapping[int, tuple[type[RcsRefusedError], str]] = {
    0: (RcsNothingDoneError, "did nothing"),  # assumed
    -1: (RcsAuthError, "refused the API User or API Token"),  # public
    -2: (RcsCreditError, "finds not enough credit on the account"),  # public
    -3: (RcsParameterError, "found a parameter wrong"),
}


def json_body(parameters: Mapping[str, Any]) -> bytes:
    """Return the parameters as the body that the document recommends: a JSON object."""
    return orjson.dumps(parameters)


def form_body(parameters: Mapping[str, Any]) -> bytes:
    """Return the parameters as a form, in which arrays and objects are JSON strings."""
    flat = {key: value if isinstance(value, str) else orjson.dumps(value) for key, value in parameters.items()}
    return urlencode(flat).encode("ascii")


@dataclass(frozen=True, slots=True)
class BodyFormat:
    """One of the formats in which the service takes parameters."""

    content_type: str
    write: Callable[[Mapping[str, Any]], bytes]


BODY_FORMATS: Mapping[str, BodyFormat] = {
    "json": BodyFormat("application/json", json_body),
    "form": BodyFormat("application/x-www-form-urlencoded", form_body),
}


def refusal(result: int, reply: Mapping[str, Any], consequence: str) -> RcsRefusedError:
    kind, problem = _REFUSALS.get(result, (RcsParameterError, "refused the call"))
    # On one line, and no longer than a sentence or two: the service may put a whole page there, or a phone.
    words = masking.mask_phones_in_text(" ".join(str(reply.get("error") or "").split()))[:_LONGEST_WORDS]
    said = f' The service says: "{words}".' if words else ""
    return kind(f"the service {problem} (Res {result}).{said} {consequence}. {kind.remedy}")
