"""The bodies of pushes, in each form."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

import orjson

from airflow_provider_rcs.sandbox.options import Compression, ReportFormat

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.pushes.fields import Fields

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_FORM = "application/x-www-form-urlencoded"
_BOUNDARY = "------------------------6fd1b0a84c29e573"


class PushBody(NamedTuple):
    """A body as it leaves, with the headers that describe it."""

    content: bytes
    headers: dict[str, str]


def encode_body(
    fields: Fields, form: ReportFormat, compression: Compression = Compression.NONE, charset: str = "utf-8"
) -> PushBody:
    """Return the body of a push.

    :param charset: the encoding of the texts; whichever it is, the content type claims UTF-8, if anything.
    """
    content, content_type = _in_form(fields, form, charset)
    headers = {}
    if content_type:
        headers["Content-Type"] = content_type if charset == "utf-8" else f"{content_type}; charset=utf-8"
    match compression:
        case Compression.GZIP:
            content, headers["Content-Encoding"] = gzip.compress(content, mtime=0), "gzip"
        case Compression.DEFLATE:
            content, headers["Content-Encoding"] = zlib.compress(content), "deflate"
        case Compression.RAW_DEFLATE:
            raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            content, headers["Content-Encoding"] = raw.compress(content) + raw.flush(), "deflate"
    return PushBody(content, headers)


def _in_form(fields: Fields, form: ReportFormat, charset: str) -> tuple[bytes, str]:
    match form:
        case ReportFormat.JSON:
            return _json(fields, charset), "application/json"
        case ReportFormat.JSON_NUMBERS:
            numbers = {name: int(value) if _NUMBER.fullmatch(value) else value for name, value in fields.items()}
            return _json(numbers, charset), "application/json"
        case ReportFormat.JSON_AS_FORM:
            return _json(fields, charset), _FORM
        case ReportFormat.JSON_AS_TEXT:
            return _json(fields, charset), "text/plain"
        case ReportFormat.JSON_WITHOUT_TYPE:
            return _json(fields, charset), ""
        case ReportFormat.DATA_OBJECT:
            return _json({"data": fields}, charset), "application/json"
        case ReportFormat.DATA_FIELD:
            return urlencode({"data": _json(fields, charset)}).encode(), _FORM
        case ReportFormat.FORM:
            return urlencode(fields, encoding=charset, errors="replace").encode(), _FORM
        case ReportFormat.MULTIPART:
            return _multipart(fields, charset), f"multipart/form-data; boundary={_BOUNDARY}"


def _json(content: object, charset: str) -> bytes:
    return orjson.dumps(content).decode().encode(charset, errors="replace")


def _multipart(fields: Fields, charset: str) -> bytes:
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{_BOUNDARY}--\r\n"]).encode(charset, errors="replace")
