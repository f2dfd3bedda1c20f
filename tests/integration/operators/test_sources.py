"""Every kind of source sends to the same recipients."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Context, ObjectStoragePath

from airflow_provider_rcs.operators.rcs import RcsSendOperator
from tests.sandbox_process import SandboxProcess

PEOPLE = {"phone": ["0034600000001", "+34600000002", None], "name": ["Ana", None, "Nobody"], "visits": [1, None, 2]}
SCHEMA = pa.table(PEOPLE).schema
ROWS = [dict(zip(PEOPLE, row, strict=True)) for row in zip(*PEOPLE.values(), strict=True)]


def parquet(folder: Path) -> str:
    pq.write_table(pa.table(PEOPLE), folder / "people.parquet")
    return (folder / "people.parquet").as_uri()


def csv(folder: Path) -> str:
    pd.DataFrame(PEOPLE).to_csv(folder / "people.csv", index=False)
    return (folder / "people.csv").as_uri()


def spark_folder(folder: Path) -> str:
    (folder / "people.parquet").mkdir()
    for number, row in enumerate(ROWS):
        pq.write_table(pa.Table.from_pylist([row], SCHEMA), folder / f"people.parquet/part-{number:05}.snappy.parquet")
    (folder / "people.parquet" / "_SUCCESS").touch()
    return (folder / "people.parquet").as_uri()


def packed_csv(folder: Path) -> str:
    pd.DataFrame(PEOPLE).to_csv(folder / "people-1.csv.gz", index=False)
    return f"{folder.as_uri()}/people-*.csv.gz"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "recipients",
    [
        pytest.param(lambda _: pd.DataFrame(PEOPLE), id="pandas"),
        pytest.param(lambda _: pd.DataFrame(PEOPLE).convert_dtypes(), id="pandas nullable"),
        pytest.param(lambda _: pa.table(PEOPLE).to_pandas(types_mapper=pd.ArrowDtype), id="pandas on Arrow"),
        pytest.param(lambda _: pl.DataFrame(PEOPLE), id="polars"),
        pytest.param(lambda _: pa.table(PEOPLE), id="Arrow"),
        pytest.param(lambda _: ROWS, id="list"),
        pytest.param(lambda _: (row for row in ROWS), id="generator"),
        pytest.param(parquet, id="Parquet"),
        pytest.param(csv, id="CSV"),
        pytest.param(spark_folder, id="folder of Spark"),
        pytest.param(packed_csv, id="pattern of packed CSV"),
        pytest.param(lambda _: (pd.DataFrame([row]) for row in ROWS), id="generator of frames"),
        pytest.param(lambda _: pd.DataFrame(PEOPLE).rename(columns=str.upper), id="upper case"),
        pytest.param(lambda folder: ObjectStoragePath(csv(folder)), id="ObjectStoragePath"),
    ],
)
def test_recipients_of_every_kind_of_source_are_sent_to(
    sandbox: SandboxProcess, context: Context, tmp_path: Path, recipients: Callable[[Path], Any]
) -> None:
    already = len(sandbox.accepted())

    counts = RcsSendOperator(
        task_id="send", recipients=recipients(tmp_path), template_id="1234569", campaign="spring"
    ).execute(context)

    assert (counts["accepted"], counts["rejected"]) == (2, 1)
    assert [(entry["phone"], entry["name"]) for entry in sandbox.accepted()[already:]] == [
        ("34600000001", "Ana"),
        ("34600000002", ""),
    ]


@pytest.mark.parametrize("kind", [str, ObjectStoragePath])
def test_the_path_of_a_file_is_templated(tmp_path: Path, kind: Any) -> None:
    path = f"{tmp_path.as_uri()}/{{{{ ds }}}}/people.csv"
    with DAG("people", schedule=None):
        operator = RcsSendOperator(task_id="send", recipients=kind(path), template_id="1234569", campaign="spring")

    operator.render_template_fields(cast("Context", {"ds": "2026-03-01"}))

    assert str(operator.recipients) == f"{tmp_path.as_uri()}/2026-03-01/people.csv"


def test_an_operator_with_an_iterator_can_be_copied() -> None:
    operator = RcsSendOperator(task_id="send", recipients=iter(ROWS), template_id="1234569")

    assert list(copy.deepcopy(operator).read_chunks()) == [PEOPLE]


def test_the_options_of_csv_files_are_templated(tmp_path: Path, sandbox: SandboxProcess, store: Any) -> None:
    (tmp_path / "people.csv").write_bytes("phone;name\n34600000009;Íñigo\n".encode("latin-1"))
    operator = RcsSendOperator(
        task_id="send",
        recipients=f"{tmp_path.as_uri()}/people.csv",
        read_options={"separator": "{{ params.separator }}", "encoding": "latin-1"},
        template_id="1234569",
        campaign="options",
    )

    operator.render_template_fields(cast("Context", {"params": {"separator": ";"}}))

    [chunk] = operator.read_chunks()
    assert list(chunk["name"]) == ["Íñigo"]


@pytest.mark.usefixtures("sandbox", "store")
def test_the_output_of_a_task_as_text_is_refused_without_quoting_it(context: Context) -> None:
    rendered = [{"phone": "34600000001", "name": "https://example.org/ana"}]
    with DAG("text", schedule=None):
        operator = RcsSendOperator(task_id="send", recipients="{{ rendered }}", template_id="1234569", campaign="text")
    operator.render_template_fields(cast("Context", {"rendered": rendered}))

    with pytest.raises(AirflowFailException, match="recipients=task.output.*render_template_as_native_obj") as refused:
        operator.execute(context)

    assert "example.org" not in str(refused.value)
    assert "34600" not in str(refused.value)
    assert operator.recipient_sources() == []


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "parquet"])
def test_a_price_of_32_bits_is_sent_as_it_is_written_by_people(
    sandbox: SandboxProcess, context: Context, tmp_path: Path, kind: str
) -> None:
    table = pa.table({"phone": ["+34600000001"], "name": ["Ana"], "price": pa.array([19.9], pa.float32())})
    pq.write_table(table, tmp_path / "people.parquet")
    recipients = {
        "pandas": table.to_pandas(),
        "polars": pl.from_arrow(table),
        "arrow": table,
        "parquet": (tmp_path / "people.parquet").as_uri(),
    }[kind]

    RcsSendOperator(
        task_id="send",
        recipients=recipients,
        template_id="1234567",
        campaign=f"price {kind}",
        variables={"Importe": "price"},
    ).execute(context)

    assert sandbox.accepted()[-1]["variables"] == {"Importe": "19.9"}


@pytest.mark.usefixtures("sandbox", "store")
def test_phones_in_the_index_of_a_frame_are_refused_with_the_way_out(context: Context) -> None:
    frame = pd.DataFrame(PEOPLE).set_index("phone")

    with pytest.raises(AirflowFailException, match=r"no column 'phone'.*give frame\.reset_index\(\)"):
        RcsSendOperator(task_id="send", recipients=frame, template_id="1234569", campaign="index").execute(context)
