"""Replies of the API, in every shape that has been observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from airflow_provider_rcs.sandbox.options import ReplyShape

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_rcs.sandbox.model import RefusalError, SandboxTemplate, SendOutcome

Reply = dict[str, Any]

_WITH_NUMBERS_AS_TEXT = (ReplyShape.DOCUMENT, ReplyShape.OBJECT_STRINGS)


def send_reply(outcome: SendOutcome, shape: ReplyShape) -> Reply:
    accepted = outcome.accepted
    messages = accepted.messages if accepted else ()
    refused = outcome.refused
    only_counts = shape is ReplyShape.COUNTS
    number = _number(shape)
    # With an empty Error, because the document's own example has the key in a successful reply.
    reply: Reply = {"Res": len(messages), "Error": ""}
    if accepted:
        reply["idEnvio"] = accepted.send_id
    return reply | {
        "Destinatarios": outcome.processed,
        "Enviados": len(messages)
        if only_counts
        else [{"Telefono": each.phone, "idMensaje": number(each.message_id)} for each in messages],
        "NoEnviados": len(refused)
        if only_counts
        else [{"Nombre": each.name, "Telefono": each.phone} for each in refused],
        "Duplicados": outcome.duplicates,
    }


def templates_reply(templates: tuple[SandboxTemplate, ...]) -> Reply:
    names = {each.template_id: each.name for each in templates}
    return {"Res": 1, "Total": len(names), "Plantillas": names or []}


def variables_reply(template: SandboxTemplate) -> Reply:
    variables = [{"Nombre": name, "Tipo": kind} for name, kind in template.variables.items()]
    return {"Res": 1, "Nombre": template.name, "Total": len(variables), "Variables": variables}


def credit_reply(credit: int) -> Reply:
    return {"Res": 1, "Cred": credit}


def refusal_reply(refusal: RefusalError) -> Reply:
    return {"Res": refusal.result, "Error": refusal.text}


def encode_reply(reply: Reply, shape: ReplyShape) -> bytes:
    """Return a reply as JSON, in the configured shape."""
    if shape is ReplyShape.DOCUMENT:
        return orjson.dumps([{key: _as_text(value) for key, value in reply.items()}])
    number = _number(shape)
    return orjson.dumps({key: number(value) if isinstance(value, int) else value for key, value in reply.items()})


def encode_old_reply(reply: Reply) -> bytes:
    """Return a reply in the format of requests that do not ask for JSON, so that a client notices the omission."""
    return f"Res:{reply['Res']}".encode()


def _number(shape: ReplyShape) -> Callable[[int], int | str]:
    return str if shape in _WITH_NUMBERS_AS_TEXT else int


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else orjson.dumps(value).decode()
