"""The wire format of what look-ups are answered."""

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
    RcsParameterError,
    RcsRefusedError,
    RcsUnavailable,
)
from airflow_provider_rcs.api.models import Template, TemplateVariable
from airflow_provider_rcs.api.wire import read_credits, read_template, read_templates

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


@pytest.mark.parametrize("in_list", [True, False])
@pytest.mark.parametrize("render", [dict, json.dumps], ids=["object", "text"])
def test_templates_read_the_same_in_every_shape(render: Any, in_list: Any) -> None:
    templates = {"1234567": "Customer welcome", "1234568": "Shipping notice"}

    assert read_templates(body({"Res": "1", "Total": "2", "Plantillas": render(templates)}, in_list)) == templates


@pytest.mark.parametrize("nothing", [[], {}, "", "[]", "{}", None], ids=repr)
@pytest.mark.parametrize("result", [0, 1])
def test_an_account_without_templates_has_none(nothing: Any, result: Any) -> None:
    assert read_templates(body({"Res": result, "Total": 0, "Plantillas": nothing})) == {}


def test_a_reply_that_names_no_templates_at_all_has_none() -> None:
    assert read_templates(body({"Res": 1})) == {}


@pytest.mark.parametrize("templates", [["Welcome"], 7, "Welcome", "{", '["Welcome"]', "[{"], ids=repr)
def test_templates_that_cannot_be_read_are_told_as_the_services_fault(templates: Any) -> None:
    with pytest.raises(RcsUnavailable):
        read_templates(body({"Res": 1, "Plantillas": templates}))


@pytest.mark.parametrize("in_list", [True, False])
@pytest.mark.parametrize("render", [list, json.dumps], ids=["array", "text"])
@pytest.mark.parametrize("spelled", [str, str.lower, str.upper], ids=["as written", "lower", "upper"])
def test_a_template_reads_the_same_in_every_shape(render: Any, in_list: Any, spelled: Any) -> None:
    variables = render([{spelled(key): value for key, value in each.items()} for each in VARIABLES])
    content = {"Res": "1", "Nombre": "Customer welcome", "Total": "2", "Variables": variables}

    assert read_template(body(content, in_list), "1234567") == WELCOME


def test_a_template_whose_variables_are_numbered_entries_reads_the_same() -> None:
    variables = {str(number): each for number, each in enumerate(VARIABLES)}

    template = read_template(body({"Res": 1, "Nombre": "Customer welcome", "Variables": variables}), "1234567")

    assert template == WELCOME


@pytest.mark.parametrize("nothing", [[], {}, "", "[]", "{}", None], ids=repr)
def test_a_template_without_variables_has_none(nothing: Any) -> None:
    assert read_template(body({"Res": 1, "Nombre": "Plain", "Variables": nothing}), "7") == Template("7", "Plain")


@pytest.mark.parametrize("kind", ["DESTINATARIO", "Destinatario", "destinatario"])
def test_a_variable_of_the_recipient_is_filled_by_the_service_however_its_type_is_spelled(kind: Any) -> None:
    template = read_template(body({"Res": 1, "Variables": [{"Nombre": "Who", "Tipo": kind}]}), "7")

    assert template.required_variables == ()


@pytest.mark.parametrize("kind", ["TEXTO", "IMAGEN", "", None])
def test_a_variable_of_any_other_type_is_the_senders(kind: Any) -> None:
    template = read_template(body({"Res": 1, "Variables": [{"Nombre": "Amount", "Tipo": kind}]}), "7")

    assert template.required_variables == ("Amount",)


@pytest.mark.parametrize("variables", [["Amount"], [{"Tipo": "TEXTO"}], 7, "Amount", "[{", [None]], ids=repr)
def test_variables_that_cannot_be_read_are_told_as_the_services_fault(variables: Any) -> None:
    with pytest.raises(RcsUnavailable, match="7"):
        read_template(body({"Res": 1, "Variables": variables}), "7")


@pytest.mark.parametrize("credit", [12.5, "12.5", "12,5"], ids=repr)
@pytest.mark.parametrize("in_list", [True, False])
def test_credit_reads_the_same_in_every_shape(credit: Any, in_list: Any) -> None:
    assert read_credits(body({"Res": 1, "Cred": credit}, in_list)) == 12.5


def test_credit_needs_no_result_beside_it() -> None:
    assert read_credits(b'{"Cred": "0"}') == 0


@pytest.mark.parametrize("content", [{"Res": 1}, {"Res": 1, "Cred": "much"}, {"Res": 1, "Cred": None}], ids=repr)
def test_credit_that_cannot_be_read_is_told_as_the_services_fault(content: Any) -> None:
    with pytest.raises(RcsUnavailable, match="credit"):
        read_credits(body(content))


@pytest.mark.parametrize("read", LOOK_UPS)
@pytest.mark.parametrize(
    ("result", "kind"), [(-1, RcsAuthError), (-2, RcsCreditError), (-3, RcsParameterError), (-9, RcsParameterError)]
)
def test_a_refused_look_up_is_told_by_its_kind_in_the_services_words(read: Any, result: Any, kind: Any) -> None:
    with pytest.raises(kind, match="Plantilla desconocida"):
        read(body({"Res": result, "Error": "Plantilla desconocida"}))


@pytest.mark.parametrize("read", LOOK_UPS)
def test_an_http_error_is_a_refusal_whatever_the_body_says(read: Any) -> None:
    with pytest.raises(RcsRefusedError):
        read(body({"Res": 1, "Cred": "1"}), 500)


@pytest.mark.parametrize("read", LOOK_UPS)
@pytest.mark.parametrize("unreadable", [b"", b"<html></html>", b"[]", b"7", b'{"Res": ', b'{"Res": "x"}', b"\xff"])
def test_a_look_up_that_cannot_be_read_is_worth_a_retry(read: Any, unreadable: Any) -> None:
    with pytest.raises(RcsUnavailable):
        read(unreadable)


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
@settings(max_examples=60)
def test_whatever_comes_a_look_up_is_read_or_told_as_an_error_of_the_provider(read: Any, content: Any) -> None:
    try:
        answer = read(body(content))
    except RcsError:
        return

    assert isinstance(answer, dict | Template | float)
