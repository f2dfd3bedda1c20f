"""The look-up calls: templates, the variables of a template, the credit left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_rcs.api.errors import RcsUnavailable
from airflow_provider_rcs.api.models import Template, TemplateVariable
from airflow_provider_rcs.api.wire import lenient_json
from airflow_provider_rcs.api.wire.amounts import read_amount
from airflow_provider_rcs.api.wire.calls import CREDIT_FIELDS, JSON_REPLY, Refusal, refusal_in
from airflow_provider_rcs.api.wire.replies import read_reply

_RECIPIENT_TYPE = "DESTINATARIO"
_LOWEST_HTTP_ERROR = 400
_NOTHING_CHANGED = "Nothing was changed"


def common_parameters() -> dict[str, Any]:
    """Return the parameters of a call that has none of its own."""
    return dict(JSON_REPLY)


def template_parameters(template_id: str) -> dict[str, Any]:
    """Return the parameters of the look-up of one template."""
    return {"Plantilla": template_id, **JSON_REPLY}


def read_templates(body: bytes, status: int = 200, by_status: Refusal | None = None) -> dict[str, str]:
    """Read the reply to the look-up of all templates.

    :param status: the HTTP status of the reply.
    :param by_status: the refusal that the HTTP status is.
    :return: template id -> name.
    :raises RcsRefusedError: if the service refused the call or its reply cannot be read; a subclass says which.
    """
    try:
        templates = lenient_json.structure(_read_look_up(body, status, by_status).get("plantillas")) or {}
    except ValueError:
        templates = None
    if not isinstance(templates, dict):
        raise _unreadable("list of templates", "it is not an object of id -> name")
    names = {template_id: "" if name is None else str(name) for template_id, name in templates.items()}
    return {lenient_json.text(template_id): lenient_json.text(name) for template_id, name in names.items()}


def read_template(body: bytes, template_id: str, status: int = 200, by_status: Refusal | None = None) -> Template:
    """Read the reply to the look-up of one template.

    :param template_id: the id of the template, which the reply does not repeat.
    :param status: the HTTP status of the reply.
    :param by_status: the refusal that the HTTP status is.
    :raises RcsRefusedError: if the service refused the call or its reply cannot be read; a subclass says which.
    """
    reply = _read_look_up(body, status, by_status)
    try:
        entries = lenient_json.entries(reply.get("variables") or [])
        variables = None if entries is None else tuple(map(_read_variable, entries))
    except (KeyError, TypeError, ValueError):
        variables = None
    if variables is None:
        raise _unreadable(f"variables of template {template_id}", "they are not objects with a name")
    return Template(template_id, lenient_json.text(reply.get("nombre")), variables)


def read_credits(body: bytes, status: int = 200, by_status: Refusal | None = None) -> float:
    """Read the reply to the look-up of the credit left: in the field ``Cred`` or, without it, ``Saldo`` (public).

    :param status: the HTTP status of the reply.
    :param by_status: the refusal that the HTTP status is.
    :return: the amount, which :func:`~airflow_provider_rcs.api.wire.amounts.read_amount` reads; below 0 for an account
        that owes credit.
    :raises RcsRefusedError: if the service refused the call or its reply cannot be read; a subclass says which.
    """
    reply = _read_look_up(body, status, by_status)
    given = [reply[name] for name in CREDIT_FIELDS if reply.get(name) not in (None, "")]
    credit = read_amount(given[0]) if given else None
    if credit is None:
        raise _unreadable("reply to the credit look-up", "it has no amount of credit")
    return credit


def _read_look_up(body: bytes, status: int, by_status: Refusal | None) -> dict[str, Any]:
    try:
        reply = read_reply(body)
        refused = refusal_in(reply, by_status)
    except (TypeError, ValueError):
        if by_status is not None:
            raise by_status.error(_NOTHING_CHANGED) from None
        raise _unreadable("reply", f"HTTP {status}, {len(body)} bytes") from None
    if refused is not None:
        raise refused.error(_NOTHING_CHANGED)
    if status >= _LOWEST_HTTP_ERROR:
        raise RcsUnavailable(f"the service failed (HTTP {status}). {RcsUnavailable.remedy}")
    return reply


def _read_variable(values: Mapping[str, Any]) -> TemplateVariable:
    variable_type = str(values.get("tipo") or "")
    return TemplateVariable(
        lenient_json.text(values["nombre"]), variable_type, variable_type.upper() == _RECIPIENT_TYPE
    )


def _unreadable(what: str, why: str) -> RcsUnavailable:
    return RcsUnavailable(f"the service's {what} cannot be read: {why}. {RcsUnavailable.remedy}")
