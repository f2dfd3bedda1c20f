"""In whatever shape a reply comes: nobody named as sent is requeued, and nobody named as not sent is in doubt."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsAuthError, RcsError, RcsParameterError, RcsRateLimited, RcsRefusedError
from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.outcomes import outcomes_of_reply, refusal_of
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.api.wire.calls import Refusal
from airflow_provider_rcs.api.wire.send_reply import read_send_reply
from tests.examples import examples

ACCEPTED, REJECTED, PLANNED = MessageState.ACCEPTED, MessageState.REJECTED, MessageState.PLANNED
IN_DOUBT = MessageState.IN_DOUBT
PEOPLE = [f"3460000000{number}" for number in range(6)]
WARNING = "<br />\n<b>Warning</b>: Undefined index in <b>/srv/api.php</b> on line <b>12</b><br />\n"
REFUSING = {
    401: Refusal(RcsAuthError, "refused (HTTP 401).", ""),
    403: Refusal(RcsAuthError, "refused (HTTP 403).", ""),
    404: Refusal(RcsParameterError, "no such address (HTTP 404).", ""),
    429: Refusal(RcsRateLimited, "too many requests (HTTP 429).", "", 7.0),
}


@dataclass
class Case:
    """A reply, and what it says in every shape.

    :param sent: phone -> message id.
    """

    sent: dict[str, str]
    not_sent: list[str]
    unnamed: list[str]
    result: int
    send_id: str
    status: int

    @property
    def refuses_all(self) -> bool:
        return self.result < 0 or self.status in REFUSING


@st.composite
def cases(draw: st.DrawFn) -> Case:
    places = draw(st.lists(st.sampled_from(["sent", "not sent", "unnamed"]), min_size=1, max_size=6))
    at: dict[str, list[str]] = {"sent": [], "not sent": [], "unnamed": []}
    for phone, place in zip(PEOPLE, places, strict=False):
        at[place].append(phone)
    sent = {phone: draw(st.sampled_from(["", "0", f"9{phone}", "1" * 30])) for phone in at["sent"]}
    result = draw(st.sampled_from([-16, -3, -2, -1, 0, 1, len(sent), len(places)]))
    status = draw(st.sampled_from([200, 200, 302, 401, 403, 404, 429, 500, 503]))
    return Case(sent, at["not sent"], at["unnamed"], result, draw(st.sampled_from(["", "0", "77"])), status)


def as_number(text: str) -> Any:
    return int(text) if text.isdigit() else text


NUMBERS: list[Callable[[str], Any]] = [str, as_number]
PHONES: list[Callable[[str], Any]] = [
    str,
    int,
    lambda phone: f"+{phone}",
    lambda phone: f"00{phone}",
    lambda phone: f"{phone}.0",
    lambda phone: f" {phone} ",
]
RESULTS: list[Callable[[int], Any]] = [int, str, float, lambda result: f" {result} ", lambda result: f"{result}.0"]
LISTS: list[Callable[[list[Any]], Any]] = [
    list,
    json.dumps,
    lambda entries: {str(2 * index): entry for index, entry in enumerate(entries)},
    lambda entries: json.dumps({str(2 * index): entry for index, entry in enumerate(entries)}),
    lambda entries: [json.dumps(entry) for entry in entries],
    lambda entries: entries[0] if len(entries) == 1 else entries,
    lambda entries: json.dumps(entries[0] if len(entries) == 1 else entries),
]
NOBODY: list[Any] = [[], {}, "", "[]", None, False, 0, "0", "null"]
ENVELOPES: list[Callable[[str], bytes]] = [
    str.encode,
    lambda text: text.encode("latin-1"),
    lambda text: codecs.BOM_UTF8 + text.encode(),
    lambda text: text.encode("utf-16"),
    lambda text: f"[{text}]".encode(),
    lambda text: f'{{"0": {text}}}'.encode(),
    lambda text: json.dumps(text).encode(),
    lambda text: f"{WARNING}{text}{WARNING}".encode(),
    lambda text: codecs.BOM_UTF8 + f"{WARNING}\ufeff[{text}]\n".encode(),
]


def write(case: Case, choose: Callable[[Sequence[Any]], Any]) -> bytes:
    """Write what a case says in one of the shapes that were seen; ``choose`` returns one of several."""
    number, phone = choose(NUMBERS), choose(PHONES)
    spelled, key = choose([str, str.lower, str.upper]), choose(["Telefono", "Movil"])

    def written(people: list[str]) -> Any:
        entries = [{key: phone(each), "Nombre": "Ñandú"} for each in people]
        for entry, each in zip(entries, people, strict=True):
            if each in case.sent:
                entry["idMensaje"] = number(case.sent[each])
        entries = [{spelled(name): value for name, value in entry.items()} for entry in entries]
        return choose(LISTS)(entries) if people else choose(NOBODY)

    sent, asked = list(case.sent), [*case.sent, *case.not_sent, *case.unnamed]
    reply = {"Res": choose(RESULTS)(case.result), "Error": "Añadió", "idEnvio": number(case.send_id)}
    if sent and all(case.sent[each].strip("0") for each in sent) and choose([True, False]):
        reply |= {"Destinatarios": written(asked), "Enviados": number(str(len(sent)))}
    else:
        reply |= {"Destinatarios": number(str(len(asked))), "Enviados": written(sent)}
    reply |= {"NoEnviados": written(case.not_sent), "Duplicados": number("0")}
    text = json.dumps({spelled(name): value for name, value in reply.items()}, ensure_ascii=False)
    return bytes(choose(ENVELOPES)(text))


def choice(data: st.DataObject) -> Callable[[Sequence[Any]], Any]:
    return lambda options: data.draw(st.sampled_from(options))


def outcomes(case: Case, body: bytes) -> tuple[dict[str, Outcome], RcsError | None]:
    """Return the outcomes that the sender settles, and the error that it acts on."""
    people = [f"+{phone}" for phone in (*case.sent, *case.not_sent, *case.unnamed)]
    try:
        result = read_send_reply(body, case.status, REFUSING.get(case.status))
    except RcsError as error:
        state = PLANNED if error.nothing_sent else IN_DOUBT
        return {phone.removeprefix("+"): Outcome(phone, state) for phone in people}, error
    settled = outcomes_of_reply(people, result)
    return {each.phone.removeprefix("+"): each for each in settled}, refusal_of(result, settled)


@pytest.mark.slow
@given(case=cases(), data=st.data())
@settings(max_examples=examples(600))
def test_in_every_shape_a_reply_settles_everybody_it_names(case: Case, data: st.DataObject) -> None:
    settled, error = outcomes(case, write(case, choice(data)))

    for phone, message_id in case.sent.items():
        assert settled[phone].state is ACCEPTED
        assert settled[phone].api_message_id == ("" if message_id == "0" else message_id)
    for phone in case.not_sent:
        assert settled[phone].state is (PLANNED if case.refuses_all else REJECTED)
    for phone in case.unnamed:
        assert settled[phone].state is not PLANNED or not (case.sent or case.send_id == "77" or case.result > 0)
        assert settled[phone].state is not REJECTED
    assert isinstance(error, RcsRefusedError) or not case.refuses_all
    assert error is None or not (error.nothing_sent and case.sent)


@pytest.mark.slow
@given(case=cases(), data=st.data())
@settings(max_examples=examples(300))
def test_a_reply_that_is_cut_off_requeues_nobody_it_has_named(case: Case, data: st.DataObject) -> None:
    body = write(case, choice(data))

    part = body[: data.draw(st.integers(0, len(body)))]
    settled, _ = outcomes(case, part)

    is_named = case.status not in REFUSING or b"enviados" in part.replace(b"\0", b"").lower()
    for phone in case.sent:
        assert settled[phone].state in (ACCEPTED, IN_DOUBT) or not is_named


@given(case=cases(), data=st.data())
def test_wrong_credentials_win_over_every_other_refusal(case: Case, data: st.DataObject) -> None:
    case.result = -1

    _, error = outcomes(case, write(case, choice(data)))

    assert isinstance(error, RcsAuthError)


@pytest.mark.parametrize("status", REFUSING)
@pytest.mark.parametrize(
    "body",
    [
        b'{"Res": -2, "Enviados": ["34600000000"]}',
        b'{"Res": -2, "Enviados": [{"Telefono": "600000000", "idMensaje": "1"}]}',
        b'{"Res": -2, "Enviados": "many"}',
        b'{"Res": -2, "Res": 1}',
        b'{"Res": -2, "Enviados": [{"Telefono": "34600000000"',
        b'{"Res": -2, "idEnvio": 77}',
        b'{"Res": -2, "Destinatarios": 1}',
        b'{"Res": -2, "Enviados": 0, "Destinatarios": [{"Movil": "34600000000", "idMensaje": 1}]}',
        b'{"Res": "x", "Enviados": 1}',
        b"Res:1;",
        b"Res:-2;Enviados:1;",
        b'<html><body>{"Res": 1, "Enviados": [{"Telefono": "34600000000"}]}</body></html>',
        b"<html><body>{&quot;Enviados&quot;: 1}</body></html>",
        b"<?xml version='1.0'?><Res>1</Res><Enviados>1</Enviados>",
        b"Error 7; Res = 1",
        b'{"x": {"Res": 1, "Enviados": [{"Telefono": "34600000000"}]}}',
        b'{"Res": -2, "Enviado": [{"Telefono": "34600000000", "idMensaje": 1}]}',
        b'{Res": -2, "Enviados": {"Telefono": "34600000000"}}',
        '{"Res": -2, "Enviados": [{"Telefono": "34600000000"'.encode("utf-16"),
    ],
)
def test_a_refusal_that_may_have_sent_something_requeues_nobody(status: int, body: bytes) -> None:
    settled, error = outcomes(Case({}, [], PEOPLE[:1], 0, "", status), body)

    assert [each.state for each in settled.values()] == [IN_DOUBT]
    assert error is not None
    assert not error.nothing_sent


@pytest.mark.parametrize("status", REFUSING)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Forbidden</body></html>",
        b"Forbidden",
        b"<html><body>Demasiados mensajes enviados. High-res 1080</body></html>",
        b'{"Res": -2, "idEnvio": "0.0", "Enviados": false, "NoEnviados": "", "Duplicados": []}',
        b'{"message": "Forbidden"}',
        b'{"Res": -2}',
        b'{"Res": -2, "idEnvio": 0, "Destinatarios": 0, "Enviados": 0, "NoEnviados": 0, "Duplicados": 0}',
        b'{"Res": -2, "idEnvio": "", "Destinatarios": 1, "Enviados": [], "NoEnviados": [], "Duplicados": "0"}',
        b'{"Res": -2, "idEnvio": 77, "Enviados": 0, "NoEnviados": 1}',
        b'{"Res": -2, "NoEnviados": [{"Telefono": "34699999999"}]}',
        b"Res:-2;",
        b"Res:0;",
    ],
)
def test_a_refusal_that_says_nothing_of_anyone_requeues_all(status: int, body: bytes) -> None:
    settled, error = outcomes(Case({}, [], PEOPLE[:1], 0, "", status), body)

    assert [each.state for each in settled.values()] == [PLANNED]
    assert isinstance(error, RcsRefusedError)


@pytest.mark.parametrize(
    ("body", "people", "state"),
    [
        (b'{"Res": 0, "Enviados": 0, "NoEnviados": 1}', 1, REJECTED),
        (b'{"Res": 0, "Enviados": [], "NoEnviados": 1, "idEnvio": 77}', 1, REJECTED),
        (b'{"Res": 0, "Enviados": 0, "NoEnviados": 0, "Duplicados": 0}', 1, PLANNED),
        (b'{"Res": 0, "Duplicados": 2}', 2, MessageState.DUPLICATE),
        (b'{"Res": 0, "NoEnviados": [{"Movil": 34600000000}], "Duplicados": "x"}', 1, REJECTED),
        (b'{"NoEnviados": [{"Movil": 34600000000}]}', 1, REJECTED),
        (b'{"Res": "x", "Enviados": [{"Movil": 34600000000}]}', 1, ACCEPTED),
        (b'{"Res": 0, "idEnvio": 77}', 1, IN_DOUBT),
        (b'{"Res": 0, "NoEnviados": 1}', 2, IN_DOUBT),
        (b'{"Res": 3, "NoEnviados": 3}', 3, IN_DOUBT),
        (b'{"Res": 3, "Enviados": 3, "NoEnviados": 3}', 3, IN_DOUBT),
        (b'{"Res": 3, "Enviados": 0}', 3, IN_DOUBT),
        (b'{"Res": 3, "Enviados": []}', 3, IN_DOUBT),
        (b'{"Res": 1, "Enviados": 3}', 3, IN_DOUBT),
        (b'{"Res": 1, "Enviados": [{"Telefono": "34699999999", "idMensaje": "1"}]}', 1, IN_DOUBT),
        (b'{"Res": 3, "Enviados": 3}', 3, ACCEPTED),
        (b"Res:3;", 3, ACCEPTED),
        (b"Res:2;", 3, IN_DOUBT),
        (b"Res:0;", 3, PLANNED),
        (b"Res:-2;", 3, PLANNED),
        (b"-1", 3, PLANNED),
        (b"Res:-1;Cred:0;", 3, PLANNED),
        (b'{"Cred": "-1"}', 3, PLANNED),
    ],
)
def test_counts_and_texts_decide_where_they_allow_no_other_reading(
    body: bytes, people: int, state: MessageState
) -> None:
    settled, _ = outcomes(Case({}, [], PEOPLE[:people], 0, "", 200), body)

    assert {each.state for each in settled.values()} == {state}
