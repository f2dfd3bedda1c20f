from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_rcs.cli.main import main


def error_of_doctor(capsys: pytest.CaptureFixture[str], file: Path) -> str:
    code = main(["doctor", "--sql-file", str(file), "--sql-conn-id", "warehouse"])

    assert code == 2
    return capsys.readouterr().err


def test_a_file_of_doctor_that_cannot_be_read_is_an_error_that_names_the_option(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    error = error_of_doctor(capsys, tmp_path / "none.sql")

    assert error.startswith("airflow-rcs doctor: --sql-file: it cannot be read")


def test_a_file_of_doctor_that_is_a_template_is_an_error_that_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "people.sql"
    file.write_text("SELECT * FROM customer WHERE day = '{{ ds }}'")

    error = error_of_doctor(capsys, file)

    assert error.startswith("airflow-rcs doctor: --sql-file: it is a Jinja template")
