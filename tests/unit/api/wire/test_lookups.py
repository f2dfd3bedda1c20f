"""The wire format of replies to look-ups."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCreditError,
    RcsError,
    RcsParameterError,
    RcsUnavailable,
)
from airflow_provider_rcs.api.models import Template, TemplateVariable
from airflow_provider_rcs.api.wire import lookups
from airflow_provider_rcs.api.wire.calls import Refusal
from airflow_provider_rcs.api.wire.lookups import read_credits, read_template, read_templates
from tests.examples import examples

VARIABLES = [{"Nombre": "Destinatario", "Tipo": "DESTINATARIO"}, {"Nombre": "Importe", "Tipo": "TEXTO"}]


WELCOME = Template(
    "1234567",
    "Customer welcome",
    (
        TemplateVariable("Destinatario", "DESTINATARIO", filled_by_service=True),
        TemplateVariable("Importe", "TEXTO"),
    ),
)


LOOK_UPS = [
    pytest.param(read_templates, id="templates"),
    pytest.param(lambda body, status=200: read_template(body, "7", status), id="template"),
    pytest.param(read_credits, id="credits"),
]


def body(content: Any, in_list: Any = False) -> Any:
    return json.dumps([content] if in_list else content).encode()


shapes = st.fixed_dictionaries(
    {
        "text_numbers": st.booleans(),
        "text_structures": st.booleans(),
        "in_list": st.booleans(),
        "spelled": st.sampled_from([str, str.lower, str.upper, str.swapcase]),
        "spaces": st.booleans(),
    }
)


IN_SPAINS_NOTATION = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
"""A text that is read as thousands: see test_amounts."""

NOTHING: list[Any] = [[], {}, "", "[]", "{}", None]


# No database stores a NUL, or a surrogate without its pair: they are left out of names.
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)


def in_shape(
    content: Any, *, text_numbers: bool, text_structures: bool, in_list: bool, spelled: Any, spaces: bool
) -> bytes:
    """Write a reply in one of the shapes that were seen."""

    def written(value: Any) -> Any:
        if isinstance(value, list):
            value = [{spelled(key): each for key, each in entry.items()} for entry in value]
        if isinstance(value, list | dict):
            return json.dumps(value) if text_structures else value
        return str(value) if text_numbers and isinstance(value, int | float) else value

    content = {spelled(key): written(value) for key, value in content.items()}
    return json.dumps([content] if in_list else content, indent=1 if spaces else None).encode()


@given(shape=shapes, templates=st.dictionaries(st.integers(1, 10**7).map(str), names, min_size=1, max_size=4))
@settings(max_examples=examples(80))
def test_templates_read_the_same_in_every_shape(shape: Any, templates: Any) -> None:
    reply = {"Res": 1, "Total": len(templates), "Plantillas": templates}

    assert read_templates(in_shape(reply, **shape)) == templates


@given(shape=shapes, nothing=st.sampled_from(NOTHING), result=st.sampled_from([0, 1]))
def test_an_account_without_templates_reads_the_same_in_every_shape(shape: Any, nothing: Any, result: Any) -> None:
    assert read_templates(in_shape({"Res": result, "Total": 0, "Plantillas": nothing}, **shape)) == {}


@given(
    shape=shapes,
    name=names,
    variables=st.lists(st.tuples(names, st.sampled_from(["DESTINATARIO", "TEXTO"])), min_size=1, max_size=4),
)
@settings(max_examples=examples(80))
def test_a_template_reads_the_same_in_every_shape(shape: Any, name: str, variables: Any) -> None:
    listed = [{"Nombre": variable, "Tipo": kind} for variable, kind in variables]
    reply = {"Res": 1, "Nombre": name, "Total": len(listed), "Variables": listed}

    assert read_template(in_shape(reply, **shape), "7") == Template(
        "7", name, tuple(TemplateVariable(variable, kind, kind == "DESTINATARIO") for variable, kind in variables)
    )


@given(shape=shapes, nothing=st.sampled_from(NOTHING))
def test_a_template_without_variables_reads_the_same_in_every_shape(shape: Any, nothing: Any) -> None:
    reply = {"Res": 1, "Nombre": "Plain", "Variables": nothing}

    assert read_template(in_shape(reply, **shape), "7") == Template("7", "Plain")


@given(shape=shapes, credit=st.integers(0, 10**9) | st.floats(0, 10**6, allow_nan=False))
@settings(max_examples=examples(80))
def test_credit_reads_the_same_in_every_shape(shape: Any, credit: Any) -> None:
    assume(not (shape["text_numbers"] and IN_SPAINS_NOTATION.fullmatch(str(credit))))

    assert read_credits(in_shape({"Res": 1, "Cred": credit}, **shape)) == credit


WHOLE = {"Res": 1, "Nombre": "Welcome", "Plantillas": {"7": "Welcome"}, "Variables": VARIABLES, "Cred": 7}


@pytest.mark.parametrize("read", LOOK_UPS)
@given(shape=shapes)
@settings(max_examples=examples(20))
def test_a_look_up_that_is_cut_off_raises_unavailable(read: Any, shape: Any) -> None:
    whole = in_shape(WHOLE, **shape)

    for end in range(len(whole)):
        with pytest.raises(RcsUnavailable):
            read(whole[:end])


def test_a_template_without_a_name_has_an_empty_one() -> None:
    assert read_templates(body({"Res": 1, "Plantillas": {"7": None}})) == {"7": ""}


def test_a_reply_without_the_list_of_templates_has_none() -> None:
    assert read_templates(body({"Res": 1})) == {}


@pytest.mark.parametrize("templates", [["Welcome"], 7, "Welcome", "{", '["Welcome"]', "[{"], ids=repr)
def test_templates_that_cannot_be_read_raise_unavailable(templates: Any) -> None:
    with pytest.raises(RcsUnavailable):
        read_templates(body({"Res": 1, "Plantillas": templates}))


def test_variables_as_an_object_of_numbered_entries_are_read_as_a_list() -> None:
    variables = {str(number): each for number, each in enumerate(VARIABLES)}

    template = read_template(body({"Res": 1, "Nombre": "Customer welcome", "Variables": variables}), "1234567")

    assert template == WELCOME


@pytest.mark.parametrize("kind", ["DESTINATARIO", "Destinatario", "destinatario"])
def test_a_variable_of_type_destinatario_in_any_case_is_filled_by_the_service(kind: Any) -> None:
    template = read_template(body({"Res": 1, "Variables": [{"Nombre": "Who", "Tipo": kind}]}), "7")

    assert template.required_variables == ()


@pytest.mark.parametrize("kind", ["TEXTO", "IMAGEN", "", None])
def test_a_variable_of_any_other_type_is_required(kind: Any) -> None:
    template = read_template(body({"Res": 1, "Variables": [{"Nombre": "Amount", "Tipo": kind}]}), "7")

    assert template.required_variables == ("Amount",)


@pytest.mark.parametrize("variables", [["Amount"], [{"Tipo": "TEXTO"}], 7, "Amount", "[{", [None]], ids=repr)
def test_variables_that_cannot_be_read_raise_unavailable(variables: Any) -> None:
    with pytest.raises(RcsUnavailable, match="7"):
        read_template(body({"Res": 1, "Variables": variables}), "7")


@pytest.mark.parametrize("credit", [12.5, "12.5", "12,5", " 12.5 "], ids=repr)
def test_credit_may_have_a_decimal_point_or_comma(credit: Any) -> None:
    assert read_credits(body({"Res": 1, "Cred": credit})) == 12.5


def test_a_variable_without_a_type_has_none() -> None:
    template = read_template(body({"Res": 1, "Nombre": "x", "Variables": [{"Nombre": "Importe"}]}), "7")

    assert template.variables == (TemplateVariable("Importe", ""),)


def test_an_empty_credit_does_not_hide_the_balance() -> None:
    assert read_credits(body({"Res": 1, "Cred": "", "Saldo": "5"})) == 5.0


def test_credit_needs_no_result_next_to_it() -> None:
    assert read_credits(b'{"Cred": "0"}') == 0


@pytest.mark.parametrize(
    "content",
    [{"Res": 1}, *({"Res": 1, "Cred": credit} for credit in ("much", "", "nan", "inf", None, [7], True))],
    ids=repr,
)
def test_credit_that_cannot_be_read_raises_unavailable(content: Any) -> None:
    with pytest.raises(RcsUnavailable, match="credit"):
        read_credits(body(content))


@pytest.mark.parametrize("read", LOOK_UPS)
@pytest.mark.parametrize(
    ("result", "kind"), [(-1, RcsAuthError), (-2, RcsCreditError), (-3, RcsParameterError), (-9, RcsParameterError)]
)
def test_a_refused_look_up_raises_the_error_for_its_result_and_quotes_the_service(
    read: Any, result: Any, kind: Any
) -> None:
    with pytest.raises(kind, match=r'The service says: "Plantilla desconocida"\. Nothing was changed\. '):
        read(body({"Res": result, "Error": "Plantilla desconocida"}))


@pytest.mark.parametrize("read", LOOK_UPS)
@pytest.mark.parametrize("status", [400, 500])
def test_an_http_error_is_a_refusal_whatever_the_body_says(read: Any, status: int) -> None:
    with pytest.raises(RcsUnavailable) as raised:
        read(body({"Res": 1, "Cred": "1"}), status)

    assert str(raised.value) == f"the service failed (HTTP {status}). {RcsUnavailable.remedy}"


@pytest.mark.parametrize("read", LOOK_UPS)
@pytest.mark.parametrize("unreadable", [b"", b"<html></html>", b"[]", b"7", b'{"Res": ', b'{"Res": "x"}', b"\xff"])
def test_a_look_up_that_cannot_be_read_raises_unavailable(read: Any, unreadable: Any) -> None:
    with pytest.raises(RcsUnavailable):
        read(unreadable)


BY_STATUS = Refusal(RcsAuthError, "the service refused the call (HTTP 401).", "Correct the login.")


@pytest.mark.parametrize("read", [read_templates, lambda *args: read_template(args[0], "7", *args[1:]), read_credits])
@pytest.mark.parametrize("reply", [b'{"Res": 1, "Cred": "1"}', b"<html></html>"])
def test_a_look_up_that_is_refused_by_its_http_status_raises_that(read: Any, reply: bytes) -> None:
    with pytest.raises(RcsAuthError) as raised:
        read(reply, 401, BY_STATUS)

    assert str(raised.value) == "the service refused the call (HTTP 401). Nothing was changed. Correct the login."


@pytest.mark.parametrize(
    ("read", "reply", "problem"),
    [
        (
            read_templates,
            {"Res": 1, "Plantillas": [7]},
            "list of templates cannot be read: it is not an object of id -> name",
        ),
        (read_credits, {"Res": 1}, "reply to the credit look-up cannot be read: it has no amount of credit"),
        (
            lambda body: read_template(body, "7"),
            {"Res": 1, "Variables": [{}]},
            "variables of template 7 cannot be read: they are not objects with a name",
        ),
        (read_credits, "", "reply cannot be read: HTTP 200, 2 bytes"),
    ],
    ids=["templates", "credits", "template", "reply"],
)
def test_the_error_names_what_cannot_be_read(read: Any, reply: Any, problem: str) -> None:
    with pytest.raises(RcsUnavailable) as raised:
        read(body(reply))

    assert str(raised.value) == f"the service's {problem}. {RcsUnavailable.remedy}"


anything = st.recursive(
    st.none() | st.integers(-5, 5) | st.booleans() | st.floats() | st.sampled_from(["", "{", "[7]", "{}", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Nombre", "Tipo", "0"]), inner, max_size=3)
    ),
    max_leaves=5,
)


FIELDS = ["Res", "Error", "Nombre", "Plantillas", "Variables", "Cred"]


@pytest.mark.parametrize("read", LOOK_UPS)
@given(content=st.dictionaries(st.sampled_from(FIELDS), anything))
@settings(max_examples=examples(60))
def test_any_look_up_is_read_or_raises_an_error_of_the_provider(read: Any, content: Any) -> None:
    try:
        answer = read(body(content))
    except RcsError:
        return

    assert isinstance(answer, dict | Template | float)


def test_the_look_up_of_a_template_names_it() -> None:
    assert lookups.template_parameters("1234567") == {"Plantilla": "1234567", "Resp": "JSON"}


def test_a_call_without_parameters_of_its_own_asks_for_json() -> None:
    assert lookups.common_parameters() == {"Resp": "JSON"}


def test_parameters_of_one_call_are_not_shared_with_the_next() -> None:
    lookups.common_parameters()["Plantilla"] = "1234567"

    assert lookups.common_parameters() == {"Resp": "JSON"}
