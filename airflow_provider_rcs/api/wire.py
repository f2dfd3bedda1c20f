"""The wire format of the RCS API, both ways: the one module in which the API's Spanish words stand.

Facts are the user's API document's unless a line says "public" (the vendor's public pages and other people's clients)
or "assumed" (nobody could read it; a setting of the connection overrides it).
"""

from __future__ import annotations

import codecs
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode

import orjson

from airflow_provider_rcs.api import dates, phones
from airflow_provider_rcs.api import reply_shapes as shapes
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
from airflow_provider_rcs.api.garbage import collector_held
from airflow_provider_rcs.api.json_rows import Pieces, array_of_rows, as_json, between_quotes
from airflow_provider_rcs.api.models import (
    Recipients,
    Report,
    SendRequest,
    SendResult,
    Template,
    TemplateVariable,
)
from airflow_provider_rcs.api.variables import VariableColumns, all_of, rows_of

DEFAULT_BASE_URL = "https://api.mensatek.com/v7"  # public
DEFAULT_PATHS: Mapping[str, str] = {
    "send": "/EnviarRCS",  # public
    "list_templates": "/GetPlantillasRCS",  # assumed
    "get_template": "/GetVariablesPlantillaRCS",  # assumed
    "credits": "/GetCreditos",  # public
}
DEFAULT_RECIPIENT_REFERENCE_KEY = "Referencia"  # assumed
NOTHING_SENT = "nothing_sent"  # assumed
ZERO_RESULTS = (NOTHING_SENT, "unknown")
"""What a result of 0 can prove of a send: that nobody was messaged, or nothing."""

_RECIPIENT_TYPE = "DESTINATARIO"
_JSON_REPLY = {"Resp": "JSON"}
_LOWEST_HTTP_ERROR = 400
_LONGEST_WORDS = 300
_MAX_FORM_FIELDS = 100
_REFUSALS: Mapping[int, tuple[type[RcsRefusedError], str]] = {
    0: (RcsNothingDoneError, "did nothing"),  # assumed
    -1: (RcsAuthError, "refused the API User or API Token"),  # public
    -2: (RcsCreditError, "finds not enough credit on the account"),  # public
    -3: (RcsParameterError, "found a parameter wrong"),
}


def send_parameters(request: SendRequest, recipient_reference_key: str) -> dict[str, Any]:
    """Return the parameters of a send; optional ones that are not set are left out.

    :param request: what to send.
    :param recipient_reference_key: under which key a recipient's own reference goes (assumed: ``Referencia``).
    """
    parameters: dict[str, Any] = {
        "Plantilla": request.template_id,
        "Destinatarios": _write_recipients(Recipients.of(request.recipients), recipient_reference_key),
        "Referenciausuario": request.campaign_reference,
        "Report": "1" if request.reports else "0",
        **_JSON_REPLY,
    }
    if request.agent:
        parameters["Agente"] = request.agent
    if request.send_at is not None:
        parameters["Fecha"] = dates.write_moment(request.send_at)
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


def send_body(request: SendRequest, recipient_reference_key: str, body_format: str) -> bytes:
    """Return the body of a send.

    :param request: what to send.
    :param recipient_reference_key: as :func:`send_parameters` takes it.
    :param body_format: one of :data:`BODY_FORMATS`.
    """
    return BODY_FORMATS[body_format].write(send_parameters(request, recipient_reference_key))


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


def read_send_reply(body: bytes, status: int = 200, zero_result: str = NOTHING_SENT) -> SendResult:
    """Read the reply to a send.

    :param body: the reply's body, in any of the shapes that API.md names.
    :param status: the HTTP status that came with it.
    :param zero_result: what a result of 0 proves, one of :data:`ZERO_RESULTS`.
    :raises RcsRefusedError: one of its kinds, where the reply proves that nobody was messaged.
    :raises RcsOutcomeUnknown: if the body cannot be read.
    """
    try:
        with collector_held():
            reply = shapes.read_object(body)
            result = shapes.integer(reply["res"])
            if result > 0:
                return _read_send_result(reply, result)
    except (KeyError, TypeError, ValueError) as error:
        raise RcsOutcomeUnknown(
            f"the service's reply to a send cannot be read (HTTP {status}, {len(body)} bytes): "
            f"{type(error).__name__}. {RcsOutcomeUnknown.remedy}"
        ) from None
    if result == 0 and (not_sent := _not_sent_to(reply)):
        return SendResult(messages=0, rejected=not_sent)
    if result == 0 and zero_result != NOTHING_SENT:
        raise RcsOutcomeUnknown(f"the service's result of a send is 0. {RcsOutcomeUnknown.remedy}")
    raise _refusal(result, reply, "Nothing of this request was sent")


