"""The fields of a reply are found in every form in which replies were seen, and in no other."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.wire.replies import decode_reply, read_reply

REPLY = '{"Res": 3, "Error": "Ñandú"}'
READ = {"res": "3", "error": "Ñandú"}
WARNING = "<br />\n<b>Warning</b>: Undefined array key in <b>/srv/api.php</b> on line <b>12</b><br />\n"


@pytest.mark.parametrize(
    "body",
    [
        REPLY.encode(),
        f"[{REPLY}]".encode(),
        f"[[{REPLY}]]".encode(),
        f' {{"0": {REPLY}}}\n'.encode(),
        '{"RES": "3", "ERROR": "Ñandú"}'.encode(),
        json.dumps(REPLY).encode(),
        json.dumps(json.dumps(REPLY)).encode(),
        json.dumps([REPLY]).encode(),
        json.dumps(f"[{REPLY}]").encode(),
        codecs.BOM_UTF8 + REPLY.encode(),
        codecs.BOM_UTF8 * 2 + REPLY.encode(),
        REPLY.encode("utf-16"),
        codecs.BOM_UTF16_BE + REPLY.encode("utf-16-be"),
        REPLY.encode("utf-16-le"),
        REPLY.encode("latin-1"),
        codecs.BOM_UTF8 + REPLY.encode("latin-1"),
        (WARNING + REPLY).encode(),
        (WARNING + f"[{REPLY}]" + WARNING).encode(),
        codecs.BOM_UTF8 + f'PHP Notice: [client 1.2.3.4] {{main}} $_POST["x"] \ufeff{REPLY}'.encode(),
        f"[2026-11-29 03:00:00] Array[3]{{}} {REPLY} {REPLY}".encode(),
        "Res:3;Error:Ñandú".encode(),
        "Res:3;Error:Ñandú;".encode(),
        " Res : 3 ;\r\nError: Ñandú\n".encode(),
        codecs.BOM_UTF8 + "Error:Ñandú;Res:3;".encode(),
        (WARNING + "Res:3;Error:Ñandú;").encode(),
        '"Res:3;Error:Ñandú;"'.encode(),
        "Res:3; ;Error:Ñandú;".encode(),
        json.dumps(f"\ufeff{REPLY}").encode(),
    ],
    ids=repr,
)
def test_a_reply_reads_the_same_in_every_form(body: bytes) -> None:
    assert read_reply(body) == READ


@pytest.mark.parametrize("body", [b"-1", b" -1\n", b'"-1"', b"[-1]", b"-1;", b"-1.0", WARNING.encode() + b"-1"])
def test_a_bare_minus_one_is_a_result(body: bytes) -> None:
    assert read_reply(body) == {"res": "-1"}


def test_a_semicolon_in_the_error_of_a_text_belongs_to_it() -> None:
    assert read_reply(b"Res:-1;Error:clave; o usuario;Cred:0") == {
        "res": "-1",
        "error": "clave; o usuario",
        "cred": "0",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"OK",
        b"10",
        b"-2",
        b"null",
        b"[]",
        b"true",
        b"Error: server down",
        b"phone: 600000001",
        b"Res:1;Res:-1;",
        b"Res:1;\nWarning in /x\nRes:-1;",
        b'{"Res": 1, "Res": -1}',
        b'{"Res": 1, "res": -1}',
        b'{"Res": 1}{"Res": -1}',
        b'[{"Res": 1}, {"Res": 1}]',
        b'{"Res": 1',
        b'[{"Res": 1}',
        b'warning [{"Res": 1}',
        b'warning {"Res": 1, "Error": "',
        b'{"level": "warn"} {"Res": 1}',
        b'{Res": 1, "Enviados": {"0": {"Telefono": "34600000001"}}}',
        b'"Enviados": [{"Telefono": "34600000001"}]}',
        b'{"Res": 1}, "Enviados": "1"}',
        b'{"Res": 1}}',
        b'<html><body>{"Res": 1}</body></html>',
        b"<!DOCTYPE html><p>Res:1;</p>",
        b'"<html>\\nRes:1;"',
        b'"{\\"Enviados\\": []}\\nRes:1;"',
        b'"Enviados": [{"a": 1}] {"Res": 1}',
        codecs.BOM_UTF16_LE,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_is_no_reply_or_could_be_two_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        read_reply(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"null", "not an object"),
        (b"<html>Res:1;</html>", "a page"),
        (b'{"Res": 1} {"Res": 2}', "several objects"),
        (b'"Enviados": [ ] {"Res": 1} {"Res": 1}', "a part of a damaged object"),
        (b'"x {\\"a\\": 1}"', "not a list of fields"),
        (b"OK", "no list of fields, or several"),
        (b"Res:1;Res:-1;", "two values of res"),
    ],
    ids=repr,
)
def test_the_error_says_why_a_body_is_no_reply(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        read_reply(body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (codecs.BOM_UTF16_LE + "Error: 5 €".encode("utf-16-le"), "Error: 5 €"),
        (codecs.BOM_UTF16_BE + "Error: 5 €".encode("utf-16-be"), "Error: 5 €"),
        (codecs.BOM_UTF16_LE + "Res:1;".encode("utf-16-le")[:-1], "\u00ff\u00feRes:1;"),
        (codecs.BOM_UTF8 + "5 €".encode(), "5 €"),
        ("Ñandú".encode("latin-1"), "Ñandú"),
    ],
    ids=["little endian", "big endian", "a byte is lost", "mark of UTF-8", "Latin-1"],
)
def test_a_body_is_decoded_by_its_mark_or_as_utf8_or_as_latin1(body: bytes, text: str) -> None:
    assert decode_reply(body) == text


@given(
    st.text(st.characters(exclude_characters='{}[],"', exclude_categories=["Cs"])).filter(lambda text: "<" not in text)
)
def test_a_reply_is_cut_out_of_any_text_that_is_not_like_json(text: str) -> None:
    assert read_reply(f"{text}{REPLY}{text}".encode()) == READ


@given(st.binary())
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        fields = read_reply(body)
    except ValueError:
        return

    assert all(name == name.lower() for name in fields)
