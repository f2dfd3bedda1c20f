"""The formats of pushed bodies, read by what the bodies hold."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.api.wire.report_fields import read_entry
from airflow_provider_rcs.api.wire.reports import read_body
from airflow_provider_rcs.sandbox.options import Compression, ReportFormat
from airflow_provider_rcs.sandbox.pushes.bodies import encode_body
from tests.pushed_report import PUSHED
from tests.unit.api.wire.bodies import BOUNDARY, FORM, JSON, MULTIPART, SMS_RECEIVED, multipart

REPORT = read_body(JSON, json.dumps(PUSHED).encode()).reports[0]
AS_JSON = json.dumps(PUSHED).encode()
AS_FORM = urlencode(PUSHED).encode()
AS_MULTIPART = multipart({name: value.encode() for name, value in PUSHED.items()})
CONTENT_TYPES = [
    JSON,
    FORM,
    MULTIPART,
    "multipart/form-data",
    "text/plain",
    "text/plain; charset=utf-16",
    "text/xml",
    "",
    "?",
]


def reports_of(content_type: str, body: bytes) -> list[Report]:
    parsed = read_body(content_type, body)
    assert (parsed.problem, list(parsed.inbound)) == ("", [])
    return list(parsed.reports)


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("body", [AS_JSON, AS_FORM, AS_MULTIPART], ids=["json", "form", "multipart"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress, zlib.compress], ids=["plain", "gzip", "deflate"])
def test_a_body_is_read_by_what_it_holds_under_any_content_type(compress: Any, content_type: str, body: bytes) -> None:
    assert reports_of(content_type, compress(body)) == [REPORT]


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("content_type", [JSON, FORM, "text/plain", ""])
@pytest.mark.parametrize(
    "write", [lambda fields: json.dumps(fields, ensure_ascii=False), urlencode], ids=["json", "form"]
)
def test_a_body_is_read_in_every_charset(write: Any, content_type: str, charset: str) -> None:
    body = write({**PUSHED, "Agente": "Año"}).encode(charset)

    assert reports_of(content_type, body) == [REPORT._replace(agent="Año")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'{"Estado": "13", "idMensaje": "7", "Agente": "A\x81\xf1o"}'),
        (FORM, b"Estado=13&idMensaje=7&Agente=A%81%F1o"),
        (FORM, b" Estado=13&idMensaje=7&Agente=A%81%F1o"),
        (MULTIPART, multipart({"Estado": b"13", "idMensaje": b"7", "Agente": b"A\x81\xf1o"})),
    ],
)
def test_a_byte_that_a_charset_does_not_have_costs_only_its_character(content_type: str, body: bytes) -> None:
    (read,) = reports_of(f"{content_type}; charset=windows-1252", body)

    assert (read.status_code, read.agent) == ("13", "A\ufffdño")


def test_a_form_with_latin_1_in_its_escapes_or_bare_is_read() -> None:
    (escaped,) = reports_of(FORM, b"Estado=13&idMensaje=7&Agente=A%F1o")
    (bare,) = reports_of(FORM, b"Estado=13&idMensaje=7&Agente=A\xf1o")

    assert (escaped.agent, bare.agent) == ("Año", "Año")


@pytest.mark.parametrize("charset", ["charset*=utf-8''utf%00", "charset=undefined", "charset=punycode", "charset=idna"])
@pytest.mark.parametrize("body", [AS_JSON, AS_FORM, AS_MULTIPART], ids=["json", "form", "multipart"])
def test_a_charset_that_no_text_has_changes_nothing(body: bytes, charset: str) -> None:
    assert reports_of(f"{MULTIPART}; {charset}", body) == [REPORT]
    assert reports_of(f"{JSON}; {charset}", body) == [REPORT]


DATA = json.dumps(PUSHED)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"data": PUSHED}),
        json.dumps({"Data": [PUSHED]}),
        json.dumps({"data": DATA}),
        json.dumps({"data": f"[{DATA}]"}),
        json.dumps({"data": {"data": PUSHED}}),
        json.dumps({"event": "report", "data": PUSHED}),
        json.dumps([DATA]),
        json.dumps({"0": PUSHED}),
        json.dumps(DATA),
        urlencode({"data": DATA}),
        urlencode({"DATA": f"[{DATA}]"}),
        f"data={DATA}",
        quote(DATA),
        quote_plus(DATA),
        quote_plus(DATA) + "=",
        multipart({"data": DATA.encode()}).decode(),
    ],
)
@pytest.mark.parametrize("content_type", [JSON, FORM, "text/plain", ""])
def test_a_report_in_an_envelope_is_read(content_type: str, body: str) -> None:
    assert reports_of(content_type, body.encode()) == [REPORT]


def test_a_field_named_data_that_holds_no_report_is_one_more_field() -> None:
    (read,) = reports_of(JSON, json.dumps({**PUSHED, "data": {"x": 1}}).encode())

    assert read == REPORT._replace(extra={"data": '{"x":1}'})


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, json.dumps({**PUSHED, "data": {**PUSHED, "Estado": "50"}}).encode()),
        (FORM, urlencode({**PUSHED, "data": DATA}).encode()),
        (FORM, json.dumps({**PUSHED, "x": "&Estado=50&idMensaje=7&x="}).encode()),
        ("text/plain", json.dumps({**PUSHED, "x": "&Estado=50&idMensaje=7&x="}).encode()),
        (FORM, multipart({**{k: v.encode() for k, v in PUSHED.items()}, "x": b"&Estado=50&idMensaje=7&x="})),
    ],
)
def test_a_body_that_can_be_read_in_two_ways_is_refused(content_type: str, body: bytes) -> None:
    parsed = read_body(content_type, body)

    assert (list(parsed.reports), "in two ways" in parsed.problem) == ([], True)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, json.dumps({**PUSHED, "x": "&Estado=50&idMensaje=7&x="}).encode()),
        (MULTIPART, multipart({**{k: v.encode() for k, v in PUSHED.items()}, "x": b"&Estado=50&idMensaje=7&x="})),
    ],
)
def test_a_content_type_and_a_body_that_agree_are_read_in_one_way(content_type: str, body: bytes) -> None:
    assert [each.status_code for each in reports_of(content_type, body)] == ["11"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'{"Estado": "13", "Estado": "50", "idMensaje": "7"}'),
        (JSON, b'{"Estado": 13, "Estado": 50, "idMensaje": 7}'),
        (JSON, b'{"Estado": "13", "estado": "50", "idMensaje": "7"}'),
        (JSON, b'{"Estado": "13", "Resultado": "50", "idMensaje": "7"}'),
        (FORM, b"Estado=13&Estado=50&idMensaje=7"),
        (FORM, b"Estado=13&Resultado=50&idMensaje=7"),
        (MULTIPART, multipart({"Estado": b"13", "resultado": b"50", "idMensaje": b"7"})),
    ],
)
def test_two_values_of_one_field_are_refused(content_type: str, body: bytes) -> None:
    parsed = read_body(content_type, body)

    assert (list(parsed.reports), parsed.problem) == ([], "a report has two values of one field (Estado)")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'{"Estado": "13", "Estado": "13", "idMensaje": "7"}'),
        (JSON, b'{"Estado": "13", "Resultado": 13, "idMensaje": "7"}'),
        (FORM, b"Estado=13&estado=13&Resultado=&idMensaje=7"),
    ],
)
def test_one_value_under_two_names_is_read_once(content_type: str, body: bytes) -> None:
    (read,) = reports_of(content_type, body)

    assert (read.status_code, read.api_message_id) == ("13", "7")


NUMBERS = ["7", "9007199254740993", "18446744073709551616", "1" * 30, "0.10", "34600000001.0", "1e400", "-0"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("around", ["%s", "[%s]", '{"data": %s}'])
def test_numbers_stay_as_they_are_written(around: str, number: str) -> None:
    body = around % f'{{"Estado": 13, "idMensaje": {number}, "idCampaign": {number}, "x": {number}, "y": [{number}]}}'

    (read,) = reports_of(JSON, body.encode())

    assert (read.api_message_id, read.api_campaign_id, read.extra["x"]) == (number, number, number)
    assert read.extra["y"] == f"[{number}]"


def test_a_phone_that_was_taken_for_a_float_is_that_phone() -> None:
    (read,) = reports_of(JSON, b'{"Estado": 13, "Destinatario": 34600000001.0}')

    assert read.phone == "+34600000001"


@given(number=st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_stays_as_it_is_written(number: float) -> None:
    text = json.dumps(number)

    (read,) = reports_of(JSON, f'{{"Estado": "13", "idMensaje": {text}}}'.encode())

    assert read.api_message_id == text


@pytest.mark.parametrize("cut_off", [1, 2, 3, 10, 59])
@pytest.mark.parametrize("content_type", [MULTIPART, FORM, ""])
def test_a_multipart_body_that_is_cut_off_is_refused(content_type: str, cut_off: int) -> None:
    parsed = read_body(content_type, AS_MULTIPART.removesuffix(b"\r\n")[:-cut_off])

    assert list(parsed.reports) == []
    assert parsed.problem


@pytest.mark.parametrize(
    ("content_type", "boundary"), [("multipart/form-data", b"----x"), (MULTIPART, b"other"), (JSON, b"--y"), ("", b"z")]
)
def test_a_boundary_that_the_header_does_not_name_is_that_of_the_first_line(content_type: str, boundary: bytes) -> None:
    body = multipart({name: value.encode() for name, value in PUSHED.items()}, boundary)

    assert reports_of(content_type, body) == [REPORT]


@pytest.mark.parametrize(("length", "is_named", "is_read"), [(70, False, True), (71, False, False), (71, True, True)])
def test_a_boundary_that_is_too_long_is_read_only_if_the_header_names_it(
    length: int, is_named: bool, is_read: bool
) -> None:
    boundary = "b" * length
    body = multipart({name: value.encode() for name, value in PUSHED.items()}, boundary.encode())
    content_type = f"multipart/form-data; boundary={boundary}" if is_named else "multipart/form-data"

    assert (list(read_body(content_type, body).reports) == [REPORT]) is is_read


def test_a_cut_off_multipart_body_is_refused_with_the_reason() -> None:
    parsed = read_body(MULTIPART, AS_MULTIPART.removesuffix(b"\r\n")[:-2])

    assert parsed.problem == "the multipart form is cut off: it has no closing boundary"


def test_a_byte_that_a_charset_does_not_have_may_be_in_the_name_of_a_field() -> None:
    body = multipart({"Estado": b"13", "idMensaje": b"7", "Agente": b"A"}).replace(b"Agente", b"A\x81\xf1o")

    (read,) = reports_of(f"{MULTIPART}; charset=windows-1252", body)

    assert read.extra == {"a\ufffd\u00f1o": "A"}


def test_an_empty_field_of_a_form_is_kept() -> None:
    (read,) = reports_of(FORM, AS_FORM + b"&Coste=")

    assert read.extra["coste"] == ""


@pytest.mark.parametrize(("envelopes", "is_read"), [(3, True), (4, False)])
@pytest.mark.parametrize("written", [lambda content: content, json.dumps], ids=["object", "text"])
def test_a_report_may_be_in_up_to_three_envelopes(written: Any, envelopes: int, is_read: bool) -> None:
    content: Any = PUSHED
    for _ in range(envelopes):
        content = {"data": written(content)}

    assert (list(read_body(JSON, json.dumps(content).encode()).reports) == [REPORT]) is is_read


@pytest.mark.parametrize(("envelopes", "is_read"), [(2, True), (3, False)])
def test_a_text_around_all_of_a_body_counts_as_an_envelope(envelopes: int, is_read: bool) -> None:
    content: Any = PUSHED
    for _ in range(envelopes):
        content = {"data": content}

    assert (list(read_body(JSON, json.dumps(json.dumps(content)).encode()).reports) == [REPORT]) is is_read


def test_a_header_with_characters_beyond_latin_1_does_not_cost_the_form() -> None:
    assert reports_of(f"{MULTIPART}; name=€", AS_MULTIPART) == [REPORT]


@pytest.mark.parametrize(
    "body",
    [
        b" \r\n" + AS_JSON,
        b" \r\n" + quote(AS_JSON).encode(),
        b"\r\n" + AS_MULTIPART,
        json.dumps({"data": f" {AS_JSON.decode()}"}).encode(),
    ],
    ids=["json", "escaped json", "multipart", "json in a field"],
)
def test_white_space_before_a_report_changes_nothing(body: bytes) -> None:
    assert reports_of("", body) == [REPORT]


def test_a_form_in_utf8_without_escapes_is_read() -> None:
    (read,) = reports_of(FORM, "Estado=13&idMensaje=7&Agente=Año €".encode())

    assert read.agent == "Año €"


def test_the_error_names_both_ways_to_read_a_body() -> None:
    parsed = read_body("", json.dumps({**PUSHED, "x": "&Estado=50&idMensaje=7&x="}).encode())

    assert parsed.problem == f"the body can be read in two ways: as {JSON} and as {FORM}"


def test_a_multipart_form_with_a_file_is_refused() -> None:
    part = b'--%b\r\nContent-Disposition: form-data; name="Estado"; filename="x"\r\n\r\n13\r\n' % BOUNDARY

    parsed = read_body(MULTIPART, part + multipart({"idMensaje": b"7"}))

    assert (list(parsed.reports), parsed.problem) == ([], "the multipart form cannot be read")


@pytest.mark.parametrize(
    ("content_type", "body", "problem"),
    [
        (JSON, b"", "the body is not JSON"),
        (JSON, b"[]", "the list holds no report"),
        (JSON, b'{"data": []}', "the list holds no report"),
        (JSON, b"{", "the body is not JSON"),
        (JSON, b"7", "the body is not JSON"),
        (JSON, b'"x"', "a report is not an object"),
        (JSON, b"[7]", "a report is not an object"),
        (JSON, b'{"Estado": NaN}', "the body is not JSON"),
        (JSON, b"\xff", "the body is not JSON"),
        (JSON, b"[" * 5_000, "the body is not JSON"),
        (JSON, b"<a href=x>", "the body is not JSON"),
        (FORM, b"", "a report has no status (Estado)"),
        (FORM, b"&".join([b"a=1"] * 101), "the form cannot be read"),
        ("text/xml", b"<report/>", "send application/json, application/x-www-form-urlencoded or multipart/form-data"),
        ("", b'{"Estado": "13"}', "a report names no message: neither recipient (Destinatario) nor id (idMensaje)"),
        (JSON, gzip.compress(AS_JSON, mtime=0)[:-1], "the compressed body is damaged"),
        (JSON, gzip.compress(gzip.compress(AS_JSON, mtime=0), mtime=0), "the body is not JSON"),
    ],
)
def test_a_body_without_a_report_is_refused_with_the_reason(content_type: str, body: bytes, problem: str) -> None:
    parsed = read_body(content_type, body)

    assert (list(parsed.reports), list(parsed.inbound), parsed.problem) == ([], [], problem)


SMS_7 = {"Servicio": "SMSMASIVO", "Resultado": "13", "Movil": "34600000001", "idMensaje": "55"}
SMS_58 = {
    "Resultado": "13",
    "Movil": "34600000001",
    "Referencia": "Año 7",
    "idEnvio": "10573758",
    "Fecha": "20201203111424",
    "Remitente": "Compañía",
    "Segundos": "12",
}


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("form", ReportFormat)
@pytest.mark.parametrize(
    "fields",
    [PUSHED, SMS_7, SMS_58, {**SMS_RECEIVED, "Mensaje": "¿Y mañana? &Estado=50"}],
    ids=["rcs", "sms 7", "sms 5.8", "reply"],
)
def test_every_format_of_the_sandbox_is_read_as_the_fields_that_it_holds(
    fields: dict[str, str], form: ReportFormat, compression: Compression, charset: str
) -> None:
    body = encode_body(fields, form, compression, charset)

    parsed = read_body(body.headers.get("Content-Type", ""), body.content)

    assert parsed.problem == ""
    assert [*parsed.reports, *parsed.inbound] == [read_entry(fields)]
