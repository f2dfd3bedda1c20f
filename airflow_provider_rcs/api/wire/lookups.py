"""The look-up calls: templates, the variables of a template, the credit left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from airflow_provider_rcs.api.errors import RcsUnavailable
from airflow_provider_rcs.api.models import Template, TemplateVariable
from airflow_provider_rcs.api.wire import lenient_json
from airflow_provider_rcs.api.wire.calls import JSON_REPLY, refusal

_RECIPIENT_TYPE = "DESTINATARIO"
_LOWEST_HTTP_ERROR = 400


def common_parameters() -> dict[str, Any]:
    """Return the parameters of a call that has none of its own."""
    return dict(JSON_REPLY)


def template_parameters(template_id: str) -> dict[str, Any]:
    """Return the parameters of the look-up of one template."""
    return {"Plantilla": template_id, **JSON_REPLY}


def read_templates(body: bytes, status: int = 200) -> dict[str, str]:
    """Read the reply to the look-up of all templates.

    :param status: the HTTP status of the reply.
    :return: template id -> name.
    :raises RcsRefusedError: if the service refused the call or its reply cannot be read; a subclass says which.
    """
    try:
        templates = lenient_json.structure(_read_look_up(body, status).get("plantillas")) or {}
    except ValueError:
        templates = None
    if not isinstance(templates, dict):
        raise _unreadable("list of templates", "it is not an object of id -> name")
    return {str(template_id): str(name) for template_id, name in templates.items()}


def read_template(body: bytes, template_id: str, status: int = 200) -> Template:
    """Read the reply to the look-up of one template.

    :param template_id: the id of the template, which the reply does not repeat.
    :param status: the HTTP status of the reply.
    :raises RcsRefusedError: if the service refused the call or its reply cannot be read; a subclass says which.
    """
    reply = _read_look_up(body, status)
    try:
        entries = lenient_json.entries(reply.get("variables") or [])
        variables = None if entries is None else tuple(map(_read_variable, entries))
    except (KeyError, TypeError, ValueError):
        variables = None
    if variables is None:
        raise _unreadable(f"variables of template {template_id}", "they are not objects with a name")
    return Template(template_id, str(reply.get("nombre") or ""), variables)


def read_credits(body: bytes, status: int = 200) -> float:
    """Read the reply to the look-up of the credit left, which is in the field ``Cred`` (public).

    :param status: the HTTP status of the reply.
    :raises RcsRefusedError: if the service refused the call or its reply cannot be read; a subclass says which.
    """
    reply = _read_look_up(body, status)
    try:
        credit = float(str(reply["cred"]).replace(",", "."))
    except (KeyError, ValueError):
        credit = math.nan
    if not math.isfinite(credit):
        raise _unreadable("reply to the credit look-up", "it has no amount of credit")
    return credit


def _read_look_up(body: bytes, status: int) -> dict[str, Any]:
    try:
        reply = lenient_json.read_object(body)
        result = lenient_json.integer(reply["res"]) if "res" in reply else 1
    except (TypeError, ValueError):
        raise _unreadable("reply", f"HTTP {status}, {len(body)} bytes") from None
    if result < 0:
        raise refusal(result, reply, "Nothing was changed")
    if status >= _LOWEST_HTTP_ERROR:
        raise RcsUnavailable(f"the service failed (HTTP {status}). {RcsUnavailable.remedy}")
    return reply


def _read_variable(values: Mapping[str, Any]) -> TemplateVariable:
    variable_type = str(values.get("tipo") or "")
    return TemplateVariable(str(values["nombre"]), variable_type, variable_type.upper() == _RECIPIENT_TYPE)


def _unreadable(what: str, why: str) -> RcsUnavailable:
    return RcsUnavailable(f"the service's {what} cannot be read: {why}. {RcsUnavailable.remedy}")
