"""Arguments that ``airflow-rcs preview`` refuses; tests/integration/cli/test_preview.py runs it with a sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_rcs.cli.main import main


def error_of(
    capsys: pytest.CaptureFixture[str], *arguments: str, query: tuple[str, ...] = ("--sql", "SELECT 1")
) -> str:
    code = main(["preview", *query, "--sql-conn-id", "warehouse", "--template-id", "1234567", *arguments])

    assert code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--variables", "Importe"], "variables: 'Importe' is not of the form NAME=..."),
        (["--variables", "=amount"], "variables: '=amount' is not of the form NAME=..."),
        (["--constants", '{"Shop": '], "constants: it is not a JSON object"),
        (["--default-region", "Spain"], "--default-region: 'Spain' is not a region"),
        (["--batch-size", "0"], "--batch-size: 0 is not a whole number of 1 or more"),
        (["--send-at", "tomorrow"], "--send-at: 'tomorrow' is not a date"),
        (["--scheduled-by", "store"], "--send-at: it is not set, and --scheduled-by store needs it"),
        (["--at-most", "2"], "--at-most: --at-most and --within-days belong together"),
        (["--at-most", "0", "--within-days", "7"], "--at-most: 0 messages within 7 days are no cap"),
        (["--at-most", "2", "--within-days", "inf"], "--at-most: 2 messages within inf days are no cap"),
        (["--at-most", "2", "--within-days", "nan"], "--at-most: 2 messages within nan days are no cap"),
        (["--shard", "5/4"], "shard: '5/4' is beyond the last one, 4/4"),
        (["--sample", "5%"], "sample: '5%' is not a fraction of the list"),
        (["--template-id", " "], "--template-id: it is empty"),
    ],
)
def test_an_unusable_argument_is_named(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert error_of(capsys, *arguments).startswith(f"airflow-rcs preview: {message}")


def test_a_missing_query_file_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    error = error_of(capsys, query=("--sql-file", f"{tmp_path}/none.sql"))

    assert error.startswith("airflow-rcs preview: --sql-file: it cannot be read")


def test_a_query_with_template_expressions_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "people.sql").write_text("SELECT * FROM customer WHERE since < '{{ ds }}'", encoding="utf-8")

    error = error_of(capsys, query=("--sql-file", f"{tmp_path}/people.sql"))

    assert error.startswith("airflow-rcs preview: --sql-file: it is a Jinja template")


@pytest.mark.parametrize("query", [(), ("--sql", "SELECT 1", "--sql-file", "people.sql")])
def test_exactly_one_of_sql_and_sql_file_is_required(
    capsys: pytest.CaptureFixture[str], query: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit):
        error_of(capsys, query=query)

    assert "--sql" in capsys.readouterr().err
