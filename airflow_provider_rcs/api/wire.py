"""The wire format of the RCS API, both ways: the one module in which the API's Spanish words stand.

Facts are the user's API document's unless a line says "public" (the vendor's public pages and other people's clients)
or "assumed" (nobody could read it; a setting of the connection overrides it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import orjson

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCreditError,
    RcsNothingDoneError,
    RcsOutcomeUnknown,
    RcsParameterError,
    RcsRefusedError,
    RcsReportError,
    RcsUnavailable,
)
from airflow_provider_rcs.api.models import (
    Recipient,
    Report,
    SendRequest,
    SendResult,
    Template,
    TemplateVariable,
)

SERVICE_TIMEZONE = ZoneInfo("Europe/Madrid")

DEFAULT_BASE_URL = "https://api.mensatek.com/v7"  # public
DEFAULT_PATHS: Mapping[str, str] = {
    "send": "/EnviarRCS",  # public
    "list_templates": "/GetPlantillasRCS",  # assumed
    "get_template": "/GetVariablesPlantillaRCS",  # assumed
    "credits": "/GetCreditos",  # public
}
DEFAULT_RECIPIENT_REFERENCE_KEY = "Referencia"  # assumed

_REPORT_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_RECIPIENT_TYPE = "DESTINATARIO"
_JSON_REPLY = {"Resp": "JSON"}
_LOWEST_HTTP_ERROR = 400


def send_parameters(request: SendRequest, recipient_reference_key: str) -> dict[str, Any]:
    """Return the parameters of a send; optional ones that are not set are left out.

    :param request: what to send.
    :param recipient_reference_key: under which key a recipient's own reference goes (assumed: ``Referencia``).
    """
    parameters: dict[str, Any] = {
        "Plantilla": request.template_id,
        "Destinatarios": [_write_recipient(each, recipient_reference_key) for each in request.recipients],
        "Referenciausuario": request.campaign_reference,
        "Report": "1" if request.reports else "0",
        **_JSON_REPLY,
    }
    if request.agent:
        parameters["Agente"] = request.agent
    if request.send_at is not None:
        parameters["Fecha"] = request.send_at.astimezone(SERVICE_TIMEZONE).strftime("%Y-%m-%d %H:%M")
    if request.quiet_hours:
        parameters["Intervaloprohibido"] = [
            {
                "HoraInicio": f"{hours.start:%H:%M}",
                "HoraFin": f"{hours.end:%H:%M}",
                "Accion": str(hours.action),
            }
            for hours in request.quiet_hours
        ]
    return parameters


def template_parameters(template_id: str) -> dict[str, Any]:
    """Return the parameters of the look-up of one template."""
    return {"Plantilla": template_id, **_JSON_REPLY}


def plain_parameters() -> dict[str, Any]:
    """Return the parameters of a call that takes none of its own."""
    return dict(_JSON_REPLY)


def json_body(parameters: Mapping[str, Any]) -> bytes:
    """Return the parameters as the body that the document recommends: a JSON object."""
    return orjson.dumps(parameters)


def form_body(parameters: Mapping[str, Any]) -> bytes:
    """Return the parameters as a form, in which arrays and objects are JSON strings."""
    flat = {key: orjson.dumps(value) if isinstance(value, list | dict) else value for key, value in parameters.items()}
    return urlencode(flat).encode("ascii")


def read_send_reply(body: bytes, status: int = 200) -> SendResult:
    """Read the reply to a send.

    :param body: the reply's body, in any of the shapes that API.md names.
    :param status: the HTTP status that came with it.
    :raises RcsRefusedError: one of its kinds, where the reply proves that nobody was messaged.
    :raises RcsOutcomeUnknown: if the body cannot be read.
    """
    try:
        reply = _read_object(body)
        result = _integer(reply["res"])
        if result > 0:
            return _read_send_result(reply, result)
    except (KeyError, TypeError, ValueError) as error:
        raise RcsOutcomeUnknown(
            f"the service's reply to a send cannot be read (HTTP {status}, {len(body)} bytes): {type(error).__name__}"
        ) from None
    if result == 0 and (not_sent := _not_sent_to(reply)):
        return SendResult(messages=0, rejected=not_sent)
    raise _refusal(result, reply, "Nothing of this request was sent")


def read_templates(body: bytes, status: int = 200) -> dict[str, str]:
    """Read the reply to the look-up of all templates: template id -> name.

    :raises RcsRefusedError: one of its kinds, if the service refused or its reply cannot be read.
    """
    try:
        templates = _structure(_read_look_up(body, status).get("plantillas")) or {}
    except ValueError:
        templates = None
    if not isinstance(templates, dict):
        raise RcsUnavailable("the service's list of templates cannot be read: it is not an object of id -> name")
    return {str(template_id): str(name) for template_id, name in templates.items()}


def read_template(body: bytes, template_id: str, status: int = 200) -> Template:
    """Read the reply to the look-up of one template.

    :raises RcsRefusedError: one of its kinds, if the service refused or its reply cannot be read.
    """
    reply = _read_look_up(body, status)
    try:
        variables = _entries(reply.get("variables") or [])
        read = tuple(_read_variable(each) for each in variables or ())
    except (KeyError, TypeError, ValueError):
        variables = None
    if variables is None:
        raise RcsUnavailable(f"the service's variables of template {template_id} cannot be read")
    return Template(template_id, str(reply.get("nombre") or ""), read)


def read_credits(body: bytes, status: int = 200) -> float:
    """Read the reply to the question how much credit is left (public: the field ``Cred``).

    :raises RcsRefusedError: one of its kinds, if the service refused or its reply cannot be read.
    """
    reply = _read_look_up(body, status)
    try:
        return float(str(reply["cred"]).replace(",", "."))
    except (KeyError, ValueError):
        raise RcsUnavailable("the service's answer to the credit look-up has no readable credit") from None


def read_json_reports(body: bytes) -> list[Report]:
    """Read pushed reports from a JSON object, or a list of them.

    :raises RcsReportError: if the body is not such JSON, or one of the reports cannot be understood.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RcsReportError("the body is not JSON") from None
    entries = content if isinstance(content, list) else [content]
    if not entries:
        raise RcsReportError("the list holds no report")
    return [read_report(entry) for entry in entries]


