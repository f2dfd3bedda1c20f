"""How Airflow renders the arguments of operators: templates to text, and data not at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from airflow.providers.common.compat.sdk import Context
from airflow.sdk import DAG, ObjectStoragePath, XComArg, task
from airflow.serialization.serialized_objects import DagSerialization
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import shards
from airflow_provider_rcs.operators.approval import RcsApprovalOperator
from airflow_provider_rcs.operators.rcs import RcsGetTemplateOperator, RcsListTemplatesOperator, RcsSendOperator
from airflow_provider_rcs.operators.rendering import Data, guarded, list_of, unguarded
from airflow_provider_rcs.operators.scheduled import RcsDispatchScheduledOperator
from airflow_provider_rcs.sensors.credit import RcsCreditSensor
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

SECRET, BROKEN = "{{ secret }}", "{{ oops"
ROWS = [{"phone": "+34600000001", "name": SECRET}, {"phone": "+34600000002", "name": BROKEN}]


class Lazy:
    """A value that Airflow resolves, as it does the output of a task."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def resolve(self, _: Any) -> Any:
        return self.value


def dag(*, native: bool = False) -> DAG:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return DAG("lists", schedule=None, start_date=start, render_template_as_native_obj=native)


def rendered(operator: Any, **context: Any) -> Any:
    """Render an operator as Airflow's task runner does: with the environment of its DAG."""
    known = {"secret": "s3cret", "day": "2026-11-29", "dag": operator.dag, "task": operator, "run_id": "now", **context}
    operator.render_template_fields(cast("Context", known), operator.get_dag().get_template_env())
    return operator


def sending(recipients: Any, *, native: bool = False, **changes: Any) -> RcsSendOperator:
    with dag(native=native):
        arguments = {"task_id": "send", "template_id": "1", "campaign": "a"}
        return RcsSendOperator(recipients=recipients, **(arguments | changes))


def read(operator: RcsSendOperator | SqlToRcsOperator) -> list[dict[str, Any]]:
    return [{name: list(chunk[name]) for name in chunk} for chunk in operator.read_chunks()]


COLUMNS = [{"phone": ["+34600000001", "+34600000002"], "name": [SECRET, BROKEN]}]


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    "recipients",
    [ROWS, tuple(ROWS), pd.DataFrame(ROWS), pl.DataFrame(ROWS), pa.Table.from_pylist(ROWS), Lazy(ROWS)],
    ids=["list", "tuple", "pandas", "polars", "Arrow", "output"],
)
def test_nothing_inside_data_is_a_template(recipients: Any, native: bool) -> None:
    assert read(rendered(sending(recipients, native=native))) == COLUMNS


def test_references_inside_a_list_are_resolved_and_nothing_else_of_it_is_rendered() -> None:
    recipients = [{"phone": "+34600000001", "name": Lazy(SECRET)}, {"phone": "+34600000002", "name": BROKEN}]

    assert read(rendered(sending(recipients))) == COLUMNS


def test_tables_of_several_tasks_are_one_list() -> None:
    halves = [Lazy(pd.DataFrame(ROWS[:1])), Lazy(pd.DataFrame(ROWS[1:]))]

    assert [chunk["name"] for chunk in read(rendered(sending(halves)))] == [[SECRET], [BROKEN]]


def test_a_list_with_the_output_of_a_task_depends_on_that_task() -> None:
    with dag():

        @task
        def count() -> int:
            return 3

        rows: Any = [{"phone": "+34600000001", "errors": count()}]
        operator = RcsSendOperator(task_id="send", recipients=rows, template_id="1")

    assert operator.upstream_task_ids == {"count"}


@pytest.mark.parametrize("kind", [str, ObjectStoragePath])
def test_a_path_is_a_template(kind: Callable[[str], Any]) -> None:
    assert str(rendered(sending(kind("file:///data/{{ day }}.csv"))).recipients) == "file:///data/2026-11-29.csv"


def test_a_text_becomes_a_list_only_where_the_dag_or_the_operator_renders_natively() -> None:
    of_dag = rendered(sending("{{ rows }}", native=True), rows=ROWS)
    of_operator = rendered(sending("{{ rows }}", render_template_as_native_obj=True), rows=ROWS)
    neither = rendered(sending("{{ rows }}"), rows=ROWS)

    assert read(of_dag) == read(of_operator) == COLUMNS
    assert neither.recipients == str(ROWS)
    assert str(neither.recipients) == "<recipients in a str>"


