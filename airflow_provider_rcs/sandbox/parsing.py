"""Requests to the API, parsed into the sandbox's own types."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from airflow_provider_rcs.sandbox.forms import parse_multipart, parse_url_encoded
from airflow_provider_rcs.sandbox.model import ParameterError, ReceivedSend, SandboxRecipient

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_rcs.sandbox.model import SandboxTemplate
    from airflow_provider_rcs.sandbox.options import SandboxAccount

Parameters = dict[str, Any]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}")
_HOUR = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]")
_ACTION = re.compile(r"[0-9]{1,3}")
_BATCH_LIMIT = 1_000


class _Keys:
    """The keys of an object as the document spells them, matched in any case."""

    def __init__(self, *names: str) -> None:
        self._names = frozenset(names)
        self._by_lower = {name.lower(): name for name in names}

    def normalize(self, item: dict[str, Any]) -> dict[str, Any]:
        # This runs three times for each recipient, so the usual spelling is returned without a copy.
        if item.keys() <= self._names:
            return item
        return {self._by_lower.get(key.lower(), key): value for key, value in item.items()}


_RECIPIENT_KEYS = _Keys("Telefono", "Nombre", "Variables", "Referencia")
_VARIABLE_KEYS = _Keys("Nombre", "Valor")


def parse_parameters(body: bytes, content_type: str) -> Parameters:
    """Parse a JSON object or a form, with the names as received.

    :param content_type: the whole header; a multipart form requires its boundary.
    :raises ParameterError: if the body is neither.
    """
    match content_type.partition(";")[0].strip().lower():
        case "application/json":
            content = _json(body, "El cuerpo de la petición no es JSON")
            if not isinstance(content, dict):
                raise ParameterError("El cuerpo de la petición no es un objeto JSON")
            return content
        case "application/x-www-form-urlencoded":
            return _form(parse_url_encoded, body)
        case "multipart/form-data":
            return _form(parse_multipart, body, content_type)
        case _:
            raise ParameterError("Content-Type no admitido")


def lower_names(parameters: Parameters) -> Parameters:
    """Return the parameters with lower-case names, because the API ignores case."""
    return {name.lower(): value for name, value in parameters.items()}


def wants_json(parameters: Parameters) -> bool:
    return str(parameters.get("resp", "")).upper() == "JSON"


def parse_template(parameters: Parameters, account: SandboxAccount) -> SandboxTemplate:
    """Return the template that a request names.

    :raises ParameterError: if it names none or an unknown one.
    """
    template_id = _text(parameters, "Plantilla")
    if not template_id:
        raise ParameterError("Falta parámetro obligatorio: Plantilla")
    template = account.template(template_id)
    if template is None:
        raise ParameterError("Plantilla desconocida")
    return template


def parse_send(parameters: Parameters, account: SandboxAccount) -> ReceivedSend:
    """Parse a send; invalid recipients are not an error.

    :raises ParameterError: if a parameter is invalid.
    """
    return ReceivedSend(
        template=parse_template(parameters, account),
        agent=_agent(parameters, account),
        recipients=_recipients(parameters),
        send_at=_send_at(parameters),
        quiet_hours=_quiet_hours(parameters),
        campaign_reference=_text(parameters, "Referenciausuario"),
        report=_report(parameters),
    )


def _agent(parameters: Parameters, account: SandboxAccount) -> str:
    agent = _text(parameters, "Agente")
    if agent in account.agents:
        return agent
    if agent:
        raise ParameterError("Agente desconocido")
    if len(account.agents) > 1:
        raise ParameterError("Falta parámetro obligatorio: Agente (hay más de uno en la cuenta)")
    return account.agents[0]


def _recipients(parameters: Parameters) -> list[SandboxRecipient]:
    items = _array(parameters, "Destinatarios")
    if not items:
        raise ParameterError("Falta parámetro obligatorio: Destinatarios")
    if len(items) > _BATCH_LIMIT:
        raise ParameterError(f"Destinatarios: más de {_BATCH_LIMIT}")
    if not all(isinstance(item, dict) for item in items):
        raise ParameterError("Destinatarios: cada uno debe ser un objeto")
    recipients = []
    for item in items:
        fields = _RECIPIENT_KEYS.normalize(item)
        recipients.append(
            SandboxRecipient(
                _scalar(fields.get("Telefono")),
                _scalar(fields.get("Nombre")),
                _scalar(fields.get("Referencia")),
                _variables(fields.get("Variables")),
            )
        )
    return recipients


def _variables(items: object) -> dict[str, str]:
    """Return the readable variables; an unreadable one counts as missing."""
    if not isinstance(items, list):
        return {}
    values = {}
    for item in items:
        if isinstance(item, dict):
            fields = _VARIABLE_KEYS.normalize(item)
            name, value = fields.get("Nombre"), fields.get("Valor")
            if isinstance(name, str):
                if isinstance(value, str):
                    values[name] = value
                elif isinstance(value, (int, float)):
                    values[name] = str(value)
    return values


def _send_at(parameters: Parameters) -> str:
    text = _text(parameters, "Fecha")
    if not text:
        return ""
    # The pattern is needed because strptime alone also accepts 2022-5-1 9:5.
    if _DATE.fullmatch(text):
        try:
            datetime.strptime(text, "%Y-%m-%d %H:%M")  # noqa: DTZ007 -- only checks that the date exists
        except ValueError:
            pass
        else:
            return text
    raise ParameterError("Fecha: el formato es AAAA-MM-DD HH:MM")


def _quiet_hours(parameters: Parameters) -> list[dict[str, str]]:
    intervals = []
    for item in _array(parameters, "Intervaloprohibido"):
        fields = lower_names(item) if isinstance(item, dict) else {}
        start, end = _scalar(fields.get("horainicio")), _scalar(fields.get("horafin"))
        action = _scalar(fields.get("accion"))
        if not (_HOUR.fullmatch(start) and _HOUR.fullmatch(end) and _ACTION.fullmatch(action)):
            raise ParameterError("Intervaloprohibido: se esperan HoraInicio, HoraFin (HH:MM) y Accion")
        intervals.append({"start": start, "end": end, "action": action})
    return intervals


def _report(parameters: Parameters) -> bool:
    text = _text(parameters, "Report")
    if text not in ("", "0", "1"):
        raise ParameterError("Report: debe ser 0 o 1")
    return text == "1"


def _text(parameters: Parameters, name: str) -> str:
    value = parameters.get(name.lower())
    if isinstance(value, (dict, list, bool)):
        raise ParameterError(f"{name}: se esperaba un texto")
    return _scalar(value)


def _array(parameters: Parameters, name: str) -> list[Any]:
    """Return an array, which may also be a JSON string, even within a JSON body."""
    value = parameters.get(name.lower())
    if value is None or value == "":
        return []
    if isinstance(value, str):
        value = _json(value, f"{name}: no es JSON")
    if not isinstance(value, list):
        raise ParameterError(f"{name}: se esperaba un array")
    return value


def _scalar(value: object) -> str:
    """Return a text or a number as text; anything else counts as missing."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def _form(parse: Callable[..., Parameters], *body: bytes | str) -> Parameters:
    try:
        return parse(*body)
    except ValueError:
        raise ParameterError("El formulario no se entiende") from None


def _json(text: bytes | str, error_text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ParameterError(error_text) from None
