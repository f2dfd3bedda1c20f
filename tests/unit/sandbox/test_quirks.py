"""Quirks change the bytes of a reply."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from airflow_provider_rcs.sandbox.options import ReplyShape
from airflow_provider_rcs.sandbox.quirks import MEANINGS, Quirk, Quirks
from airflow_provider_rcs.sandbox.replies import ReplyFormat, encode_reply

REPLY = orjson.dumps({"Res": 1, "Error": "Créditos €"})


def test_reply_is_left_alone_without_quirks() -> None:
    assert Quirks().distort(REPLY) == REPLY


def test_byte_order_mark_comes_first_of_all() -> None:
    assert Quirks([Quirk.BOM]).distort(REPLY) == b"\xef\xbb\xbf" + REPLY
    assert Quirks(Quirk).distort(REPLY).startswith(b"\xef\xbb\xbf<br />")


def test_warning_stands_around_the_reply_and_holds_no_braces() -> None:
    before, reply, after = Quirks([Quirk.WARNING]).distort(REPLY).partition(REPLY)

    assert reply == REPLY
    assert b"Warning" in before
    assert b"Notice" in after
    assert not set(b"{}[]") & set(before + after)


def test_latin_1_is_no_utf_8_and_has_a_question_mark_for_what_it_lacks() -> None:
    reply = Quirks([Quirk.LATIN_1]).distort(REPLY)

    assert json.loads(reply.decode("latin-1")) == {"Res": 1, "Error": "Créditos ?"}
    with pytest.raises(UnicodeDecodeError):
        reply.decode()


def test_result_is_a_decimal_or_has_spaces_around_it() -> None:
    assert Quirks([Quirk.DECIMAL_RESULT]).reword({"Res": 3}) == {"Res": 3.0}
    assert Quirks([Quirk.PADDED_RESULT]).reword({"Res": 3}) == {"Res": " 3 "}


@pytest.mark.parametrize(
    ("shape", "written"), [(ReplyShape.OBJECT, (3.0, False)), (ReplyShape.DOCUMENT, ("3.0", "false"))]
)
def test_decimal_result_and_false_are_written_as_the_shape_has_it(shape: ReplyShape, written: Any) -> None:
    quirks = Quirks([Quirk.DECIMAL_RESULT, Quirk.EMPTY_AS_FALSE])

    reply = orjson.loads(encode_reply(quirks.reword({"Res": 3, "NoEnviados": []}), ReplyFormat(shape)))

    (found,) = reply if isinstance(reply, list) else [reply]
    assert (found["Res"], found["NoEnviados"]) == written
    assert type(found["Res"]) is type(written[0])


def test_quirks_are_switched_on_and_off_by_their_names() -> None:
    quirks = Quirks([Quirk.BOM])

    quirks.switch_to(["warning", "latin-1"])

    assert quirks.active == {Quirk.WARNING, Quirk.LATIN_1}


@pytest.mark.parametrize("names", ["bom", [["bom"]], ["bom", "boom"], {"bom": True}, None, [1]])
def test_unknown_quirk_is_refused_and_changes_nothing(names: Any) -> None:
    quirks = Quirks([Quirk.BOM])

    with pytest.raises(ValueError):
        quirks.switch_to(names)

    assert quirks.active == {Quirk.BOM}


def test_every_quirk_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Quirk)