@pytest.mark.parametrize("native", [False, True])
def test_every_other_argument_stays_a_text(native: bool) -> None:
    operator = sending(
        ROWS,
        native=native,
        template_id="{{ '1234' }}",
        campaign="{{ 20261129 }}",
        agent="{{ '007' }}",
        constants={"Importe": "{{ '12.50' }}", "Unidades": "1e3", "Fecha": datetime(2026, 1, 1, tzinfo=UTC)},
        variables={"{{ day }}": "{{ '7' }}"},
        sample="{{ '0.5' }}",
    )

    done = rendered(operator)

    assert (done.template_id, done.campaign, done.agent, done.sample) == ("1234", "20261129", "007", "0.5")
    constants = {"Importe": "12.50", "Unidades": "1e3", "Fecha": datetime(2026, 1, 1, tzinfo=UTC)}
    assert unguarded(done.constants) == constants
    assert done.variables == {"{{ day }}": "7"}


def test_text_arguments_of_every_operator_and_sensor_stay_texts_in_a_native_dag() -> None:
    with dag(native=True):
        operators: list[Any] = [
            RcsListTemplatesOperator(task_id="list", rcs_conn_id="{{ '007' }}"),
            RcsGetTemplateOperator(task_id="get", template_id="{{ '007' }}"),
            RcsDispatchScheduledOperator(task_id="dispatch", store_conn_id="{{ '007' }}"),
            RcsReportsToSqlOperator(task_id="load", target_conn_id="{{ '007' }}"),
            RcsCreditSensor(task_id="credit", min_credits="{{ '007' }}"),
            RcsCampaignSensor(task_id="wait", campaign="{{ '007' }}"),
            RcsApprovalOperator(task_id="approve", plan={"plan_hash": "7"}, subject="{{ '007' }}"),
            SqlToRcsOperator(
                task_id="send", sql="{{ '007' }}", sql_conn_id="db", parameters=["{{ '007' }}"], template_id="1"
            ),
        ]

    shown = [[str(getattr(rendered(each), name)) for name in each.template_fields] for each in operators]

    assert ["007" in texts for texts in shown[:-1]] == [True] * 7
    assert unguarded(operators[-1].parameters) == ["007"]


ARGUMENTS = {"recipients": ROWS, "campaign": SECRET, "constants": {"Importe": SECRET}, "variables": {"a": BROKEN}}


def test_nothing_that_a_task_returned_for_expand_kwargs_is_a_template() -> None:
    with dag():

        @task
        def arguments() -> list[dict[str, Any]]:
            return []

        mapped = RcsSendOperator.partial(task_id="send", template_id="{{ day }}").expand_kwargs(arguments())

    done = rendered_unmapped(mapped, mapped.unmap(ARGUMENTS))

    assert done.template_id == "2026-11-29"
    assert (done.campaign, done.variables) == (SECRET, {"a": BROKEN})
    assert unguarded(done.constants) == {"Importe": SECRET}
    assert read(done) == COLUMNS


def test_the_default_name_is_rendered_beside_what_a_task_returned() -> None:
    with dag():

        @task
        def arguments() -> list[dict[str, Any]]:
            return []

        mapped = RcsSendOperator.partial(task_id="send", template_id="1").expand_kwargs(arguments())

    done = rendered_unmapped(mapped, mapped.unmap({"recipients": ROWS, "shard": "1/2"}))

    assert done.campaign == "lists/send/now"


def test_templates_that_the_dag_gives_to_a_mapping_are_rendered() -> None:
    arguments: dict[str, Any] = {"campaign": "spring-{{ day }}", "parameters": ["{{ day }}"]}
    with dag():
        partial = SqlToRcsOperator.partial(task_id="send", template_id="1", sql_conn_id="db", sql="SELECT 1")
        mapped = partial.expand_kwargs([arguments])

    done = rendered_unmapped(mapped, mapped.unmap(arguments))

    assert (done.campaign, unguarded(done.parameters)) == ("spring-2026-11-29", ["2026-11-29"])


def rendered_unmapped(mapped: Any, unmapped: Any) -> Any:
    """Render a task of a mapping as Airflow's ``MappedOperator`` does."""
    context: Any = {
        "day": "2026-11-29",
        "ti": SimpleNamespace(map_index=0),
        "dag": mapped.dag,
        "task": unmapped,
        "run_id": "now",
    }
    environment = mapped.dag.get_template_env()
    unmapped._do_render_template_fields(unmapped, mapped.template_fields, context, environment, set())
    return unmapped


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (ROWS * 500, "<1,000 recipients: phone, name>"),
        (ROWS[:1], "<1 recipient: phone, name>"),
        ([], "<0 recipients>"),
        (pd.DataFrame(ROWS), "<2 recipients: phone, name>"),
        (pl.DataFrame(ROWS), "<2 recipients: phone, name>"),
        (pa.Table.from_pylist(ROWS), "<2 recipients: phone, name>"),
        ([pd.DataFrame(ROWS)] * 3, "<6 recipients in 3 tables: phone, name>"),
        (iter(ROWS), "<recipients in a list_iterator>"),
        ({"Ana": "+34600000001"}, "<recipients in a dict>"),
        ([{"+34600000001": "Ana"}], "<1 recipient: +*>"),
        ([dict.fromkeys(map(str, range(22)))], f"<1 recipient: {', '.join(map(str, range(20)))}, and 2 more>"),
        ([["+34600000001"]], "<1 recipient>"),
    ],
)
def test_data_is_shown_as_a_count_and_its_columns(value: Any, shown: str) -> None:
    assert str(Data(value, "recipient")) == repr(Data(value, "recipient")) == shown


