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
from airflow.providers.common.compat.sdk import DAG, Context, ObjectStoragePath

from airflow_provider_rcs.operators.rcs import RcsSendOperator
from tests.sandbox_process import SandboxProcess

PEOPLE = {"phone": ["0034600000001", "+34600000002", None], "name": ["Ana", None, "Nobody"], "visits": [1, None, 2]}
ROWS = [dict(zip(PEOPLE, row, strict=True)) for row in zip(*PEOPLE.values(), strict=True)]


def parquet(folder: Path) -> str:
    pq.write_table(pa.table(PEOPLE), folder / "people.parquet")
    return (folder / "people.parquet").as_uri()


def csv(folder: Path) -> str:
    pd.DataFrame(PEOPLE).to_csv(folder / "people.csv", index=False)
    return (folder / "people.csv").as_uri()


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
