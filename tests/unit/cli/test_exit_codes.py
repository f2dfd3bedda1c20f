"""The exit code of each error, and where it is documented."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api import errors
from airflow_provider_rcs.cli import migrate
from airflow_provider_rcs.cli.exit_codes import CAUSES, READER_GONE, exit_code_of
from airflow_provider_rcs.cli.main import main
from tests.unit.store.given import sent

PAGE = Path(__file__).parents[3] / "docs" / "use-the-command-line.md"
PROGRAM = "import sys; from airflow_provider_rcs.cli.main import main; sys.exit(main())"
ERRORS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.RcsError)]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RcsInputError("sql", "it is empty", "Write one."), 2),
        (errors.RcsStoreError("its tables are missing"), 2),
        (ValueError("not a number"), 2),
        (errors.RcsStoreUnavailable("no connection"), 3),
        (errors.RcsQueryError("a deadlock"), 4),
        (errors.RcsWarehouseUnavailable("no connection"), 4),
        (errors.RcsAuthError("401"), 5),
        (errors.RcsParameterError("-3"), 6),
        (errors.RcsRateLimited("429"), 7),
        (errors.RcsUnavailable("no connection"), 7),
        (errors.RcsInFlightError("being sent"), 8),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_a_command_ends_with_the_code_of_its_errors_cause(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(migrate, "run", fail)

    assert main(["migrate"]) == code


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_provider_has_a_documented_code(kind: type[errors.RcsError]) -> None:
    assert exit_code_of(kind.__new__(kind)) in CAUSES


@pytest.mark.parametrize("kind", [each for each in ERRORS if each.retry_may_help], ids=lambda kind: kind.__name__)
def test_no_error_that_may_pass_has_the_code_of_what_a_person_must_correct(kind: type[errors.RcsError]) -> None:
    assert exit_code_of(kind.__new__(kind)) not in (2, 5, 6)


def test_the_page_has_every_code_with_its_cause() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert {int(code): cause.replace("`", "") for code, cause in rows} == CAUSES


def test_the_help_has_every_code_with_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    lines = re.findall(r"^  (\d+) +(.*)$", capsys.readouterr().out, re.MULTILINE)
    assert {int(code): cause for code, cause in lines} == CAUSES


@pytest.mark.slow
def test_a_reader_that_ends_first_ends_the_command_without_a_traceback(store_url: str, engine: sa.Engine) -> None:
    sent(engine)

    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "campaigns", "--store-url", store_url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        written = process.stderr.read()

    assert (process.returncode, written) == (READER_GONE, b"")


@pytest.mark.parametrize("server", ["sandbox", "receiver"])
@pytest.mark.parametrize("port", ["in use", "99999"])
@pytest.mark.slow
def test_a_server_that_cannot_listen_on_its_port_ends_with_the_code_of_an_option_to_correct(
    server: str, port: str, store_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = str(listener.getsockname()[1])
        options = [
            "--port",
            port.replace("in use", taken),
            *(["--store-url", store_url] if server == "receiver" else []),
        ]
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, server, *options], capture_output=True, text=True, check=False
        )

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