def read_templates(body: bytes, status: int = 200) -> dict[str, str]:
    """Read the reply to the look-up of all templates: template id -> name.

    :raises RcsRefusedError: one of its kinds, if the service refused or its reply cannot be read.
    """
    try:
        templates = shapes.structure(_read_look_up(body, status).get("plantillas")) or {}
    except ValueError:
        templates = None
    if not isinstance(templates, dict):
        raise _unreadable("list of templates", "it is not an object of id -> name")
    return {str(template_id): str(name) for template_id, name in templates.items()}


def read_template(body: bytes, template_id: str, status: int = 200) -> Template:
    """Read the reply to the look-up of one template.

    :raises RcsRefusedError: one of its kinds, if the service refused or its reply cannot be read.
    """
    reply = _read_look_up(body, status)
    try:
        variables = shapes.entries(reply.get("variables") or [])
        read = tuple(_read_variable(each) for each in variables or ())
    except (KeyError, TypeError, ValueError):
        variables = None
    if variables is None:
        raise _unreadable(f"variables of template {template_id}", "they are not objects with a name")
    return Template(template_id, str(reply.get("nombre") or ""), read)


def read_credits(body: bytes, status: int = 200) -> float:
    """Read the reply to the question how much credit is left (public: the field ``Cred``).

    :raises RcsRefusedError: one of its kinds, if the service refused or its reply cannot be read.
    """
    reply = _read_look_up(body, status)
    try:
        credit = float(str(reply["cred"]).replace(",", "."))
    except (KeyError, ValueError):
        credit = math.nan
    if not math.isfinite(credit):
        raise _unreadable("answer to the credit look-up", "it holds no number as credit")
    return credit


def read_json_entries(body: bytes, charset: str = "utf-8") -> list[object]:
    """Return the entries of a JSON body: each is to be a report. A body that is not a list is its only entry.

    :param charset: what the body is said to be encoded in; UTF-8 that is not valid is read as Latin-1.
    :raises RcsReportError: if the body is not JSON, or an empty list.
    """
    try:
        content = _load_json(body, charset)
    except orjson.JSONDecodeError:
        raise RcsReportError("the body is not JSON") from None
    entries = content if isinstance(content, list) else [content]
    if not entries:
        raise RcsReportError("the list holds no report")
    return entries


def read_form_fields(body: bytes, charset: str = "utf-8") -> dict[str, str]:
    """Return the fields of a url-encoded form.

    :param charset: what its values are said to be encoded in; UTF-8 that is not valid is read as Latin-1.
    :raises RcsReportError: if the form cannot be read.
    """
    if charset == "utf-8" and not _is_utf8(unquote_to_bytes(body)):
        charset = "latin-1"
    try:
        text = body.decode("utf-8" if charset == "utf-8" else "latin-1")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, encoding=charset))
    except ValueError:
        raise RcsReportError("the form cannot be read") from None


async def read_multipart_fields(body: bytes, content_type: str) -> dict[str, object]:
    """Return the fields of a multipart form.

    :param content_type: the header, which names the boundary. Values are read as Latin-1 where the charset that it
        names, or else UTF-8, fails.
    :raises RcsReportError: if the form cannot be read, or holds a file.
    """
    from starlette.datastructures import Headers
    from starlette.formparsers import MultiPartException, MultiPartParser

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers({"content-type": content_type})
    try:
        parser = MultiPartParser(headers, stream(), max_files=0, max_fields=_MAX_FORM_FIELDS, max_part_size=len(body))
        return dict(await parser.parse())
    except MultiPartException:
        raise RcsReportError("the multipart form cannot be read") from None


def read_report(fields: object, timezone: tzinfo = dates.SERVICE_TIMEZONE) -> Report:
    """Read a pushed report from its fields, whose names may be in any case and whose numbers may be text.

    :param timezone: whose clock the date is by; that it is Spain's is assumed.
    :raises RcsReportError: if there is no status code, or nothing that says which message it is about.
    """
    if not isinstance(fields, dict):
        raise RcsReportError("a report is not an object")
    known, others = _report_keys(tuple(fields))
    get = fields.get
    try:
        values = [value.strip() if isinstance(value := get(key), str) else shapes.text(value).strip() for key in known]
        extra = {name: shapes.text(fields[key]) for name, key in others}
    except ValueError as error:
        raise RcsReportError(str(error)) from None
    service, status_code, agent, phone, campaign_reference, message_reference, date, api_campaign_id, api_message_id = (
        values
    )
    if not status_code:
        raise RcsReportError("a report has no status (Estado)")
    if not (phone or api_message_id):
        raise RcsReportError("a report names no message: neither recipient (Destinatario) nor id (idMensaje)")
    return Report(
        status_code=status_code,
        phone=shapes.digits(phone),
        campaign_reference=campaign_reference,
        message_reference=message_reference,
        service=service,
        agent=agent,
        reported_at=dates.read_report_date(date, timezone),
        reported_at_text=date,
        api_campaign_id=api_campaign_id,
        api_message_id=api_message_id,
        extra=extra,
    )


