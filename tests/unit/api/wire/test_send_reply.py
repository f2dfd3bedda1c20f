"""The reply to a send: what each form of it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCreditError,
    RcsError,
    RcsNothingDoneError,
    RcsOutcomeUnknown,
    RcsParameterError,
    RcsRefusedError,
)
from airflow_provider_rcs.api.models import SendResult
from airflow_provider_rcs.api.wire.calls import Refusal
from airflow_provider_rcs.api.wire.send_reply import read_send_reply
from tests.examples import examples

ANA, BEA = "+34600000001", "+34600000002"


REPLY = {
    "Res": 1,
    "Error": "",
    "idEnvio": 1228853777,
    "Destinatarios": 2,
    "Enviados": [{"Telefono": 34600000001, "idMensaje": 108366478}],
    "NoEnviados": [{"Nombre": "Ana Gonzalez", "Telefono": 34600000002}],
    "Duplicados": 0,
}


RESULT = SendResult(messages=1, api_campaign_id="1228853777", accepted={ANA: "108366478"}, rejected=frozenset({BEA}))


DOCUMENTED = """[{
    "Res": "10", "Error": "Falta parámetro obligatorio", "idEnvio": "1228853777", "Destinatarios": "2",
    "Enviados": "[{\\"Telefono\\": \\"34600000001\\",\\"idMensaje\\": \\"108366478\\"}]",
    "NoEnviados": "[{\\"Nombre\\": \\"Ana Gonzalez\\",\\"Telefono\\": \\"34600000002\\"}]", "Duplicados": "0"
}]"""


def reply(**changes: Any) -> Any:
    return json.dumps({**REPLY, **changes}).encode()


def refused(result: int, **changes: Any) -> bytes:
    return json.dumps({"Res": result, **changes}).encode()


def numbers_as_text(value: Any) -> Any:
    match value:
        case dict():
            return {key: numbers_as_text(each) for key, each in value.items()}
        case list():
            return [numbers_as_text(each) for each in value]
        case int():
            return str(value)
    return value


def arrays_as_text(content: Any) -> Any:
    return {key: json.dumps(each) if isinstance(each, list) else each for key, each in content.items()}


def in_shape(content: Any, *, text_numbers: Any, text_arrays: Any, in_list: Any, spelled: Any, spaces: Any) -> Any:
    content = numbers_as_text(content) if text_numbers else content
    content = arrays_as_text(content) if text_arrays else content
    content = {spelled(key): value for key, value in content.items()}
    return json.dumps([content] if in_list else content, indent=1 if spaces else None).encode()


shapes = st.fixed_dictionaries(
    {
        "text_numbers": st.booleans(),
        "text_arrays": st.booleans(),
        "in_list": st.booleans(),
        "spelled": st.sampled_from([str, str.lower, str.upper]),
        "spaces": st.booleans(),
    }
)


phones = st.integers(34600000000, 34699999999)


def test_the_documents_own_example_is_read() -> None:
    assert read_send_reply(DOCUMENTED.encode()) == SendResult(
        messages=10, api_campaign_id="1228853777", accepted={ANA: "108366478"}, rejected=frozenset({BEA})
    )


@given(
    shape=shapes,
    sent=st.dictionaries(phones, st.integers(1, 10**12), max_size=4),
    not_sent=st.sets(phones, max_size=4),
    campaign_id=st.integers(1, 10**12),
    messages=st.integers(1, 10),
    duplicates=st.integers(0, 3),
)
@settings(max_examples=examples(100))
def test_a_reply_reads_the_same_in_every_shape(
    shape: Any, sent: Any, not_sent: Any, campaign_id: Any, messages: Any, duplicates: Any
) -> None:
    content = {
        "Res": messages,
        "idEnvio": campaign_id,
        "Destinatarios": 4,
        "Enviados": [{"Telefono": phone, "idMensaje": message} for phone, message in sent.items()],
        "NoEnviados": [{"Nombre": "Ana", "Telefono": phone} for phone in not_sent],
        "Duplicados": duplicates,
    }

    assert read_send_reply(in_shape(content, **shape)) == SendResult(
        messages=messages,
        api_campaign_id=str(campaign_id),
        accepted={f"+{phone}": str(message) for phone, message in sent.items()},
        rejected=frozenset(f"+{phone}" for phone in not_sent),
        accepted_count=None if sent else 0,
        rejected_count=None if not_sent else 0,
        duplicates=duplicates,
    )


@pytest.mark.parametrize("count", [998, "998"])
def test_a_count_in_place_of_the_list_of_accepted_recipients_is_read(count: Any) -> None:
    result = read_send_reply(reply(Enviados=count))

    assert (result.accepted, result.accepted_count) == ({}, 998)


@pytest.mark.parametrize("count", [2, "2"])
def test_a_count_in_place_of_the_list_of_rejected_recipients_is_read(count: Any) -> None:
    result = read_send_reply(reply(NoEnviados=count))

    assert (result.rejected, result.rejected_count) == (frozenset(), 2)


@pytest.mark.parametrize("nothing", [[], {}, "", "[]", "{}", None, False, "false", 0, "0"], ids=repr)
def test_an_empty_list_of_recipients_is_read_in_every_shape(nothing: Any) -> None:
    result = read_send_reply(reply(Enviados=nothing, NoEnviados=nothing))

    assert (result.accepted, result.rejected) == ({}, frozenset())
    assert {result.accepted_count, result.rejected_count} <= {0, None}
    assert not result.is_unclear


@pytest.mark.parametrize("render", [dict, json.dumps], ids=["as an object", "as text"])
def test_an_object_of_numbered_entries_is_read_as_a_list(render: Any) -> None:
    sent = {"0": {"Telefono": ANA, "idMensaje": "1"}}
    not_sent = {"1": {"Telefono": BEA}}

    result = read_send_reply(reply(Enviados=render(sent), NoEnviados=render(not_sent)))

    assert (result.accepted, result.rejected) == ({ANA: "1"}, frozenset({BEA}))


@pytest.mark.parametrize("missing", ["Error", "idEnvio", "Destinatarios", "Enviados", "NoEnviados", "Duplicados"])
def test_fields_that_are_not_required_may_be_missing(missing: str) -> None:
    body = json.dumps({key: value for key, value in REPLY.items() if key != missing}).encode()

    assert read_send_reply(body).messages == 1


def test_a_recipient_named_as_sent_without_a_message_id_is_accepted() -> None:
    assert read_send_reply(reply(Enviados=[{"Telefono": ANA}])).accepted == {ANA: ""}


@pytest.mark.parametrize("phone", ["+34600000001", "0034600000001", "+34 600 000 001", 34600000001])
def test_phones_of_a_reply_are_read_as_digits(phone: str) -> None:
    assert read_send_reply(reply(Enviados=[{"Telefono": phone, "idMensaje": "1"}])).accepted == {ANA: "1"}


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (0, RcsNothingDoneError),
        (-1, RcsAuthError),
        (-2, RcsCreditError),
        (-3, RcsParameterError),
        (-4, RcsParameterError),
        (-16, RcsParameterError),
        (-999, RcsParameterError),
    ],
)
@pytest.mark.parametrize("spelled", [int, str])
def test_a_refusal_raises_the_error_for_its_result(result: Any, kind: Any, spelled: Any) -> None:
    with pytest.raises(RcsRefusedError) as refused:
        read_send_reply(json.dumps({"Res": spelled(result)}).encode())

    assert type(refused.value) is kind
    assert f"(Res {result})" in str(refused.value)


@pytest.mark.parametrize("result", [0, -1, -2, -3, -4])
def test_a_refusal_quotes_the_service(result: Any) -> None:
    body = json.dumps([{"Res": result, "Error": "Falta parámetro obligatorio"}]).encode()

    with pytest.raises(RcsRefusedError, match='The service says: "Falta parámetro obligatorio"'):
        read_send_reply(body)


@pytest.mark.parametrize("result", [0, -1, -2, -3, -4])
def test_a_refusal_says_that_nothing_was_sent_and_what_to_do(result: int) -> None:
    with pytest.raises(RcsRefusedError) as raised:
        read_send_reply(refused(result))

    assert f"Nothing of this request was sent. {raised.value.remedy}" in str(raised.value)


@pytest.mark.parametrize(
    ("error", "quote"),
    [
        ("El teléfono 34600000001 no es válido", "El teléfono ********001 no es válido"),
        ("+34 600 000 001 y 600000002", "+***********001 y ******002"),
        ("Máximo 1000 destinatarios, 10 de 20", "Máximo 1000 destinatarios, 10 de 20"),
        ("uno\n\n  dos", "uno dos"),
        ("x" * 5_000, "x" * 300),
    ],
)
def test_the_quote_is_cut_to_one_line_with_phones_masked(error: str, quote: str) -> None:
    with pytest.raises(RcsParameterError) as raised:
        read_send_reply(refused(-3, Error=error))

    assert f'The service says: "{quote}".' in str(raised.value)


@pytest.mark.parametrize("result", [0, "0"])
def test_if_a_result_of_0_proves_nothing_the_outcome_is_unknown(result: Any) -> None:
    body = json.dumps({"Res": result}).encode()

    with pytest.raises(RcsOutcomeUnknown, match="reply to a send has a Res of 0"):
        read_send_reply(body, zero_result="unknown")


@pytest.mark.parametrize("result", [-1, -2, -3])
def test_what_a_result_of_0_proves_changes_nothing_about_other_results(result: int) -> None:
    with pytest.raises(RcsRefusedError):
        read_send_reply(refused(result), zero_result="unknown")


def test_a_refusal_of_all_recipients_by_name_is_a_result() -> None:
    body = json.dumps({"Res": 0, "NoEnviados": [{"Telefono": ANA}, {"Telefono": BEA}]}).encode()

    assert read_send_reply(body).rejected == {ANA, BEA}


UNREADABLE = [
    b"",
    b" ",
    b"<html><body>502 Bad Gateway</body></html>",
    b"OK",
    b"10",
    b"null",
    b'"10"',
    b"[]",
    b"{}",
    b'[{"Res": 1}, {"Res": 1}]',
    b'{"Res": null}',
    b'{"Res": ""}',
    b'{"Res": "done"}',
    b'{"Res": true}',
    b'{"Res": 1.5}',
    b'{"Res": [1]}',
    b'{"Result": 1}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", UNREADABLE, ids=repr)
def test_a_body_that_cannot_be_read_leaves_the_outcome_unknown(body: Any) -> None:
    with pytest.raises(RcsOutcomeUnknown):
        read_send_reply(body, status=200)


def test_an_unknown_outcome_shows_status_and_size_but_nothing_of_the_body() -> None:
    with pytest.raises(RcsOutcomeUnknown, match=r"HTTP 502, 15 bytes") as unknown:
        read_send_reply(b"phone 600000001", status=502)

    assert "600000001" not in str(unknown.value)


@pytest.mark.parametrize(
    "entries",
    [["34600000001"], [34600000001], [None], [[ANA, "1"]], [{"Phone": ANA}], "[{", '["34600000001"]', "many"],
    ids=repr,
)
def test_a_list_of_sent_recipients_that_cannot_be_read_leaves_the_outcome_unknown(entries: Any) -> None:
    with pytest.raises(RcsOutcomeUnknown):
        read_send_reply(reply(Enviados=entries))


@pytest.mark.parametrize("entries", [["34600000001"], [None], [{"Phone": ANA}], "[{", "many"], ids=repr)
def test_those_named_as_sent_are_accepted_if_the_other_list_cannot_be_read(entries: Any) -> None:
    result = read_send_reply(reply(NoEnviados=entries))

    assert (result.accepted, result.rejected, result.is_unclear) == ({ANA: "108366478"}, frozenset(), True)


@pytest.mark.parametrize("entries", [["34600000001"], [{"Phone": ANA}], "[{"], ids=repr)
def test_a_result_of_0_with_a_list_that_cannot_be_read_is_an_error(entries: Any) -> None:
    with pytest.raises(RcsError):
        read_send_reply(json.dumps({"Res": 0, "NoEnviados": entries}).encode())


@given(shapes)
@settings(max_examples=examples(20))
def test_a_reply_that_is_cut_off_leaves_the_outcome_unknown(shape: Any) -> None:
    body = in_shape(REPLY, **shape)

    for end in range(len(body)):
        with pytest.raises(RcsOutcomeUnknown):
            read_send_reply(body[:end])


def test_a_list_that_is_cut_off_inside_a_whole_reply_leaves_the_outcome_unknown() -> None:
    whole = json.dumps(REPLY["Enviados"])

    for end in range(1, len(whole)):
        with pytest.raises(RcsOutcomeUnknown):
            read_send_reply(reply(Enviados=whole[:end]))


@given(shapes, st.sampled_from([b"\n", b"\r\n", b"  "]))
@settings(max_examples=examples(30))
def test_white_space_around_a_reply_changes_nothing(shape: Any, space: Any) -> None:
    assert read_send_reply(space + in_shape(REPLY, **shape) + space) == RESULT


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "[", "[]", "7", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Telefono", "idMensaje", "0"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(REPLY)), anything), st.booleans())
@settings(max_examples=examples(150))
def test_any_reply_is_read_or_raises_an_error_of_the_provider(content: Any, in_list: Any) -> None:
    try:
        result = read_send_reply(json.dumps([content] if in_list else content).encode())
    except RcsError:
        return

    assert isinstance(result, SendResult)


def sent_to(phone: str, message_id: str = "") -> dict[str, str]:
    return {"Telefono": phone, "idMensaje": message_id}


def test_recipients_with_ids_in_destinatarios_were_sent_to_where_enviados_counts_them() -> None:
    content = {"Res": 2, "Enviados": "2", "Destinatarios": [sent_to(ANA, "1"), sent_to(BEA, "2")]}

    result = read_send_reply(json.dumps(content).encode())

    assert (result.accepted, result.accepted_count, result.is_unclear) == ({ANA: "1", BEA: "2"}, None, False)


def test_an_id_in_destinatarios_that_enviados_does_not_list_leaves_its_recipient_in_doubt() -> None:
    content = {
        "Res": 1,
        "Enviados": [sent_to(ANA, "1")],
        "Destinatarios": [sent_to(BEA, "2")],
        "NoEnviados": [sent_to(BEA)],
    }

    result = read_send_reply(json.dumps(content).encode())

    assert (result.accepted, result.rejected, result.is_unclear) == ({ANA: "1"}, frozenset(), True)


@pytest.mark.parametrize("enviados", [[sent_to(ANA, "1")], []], ids=["named", "nobody"])
def test_destinatarios_that_cannot_be_read_change_nothing_beside_a_list_of_enviados(enviados: Any) -> None:
    content = {"Res": 1, "Enviados": enviados, "Destinatarios": [{"Phone": ANA}]}

    result = read_send_reply(json.dumps(content).encode())

    assert (list(result.accepted), result.is_unclear) == ([each["Telefono"] for each in enviados], False)
    assert result.accepted_count == (None if enviados else 0)


def test_destinatarios_that_cannot_be_read_leave_the_outcome_unknown_beside_a_count() -> None:
    content = {"Res": 1, "Enviados": "1", "Destinatarios": [{"Phone": ANA}]}

    with pytest.raises(RcsOutcomeUnknown):
        read_send_reply(json.dumps(content).encode())


def test_of_two_ids_for_one_recipient_none_is_taken() -> None:
    result = read_send_reply(
        reply(Enviados=[sent_to(ANA, "1"), sent_to(ANA, "2"), sent_to(BEA, "3"), sent_to(BEA, "3")])
    )

    assert result.accepted == {ANA: "", BEA: "3"}


@pytest.mark.parametrize(
    ("destinatarios", "rejected", "nothing_sent"),
    [("1", "1", True), ("2", "1", False), ("2", [sent_to(ANA)], False), ("many", [sent_to(ANA)], True)],
)
def test_a_refusal_that_counts_more_as_processed_than_as_not_sent_may_have_sent_some(
    destinatarios: str, rejected: Any, nothing_sent: bool
) -> None:
    result = read_send_reply(refused(-3, Destinatarios=destinatarios, NoEnviados=rejected))

    assert result.refused is not None
    assert result.refused.nothing_sent is nothing_sent


def test_a_phone_that_is_no_text_is_passed_over() -> None:
    assert read_send_reply(reply(Enviados=[{"Telefono": True, "Movil": ANA}])).accepted == {ANA: ""}


def test_an_empty_list_of_the_sent_is_no_count() -> None:
    assert read_send_reply(b'{"Res": 1, "Enviados": ""}').accepted_count is None


def test_a_text_in_place_of_destinatarios_says_nothing() -> None:
    assert read_send_reply(b'{"Res": 1, "Destinatarios": "many"}').messages == 1


@pytest.mark.parametrize(
    ("result", "is_unclear"), [({"Res": "done"}, True), ({"Res": ""}, False), ({}, False)], ids=str
)
def test_a_result_that_cannot_be_read_makes_a_reply_unclear_and_a_missing_one_does_not(
    result: dict[str, str], is_unclear: bool
) -> None:
    read = read_send_reply(json.dumps({**result, "Enviados": [sent_to(ANA, "1")]}).encode())

    assert (read.accepted, read.is_unclear) == ({ANA: "1"}, is_unclear)


@pytest.mark.parametrize(
    ("named", "nothing_sent", "consequence"),
    [
        (
            {"Enviados": [sent_to(ANA, "1")]},
            False,
            "Some of this request was sent or may have been, and is not sent again.",
        ),
        ({"NoEnviados": [sent_to(ANA)]}, True, "Nothing of this request was sent."),
    ],
    ids=["sent", "not sent"],
)
def test_a_refusal_that_names_recipients_says_if_some_were_sent(
    named: dict[str, Any], nothing_sent: bool, consequence: str
) -> None:
    result = read_send_reply(refused(-3, **named))

    assert result.refused is not None
    assert result.refused.nothing_sent is nothing_sent
    assert consequence in str(result.refused)


def test_a_result_of_0_beside_the_id_of_a_message_in_another_place_leaves_the_outcome_unknown() -> None:
    with pytest.raises(RcsOutcomeUnknown, match="HTTP 200"):
        read_send_reply(b'{"Res": 0, "Otra": [{"idMensaje": "1"}]}')
    assert read_send_reply(b'{"Res": 1, "Otra": [{"idMensaje": "1"}]}').messages == 1


def test_a_result_of_0_that_names_recipients_is_a_result_whatever_it_proves() -> None:
    content = {"Res": 0, "NoEnviados": [sent_to(ANA)]}

    assert read_send_reply(json.dumps(content).encode(), zero_result="unknown").rejected == {ANA}


BAD_REQUEST = Refusal(RcsParameterError, "the service refused the call (HTTP 400).", "Correct the call.")


@pytest.mark.parametrize(
    "body", [b'{"x', b'[{"x', b' \r\n\t{"x', b'\xef\xbb\xbf\xef\xbb\xbf{"x', b"idMensaje: 1"], ids=repr
)
def test_a_damaged_reply_under_a_refusing_status_may_have_sent_some(body: bytes) -> None:
    result = read_send_reply(body, 400, BAD_REQUEST)

    assert result.refused is not None
    assert not result.refused.nothing_sent


@pytest.mark.parametrize("body", [b"<html><body>{}</body></html>", b"OK", b"X{}", b""], ids=repr)
def test_a_page_under_a_refusing_status_has_sent_nothing(body: bytes) -> None:
    with pytest.raises(RcsParameterError, match="Nothing of this request was sent"):
        read_send_reply(body, 400, BAD_REQUEST)
