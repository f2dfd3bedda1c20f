"""The fields of a reply, found between whatever surrounds them in its body."""

from __future__ import annotations

import codecs
import re
from typing import Any

from airflow_provider_rcs.api.wire import lenient_json

_UTF_16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_FIRST_OF_EAST_ASIA = "\u2e80"
_AROUND = " \t\r\n\0\ufeff"
_PAGE = re.compile(r"<(?:!doctype|html)\b", re.IGNORECASE)
_JSON_START = re.compile(r'\{\s*"|\[\s*[\[{"]')
_FIELD = re.compile(r'"\s*:')
_GOES_ON = re.compile(r"\s*[\]},]")
_LINE_BREAK = re.compile(r"[\r\n]+|<br\s*/?>", re.IGNORECASE)
_PAIR = re.compile(r"\s*([A-Za-z]\w*)\s*:\s*(.*?)\s*", re.DOTALL)
_WRONG_CREDENTIALS = re.compile(r"\s*-1(?:\.0+)?\s*;?\s*")
_FIELDS_OF_A_TEXT = ("res", "cred", "saldo")


def read_reply(body: bytes) -> dict[str, Any]:
    """Return the fields of a reply, with lower-case names; numbers are text.

    JSON is read if it is an object or a list of one (public); in a string that holds JSON; after a byte order mark;
    between other text, such as the warnings of PHP (public: the vendor's own class cuts it out); and in Latin-1. Text
    is read if it is a list of fields, such as ``Res:1;Cred:12,50;`` (public), or the ``-1`` of wrong credentials
    (public).

    :raises ValueError: if the body is anything else, such as a page, or JSON that is cut off; or if it can be read in
        two ways, such as two objects that differ.
    """
    text = decode_reply(body).strip(_AROUND)
    try:
        content = lenient_json.load(text)
    except ValueError:
        content = _find_content(text)
    return _unwrap(content)


def decode_reply(body: bytes) -> str:
    """Return a body as text: in UTF-16 by its byte order mark, in UTF-8, or in Latin-1 if it is not valid UTF-8."""
    if b"\0" in body:
        for mark, encoding in _UTF_16:
            text = body.removeprefix(mark).decode(encoding, errors="replace") if body.startswith(mark) else ""
            # Where a byte is lost or too many, all that follows would turn into characters of East Asia.
            if text and max(text) < _FIRST_OF_EAST_ASIA:
                return text
        body = body.replace(b"\0", b"")
    body = body.removeprefix(codecs.BOM_UTF8)
    return body.decode("utf-8" if lenient_json.is_utf8(body) else "latin-1")


def _unwrap(content: Any) -> dict[str, Any]:
    while True:
        if isinstance(content, list) and len(content) == 1:
            content = content[0]
        elif isinstance(content, dict) and len(content) == 1 and (wrapped := _only_entry(content)) is not None:
            content = wrapped
        elif isinstance(content, str):
            text = content.strip(_AROUND)
            content = lenient_json.load(text) if text[:1] in ("{", "[", '"') else _read_text(text)
        elif isinstance(content, dict):
            return lenient_json.lower_keys(content)
        else:
            raise ValueError("not an object")


def _only_entry(content: dict[str, Any]) -> Any | None:
    """Return the only entry of a list that PHP has written as an object, or ``None``."""
    ((key, entry),) = content.items()
    return entry if key.isdigit() and isinstance(entry, dict) else None


def _find_content(text: str) -> Any:
    """Return the only JSON object that a text holds, or the text itself if it holds no JSON."""
    if _PAGE.search(text):
        raise ValueError("a page")
    objects, around = [], ""
    start = 0
    while found := _JSON_START.search(text, start):
        around += text[start : found.start()]
        # An error here, too: JSON that begins and does not end is cut off or damaged.
        content, start = lenient_json.load_at(text, found.start())
        if isinstance(content, dict) or any(isinstance(each, dict | list) for each in content):
            objects.append(content)
    if any(each != objects[0] for each in objects):
        raise ValueError("several objects")
    if objects and (_FIELD.search(around + text[start:]) or _GOES_ON.match(text, start)):
        raise ValueError("a part of a damaged object")
    return objects[0] if objects else text


def _read_text(text: str) -> dict[str, str]:
    """Read a list of fields as text; if other lines surround it, the one line that is such a list."""
    if _PAGE.search(text) or _JSON_START.search(text):
        raise ValueError("not a list of fields")
    lines = _LINE_BREAK.split(text)
    if fields := _read_pairs(";".join(lines)):
        return fields
    found = [fields for line in lines if (fields := _read_pairs(line))]
    if not found or any(fields != found[0] for fields in found):
        raise ValueError("no list of fields, or several")
    return found[0]


def _read_pairs(text: str) -> dict[str, str]:
    """Read ``name:value;name:value;``; return no fields if the text is something else.

    :raises ValueError: if a field has two values.
    """
    if _WRONG_CREDENTIALS.fullmatch(text):
        return {"res": "-1"}
    fields: dict[str, str] = {}
    name = ""
    for part in filter(str.strip, text.split(";")):
        if pair := _PAIR.fullmatch(part):
            name = pair[1].lower()
            if fields.setdefault(name, pair[2]) != pair[2]:
                raise ValueError(f"two values of {name}")
        elif name == "error":
            fields[name] += f";{part}"
        else:
            return {}
    return fields if any(name in fields for name in _FIELDS_OF_A_TEXT) else {}