@lru_cache(maxsize=64)  # Whoever pushes writes the same fields each time.
def _report_keys(keys: tuple[str, ...]) -> tuple[tuple[str | None, ...], tuple[tuple[str, str], ...]]:
    """Return which keys hold the fields that the document names, in their order, and name and key of each other one."""
    by_name: dict[str, str] = {str(key).lower(): key for key in keys}
    known = tuple(by_name.pop(name, None) for name in _REPORT_FIELDS)
    return known, tuple(by_name.items())


_REPORT_FIELDS = tuple(
    name.lower()
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
)


def _load_json(body: bytes, charset: str) -> Any:
    if charset != "utf-8":
        return orjson.loads(body.decode(charset, errors="replace"))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.removeprefix(codecs.BOM_UTF8) if _is_utf8(body) else body.decode("latin-1")
        return orjson.loads(text)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _write_recipients(recipients: Recipients, reference_key: str) -> orjson.Fragment:
    # As text, at a quarter of what it takes to make objects of them and to write these.
    pieces = [
        '{"Nombre":"',
        between_quotes(recipients.names),
        '","Telefono":"',
        between_quotes(recipients.phones),
        '"',
        *_pieces_of_references(recipients.references, reference_key),
        *_pieces_of_variables(recipients.variables, len(recipients)),
        "}",
    ]
    return orjson.Fragment(array_of_rows(pieces, len(recipients)).encode())


def _pieces_of_references(references: Sequence[str], key: str) -> Pieces:
    texts = between_quotes(references)
    before = f",{as_json(key)}:"
    if all(texts):
        return [f'{before}"', texts, '"']
    return [[f'{before}"{text}"' if text else "" for text in texts]]


def _pieces_of_variables(variables: VariableColumns, count: int) -> Pieces:
    pieces: list[str | Sequence[str]] = []
    for variable, values in variables.items():
        texts = all_of(values)
        if texts is None:
            return [[_variables_of(row) if row else "" for row in rows_of(variables, count)]]
        before = "," if pieces else ',"Variables":['
        pieces += [f'{before}{{"Nombre":{as_json(variable)},"Valor":"', between_quotes(texts), '"}']
    return [*pieces, "]"] if pieces else []


def _variables_of(row: Mapping[str, str]) -> str:
    written = [{"Nombre": variable, "Valor": value} for variable, value in row.items()]
    return f',"Variables":{as_json(written)}'


def _read_look_up(body: bytes, status: int) -> dict[str, Any]:
    try:
        reply = shapes.read_object(body)
        result = shapes.integer(reply["res"]) if "res" in reply else 1
    except (TypeError, ValueError):
        raise _unreadable("reply", f"HTTP {status}, {len(body)} bytes") from None
    if result < 0:
        raise _refusal(result, reply, "Nothing was changed")
    if status >= _LOWEST_HTTP_ERROR:
        raise RcsUnavailable(f"the service failed (HTTP {status}). {RcsUnavailable.remedy}")
    return reply


def _unreadable(what: str, why: str) -> RcsUnavailable:
    return RcsUnavailable(f"the service's {what} cannot be read: {why}. {RcsUnavailable.remedy}")


def _read_send_result(reply: Mapping[str, Any], messages: int) -> SendResult:
    sent, not_sent = shapes.entries(reply.get("enviados")), shapes.entries(reply.get("noenviados"))
    return SendResult(
        messages=messages,
        api_campaign_id=shapes.text(reply.get("idenvio")),
        accepted={shapes.digits(each["telefono"]): shapes.text(each.get("idmensaje")) for each in sent or ()},
        rejected=frozenset(shapes.digits(each["telefono"]) for each in not_sent or ()),
        accepted_count=shapes.count(reply.get("enviados")) if sent is None else 0,
        rejected_count=shapes.count(reply.get("noenviados")) if not_sent is None else 0,
        duplicates=shapes.count(reply.get("duplicados")),
    )


def _not_sent_to(reply: Mapping[str, Any]) -> frozenset[str]:
    """Return whom a reply of nothing done names; nobody, if that cannot be read."""
    try:
        return frozenset(shapes.digits(each["telefono"]) for each in shapes.entries(reply.get("noenviados")) or ())
    except (KeyError, TypeError, ValueError):
        return frozenset()


def _read_variable(values: Mapping[str, Any]) -> TemplateVariable:
    variable_type = str(values.get("tipo") or "")
    return TemplateVariable(str(values["nombre"]), variable_type, variable_type.upper() == _RECIPIENT_TYPE)


def _refusal(result: int, reply: Mapping[str, Any], consequence: str) -> RcsRefusedError:
    kind, problem = _REFUSALS.get(result, (RcsParameterError, "refused the call"))
    # On one line, and no longer than a sentence or two: the service may put a whole page there, or a phone.
    words = phones.mask_within(" ".join(str(reply.get("error") or "").split()))[:_LONGEST_WORDS]
    said = f' The service says: "{words}".' if words else ""
    return kind(f"the service {problem} (Res {result}).{said} {consequence}. {kind.remedy}")
