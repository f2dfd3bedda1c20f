"""The body of a push has the form and the compression that were asked for."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest

from airflow_provider_rcs.sandbox.forms import parse_multipart, parse_url_encoded
from airflow_provider_rcs.sandbox.options import Compression, ReportFormat
from airflow_provider_rcs.sandbox.pushes.bodies import encode_body

FIELDS = {"Servicio": "RCS", "RefCampaign": "año & más=1 €"}
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        (ReportFormat.JSON, {"Content-Type": "application/json"}),
        (ReportFormat.JSON_AS_FORM, {"Content-Type": FORM}),
        (ReportFormat.JSON_AS_TEXT, {"Content-Type": "text/plain"}),
        (ReportFormat.JSON_WITHOUT_TYPE, {}),
    ],
)
def test_json_is_pushed_under_each_content_type(form: ReportFormat, headers: dict[str, str]) -> None:
    body = encode_body(FIELDS, form)

    assert json.loads(body.content) == FIELDS
    assert body.headers == headers


def test_numbers_are_pushed_as_numbers_unless_one_would_change() -> None:
    fields = {
        "Estado": "0",
        "Destinatario": "34600000001",
        "RefMensaje": "007",
        "idMensaje": "9" * 30,
        "Agente": "shop",
    }

    body = encode_body(fields, ReportFormat.JSON_NUMBERS)

    assert json.loads(body.content) == fields | {"Estado": 0, "Destinatario": 34600000001}


def test_form_is_url_encoded() -> None:
    body = encode_body(FIELDS, ReportFormat.FORM)

    assert (parse_url_encoded(body.content), body.headers) == (FIELDS, {"Content-Type": FORM})


def test_multipart_form_names_its_boundary() -> None:
    body = encode_body(FIELDS, ReportFormat.MULTIPART)

    assert parse_multipart(body.content, body.headers["Content-Type"]) == FIELDS


def test_data_field_is_a_form_with_json_in_it() -> None:
    body = encode_body(FIELDS, ReportFormat.DATA_FIELD)

    assert json.loads(parse_url_encoded(body.content)["data"]) == FIELDS
    assert body.headers == {"Content-Type": FORM}


def test_data_object_is_json_in_json() -> None:
    assert json.loads(encode_body(FIELDS, ReportFormat.DATA_OBJECT).content) == {"data": FIELDS}


@pytest.mark.parametrize(
    ("compression", "encoding", "unpack"),
    [
        (Compression.GZIP, "gzip", gzip.decompress),
        (Compression.DEFLATE, "deflate", zlib.decompress),
        (Compression.RAW_DEFLATE, "deflate", lambda content: zlib.decompress(content, wbits=-15)),
    ],
)
def test_compressed_body_names_its_encoding(
    compression: Compression, encoding: str, unpack: Callable[[bytes], bytes]
) -> None:
    body = encode_body(FIELDS, ReportFormat.JSON, compression)

    assert json.loads(unpack(body.content)) == FIELDS
    assert body.headers == {"Content-Type": "application/json", "Content-Encoding": encoding}


@pytest.mark.parametrize("form", [ReportFormat.JSON, ReportFormat.JSON_AS_FORM, ReportFormat.JSON_AS_TEXT])
def test_json_in_latin_1_claims_to_be_utf_8(form: ReportFormat) -> None:
    body = encode_body(FIELDS, form, charset="latin-1")

    assert json.loads(body.content.decode("latin-1")) == FIELDS | {"RefCampaign": "año & más=1 ?"}
    assert body.headers["Content-Type"].endswith("; charset=utf-8")


def test_forms_in_latin_1_hold_its_bytes() -> None:
    form = encode_body(FIELDS, ReportFormat.FORM, charset="latin-1")
    field = encode_body(FIELDS, ReportFormat.DATA_FIELD, charset="latin-1")
    multipart = encode_body(FIELDS, ReportFormat.MULTIPART, charset="latin-1")

    assert parse_qs(form.content.decode(), encoding="latin-1")["RefCampaign"] == ["año & más=1 ?"]
    assert b"a%F1o" in field.content
    assert "año & más=1 ?".encode("latin-1") in multipart.content