def read_form_report(body: bytes) -> Report:
    """Read a pushed report from a url-encoded form.

    :raises RcsReportError: if the report cannot be understood.
    """
    try:
        fields = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise RcsReportError("the form cannot be read as UTF-8") from None
    return read_report(fields)


def read_report(fields: object) -> Report:
    """Read a pushed report from its fields, whose names may be in any case and whose numbers may be text.

    :raises RcsReportError: if there is no status code, or nothing that says which message it is about.
    """
    if not isinstance(fields, Mapping):
        raise RcsReportError("a report is not an object")
    try:
        values = {str(key).lower(): _text(value) for key, value in fields.items()}
    except ValueError as error:
        raise RcsReportError(str(error)) from None
    known = {name: values.pop(lower, "").strip() for name, lower in _REPORT_FIELDS.items()}
    if not known["Estado"]:
        raise RcsReportError("a report has no status (Estado)")
    if not (known["Destinatario"] or known["idMensaje"]):
        raise RcsReportError("a report names no message: neither recipient (Destinatario) nor id (idMensaje)")
    return Report(
        status_code=known["Estado"],
        phone=_digits(known["Destinatario"]),
        campaign_reference=known["RefCampaign"],
        message_reference=known["RefMensaje"],
        service=known["Servicio"],
        agent=known["Agente"],
        reported_at=_read_date(known["Fecha"]),
        reported_at_text=known["Fecha"],
        api_campaign_id=known["idCampaign"],
        api_message_id=known["idMensaje"],
        extra=values,
    )


_REPORT_FIELDS = {
    name: name.lower()
    for name in (
        "Servicio",
        "Estado",
        "Agente",
        "Destinatario",
        "RefCampaign",
        "RefMensaje",
        "Fecha",
        "idCampaign",
        "idMensaje",
    )
}


def _write_recipient(recipient: Recipient, reference_key: str) -> dict[str, Any]:
    written: dict[str, Any] = {"Nombre": recipient.name, "Telefono": recipient.phone}
    if recipient.reference:
        written[reference_key] = recipient.reference
    if recipient.variables:
        written["Variables"] = [{"Nombre": name, "Valor": value} for name, value in recipient.variables.items()]
    return written


