"""Replies of the API, in every shape that has been observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from airflow_provider_rcs.sandbox.options import ReplyShape, ReplyValues

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_rcs.sandbox.model import RefusalError, SandboxTemplate, SendOutcome

Reply = dict[str, Any]

_WRONG_CREDENTIALS = -1
_USUAL_VALUES = {ReplyShape.DOCUMENT: ReplyValues.TEXTS, ReplyShape.OBJECT_STRINGS: ReplyValues.NUMBERS_AS_TEXTS}


@dataclass(frozen=True, slots=True)
class ReplyFormat:
    """How replies are written.

    :param written: how numbers and arrays are written; ``None`` for the way of the shape.
    """

    shape: ReplyShape
    written: ReplyValues | None = None

    @property
    def values(self) -> ReplyValues:
        return self.written or _USUAL_VALUES.get(self.shape, ReplyValues.REAL)

    @property
    def number(self) -> Callable[[int | float], int | float | str]:
        """How a number is written."""
        return _as_it_is if self.values is ReplyValues.REAL else str

    def value(self, value: Any) -> Any:
        """Return a value of the reply's object as it is written there."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.number(value)
        if isinstance(value, str) or self.values is not ReplyValues.TEXTS:
            return value
        return orjson.dumps(value).decode()


def send_reply(outcome: SendOutcome, form: ReplyFormat) -> Reply:
    accepted = outcome.accepted
    messages = accepted.messages if accepted else ()
    phone = "Movil" if form.shape is ReplyShape.MOBILE else "Telefono"
    number = form.number
    sent = [{phone: each.phone, "idMensaje": number(each.message_id)} for each in messages]
    refused = [{"Nombre": each.name, phone: each.phone} for each in outcome.refused]
    # With an empty Error, because the document's own example has the key in a successful reply.
    reply: Reply = {"Res": len(messages), "Error": ""}
    if accepted:
        reply["idEnvio"] = accepted.send_id
    recipients: tuple[Any, Any, Any]
    match form.shape:
        case ReplyShape.COUNTS:
            recipients = (outcome.processed, len(sent), len(refused))
        case ReplyShape.CERTIFIED:
            recipients = (sent, len(sent), refused)
        case ReplyShape.ONE_OBJECT:
            recipients = (outcome.processed, _one(sent), _one(refused))
        case _:
            recipients = (outcome.processed, sent, refused)
    reply |= zip(("Destinatarios", "Enviados", "NoEnviados"), recipients, strict=True)
    return reply | {"Duplicados": outcome.duplicates}


def templates_reply(templates: tuple[SandboxTemplate, ...]) -> Reply:
    names = {each.template_id: each.name for each in templates}
    return {"Res": 1, "Total": len(names), "Plantillas": names or []}


def variables_reply(template: SandboxTemplate, form: ReplyFormat) -> Reply:
    variables = [{"Nombre": name, "Tipo": kind} for name, kind in template.variables.items()]
    listed = _one(variables) if form.shape is ReplyShape.ONE_OBJECT else variables
    return {"Res": 1, "Nombre": template.name, "Total": len(variables), "Variables": listed}


def credit_reply(credit: int) -> Reply:
    return {"Res": 1, "Cred": credit}


def spanish_credit_reply(credit: int) -> Reply:
    return {"Res": 1, "Saldo": f"{credit:,}".replace(",", ".") + ",00"}


def refusal_reply(refusal: RefusalError) -> Reply:
    return {"Res": refusal.result, "Error": refusal.text}


def without_result(credit: Reply) -> Reply:
    """Return a reply to a look-up of the credit as version 5.8 writes it, in which -1 means wrong credentials."""
    return (
        {"Cred": credit["Res"]} if credit["Res"] < 0 else {key: value for key, value in credit.items() if key != "Res"}
    )


def encode_reply(reply: Reply, form: ReplyFormat) -> bytes:
    """Return a reply as JSON."""
    written = {key: form.value(value) for key, value in reply.items()}
    return orjson.dumps([written] if form.shape is ReplyShape.DOCUMENT else written)


def encode_text_reply(reply: Reply, credit: Reply) -> bytes:
    """Return a reply in the format of requests that do not ask for JSON: ``Res:3;Cred:12,00;``.

    :param credit: the reply to a look-up of the credit, of which a reply that is no refusal has the number.
    """
    result = reply["Res"]
    if result == _WRONG_CREDENTIALS:
        return str(result).encode()
    shown = {} if result < 0 else without_result(credit)
    texts = {name: value if isinstance(value, str) else f"{value},00" for name, value in shown.items()}
    return "".join(f"{name}:{value};" for name, value in ({"Res": result} | texts).items()).encode()


def _one(items: Sequence[Reply]) -> Sequence[Reply] | Reply:
    return items[0] if len(items) == 1 else items


def _as_it_is(number: int | float) -> int | float:
    return number