@pytest.mark.parametrize(
    "text", ["https://example.org/ana\n+34600000001", '{"a": "s3://x"}', "phone,name\n+34600000001,Ana"]
)
def test_a_text_that_a_task_returned_is_shown_only_if_it_is_a_path(text: str) -> None:
    of_text, of_path = rendered(sending(Lazy(text))), rendered(sending(Lazy("s3://crm/people.csv")))

    assert str(of_text.recipients) == "<recipients in a str>"
    assert unguarded(of_text.recipients) == text
    assert of_path.recipients == "s3://crm/people.csv"


def test_constants_and_parameters_are_shown_by_their_names() -> None:
    with dag():
        operator = SqlToRcsOperator(
            task_id="send",
            sql="SELECT 1",
            sql_conn_id="db",
            template_id="1",
            constants={"Importe": "secret offer", "Fecha": None},
            parameters=["+34600000001"],
        )

    done = rendered(operator)

    assert (str(done.constants), str(done.parameters)) == ("<2 constants: Importe, Fecha>", "<1 parameter>")


@pytest.mark.parametrize(
    ("given", "read", "shown"),
    [
        (["+34600000001", SECRET], ["+34600000001", SECRET], "<2 test phones>"),
        ("{{ '+34600000001' }}, +34600000002", ["+34600000001", "+34600000002"], "<test phones in a str>"),
        (Lazy(["+34600000001"]), ["+34600000001"], "<1 test phone>"),
    ],
    ids=["list", "text", "output"],
)
def test_test_phones_are_shown_by_their_number_and_only_a_text_is_a_template(given: Any, read: Any, shown: str) -> None:
    operator = sending(ROWS, dry_run=True, test_phones=given)

    done = rendered(operator)

    assert str(done.test_phones) == shown
    assert list_of("test_phones", done.test_phones) == read
    if isinstance(given, list):
        assert "600000001" not in json.dumps(DagSerialization.to_dict(operator.dag))


@pytest.mark.parametrize("make", [list, pd.DataFrame, pl.DataFrame, pa.Table.from_pylist])
def test_the_serialized_dag_holds_no_written_recipient(make: Callable[[Any], Any]) -> None:
    operator = sending(make(ROWS))

    serialized = json.dumps(DagSerialization.to_dict(operator.dag))

    assert "<2 recipients: phone, name>" in serialized
    assert "34600" not in serialized


@pytest.mark.parametrize("make", [list, pd.DataFrame])
def test_the_serialized_dag_holds_no_written_recipient_of_shards(make: Callable[[Any], Any]) -> None:
    with dag() as mapping:
        RcsSendOperator.partial(
            task_id="send", template_id="1", recipients=make(ROWS), dry_run=True, test_phones=["+34600000003"]
        ).expand(shard=shards(2))

    serialized = json.dumps(DagSerialization.to_dict(mapping))

    assert "<2 recipients: phone, name>" in serialized
    assert "<1 test phone>" in serialized
    assert "34600" not in serialized


def test_a_mapped_task_reads_the_written_recipients_as_they_are() -> None:
    with dag() as mapping:
        RcsSendOperator.partial(task_id="send", template_id="1", recipients=ROWS).expand(shard=shards(2))
    mapped = cast("Any", mapping.task_dict["send"])

    operator = mapped.unmap({"shard": "1/2"})

    assert read(operator) == COLUMNS
    assert operator.shard == "1/2"


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_data_comes_out_as_it_went_in(value: Any) -> None:
    if not isinstance(value, str):
        assert isinstance(guarded(value, "recipient"), Data)
    assert unguarded(guarded(value, "recipient")) == value


def test_data_equals_what_it_holds_and_is_not_copied() -> None:
    data = Data(ROWS, "recipient")

    assert data == ROWS
    assert data != ROWS[:1]
    assert Data(pd.DataFrame(ROWS), "recipient") != pd.DataFrame(ROWS)
    assert copy.deepcopy(data) is data


def test_the_output_of_a_task_stays_a_reference() -> None:
    with dag():

        @task
        def people() -> list[dict[str, str]]:
            return ROWS

        operator = RcsSendOperator(task_id="send", recipients=people(), template_id="1")

    assert isinstance(operator.recipients, XComArg)


def test_parameters_that_a_template_made_a_text_are_refused() -> None:
    with dag():
        operator = SqlToRcsOperator(
            task_id="send", sql="SELECT 1", sql_conn_id="db", template_id="1", parameters="{{ day }}"
        )

    with pytest.raises(RcsInputError, match="parameters: a str is not a dict or a list"):
        rendered(operator).read_chunks()