def _read_object(body: bytes) -> dict[str, Any]:
    """Return the reply's object with its field names in lower case; a list holding one object counts as that."""
    content = orjson.loads(body)
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict):
        raise TypeError("not an object")
    return {str(key).lower(): value for key, value in content.items()}


def _read_look_up(body: bytes, status: int) -> dict[str, Any]:
    try:
        reply = _read_object(body)
        result = _integer(reply["res"]) if "res" in reply else 1
    except (TypeError, ValueError):
        raise RcsUnavailable(f"the service's reply cannot be read (HTTP {status}, {len(body)} bytes)") from None
    if result < 0:
        raise _refusal(result, reply, "Nothing was changed")
    if status >= _LOWEST_HTTP_ERROR:
        raise RcsUnavailable(f"the service failed (HTTP {status})")
    return reply


def _read_send_result(reply: Mapping[str, Any], messages: int) -> SendResult:
    sent, not_sent = _entries(reply.get("enviados")), _entries(reply.get("noenviados"))
    return SendResult(
        messages=messages,
        api_campaign_id=_text(reply.get("idenvio")),
        accepted={_digits(each["telefono"]): _text(each.get("idmensaje")) for each in sent or ()},
        rejected=frozenset(_digits(each["telefono"]) for each in not_sent or ()),
        accepted_count=_count(reply.get("enviados")) if sent is None else 0,
        rejected_count=_count(reply.get("noenviados")) if not_sent is None else 0,
        duplicates=_count(reply.get("duplicados")),
    )


def _not_sent_to(reply: Mapping[str, Any]) -> frozenset[str]:
    """Return whom a reply of nothing done names; nobody, if that cannot be read."""
    try:
        return frozenset(_digits(each["telefono"]) for each in _entries(reply.get("noenviados")) or ())
    except (KeyError, TypeError, ValueError):
        return frozenset()


def _entries(value: object) -> list[dict[str, Any]] | None:
    """Return the objects that a field lists, with their names in lower case; ``None`` where it holds no list.

    An object whose values are the entries is a list too: so PHP writes one whose numbers have gaps.
    """
    content = _structure(value)
    if isinstance(content, dict):
        content = list(content.values())
    return [_lower_keys(entry) for entry in content] if isinstance(content, list) else None


def _count(value: object) -> int:
    return 0 if value in (None, "") else _integer(value)


def _read_variable(values: Mapping[str, Any]) -> TemplateVariable:
    variable_type = str(values.get("tipo") or "")
    return TemplateVariable(str(values["nombre"]), variable_type, variable_type.upper() == _RECIPIENT_TYPE)


def _refusal(result: int, reply: Mapping[str, Any], consequence: str) -> RcsRefusedError:
    words = str(reply.get("error") or "").strip()
    said = f' The service says: "{words}".' if words else ""
    match result:
        case 0:
            return RcsNothingDoneError(f"the service did nothing (Res 0).{said} {consequence}.")
        case -1:
            return RcsAuthError(
                f"the service refused the API User or API Token (Res -1).{said} {consequence}. "
                "Check login and password of the connection; it is not tried again, because that can block the account."
            )
        case -2:
            return RcsCreditError(
                f"the account has not enough credit (Res -2).{said} {consequence}. Add credit, then retry."
            )
        case -3:
            return RcsParameterError(f"the service found a parameter wrong (Res -3).{said} {consequence}.")
        case _:
            return RcsParameterError(f"the service refused the call (Res {result}).{said} {consequence}.")


def _structure(value: object) -> Any:
    """Return what a field holds, where arrays and objects may have come as strings that hold JSON."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        return orjson.loads(value)
    return value


def _lower_keys(entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise TypeError("not an object")
    return {str(key).lower(): value for key, value in entry.items()}


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a number")
    return int(value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return "" if value is None else orjson.dumps(value).decode("utf-8")
    except TypeError:
        raise ValueError("a value is nested too deeply") from None


def _digits(phone: object) -> str:
    return re.sub(r"[^0-9]", "", str(phone)).removeprefix("00")


@lru_cache(maxsize=4096)
def _read_date(text: str) -> datetime | None:
    """Read a report's date: Spain's time (assumed), the repeated hour of October as its first pass."""
    if not _REPORT_DATE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=SERVICE_TIMEZONE).astimezone(UTC)
    except ValueError:
        return None
