"""The commands that the pages show exist, with the options that they are given."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import pytest
from airflow.cli.cli_parser import get_parser

from airflow_provider_rcs.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
GET_STARTED = ROOT / "docs" / "get-started.md"

# What begins a line of a console block that this file does not try, and why not.
NOT_TRIED_HERE = {
    "curl": "calls the receiver at a host of the reader; what it sends is in tests/integration/receiver",
    "dbt": "tests/dbt runs it, in an environment of its own",
    "eval": "lets the shell complete; tests/unit/cli/test_completion.py asks what it completes",
    "export": "sets a variable of the shell",
    "git": "changes the repository",
    "helm": "nothing here runs Kubernetes; tests/unit/test_docs_platforms.py parses what it is given",
    "kubectl": "nothing here runs Kubernetes; tests/unit/test_docs_platforms.py parses what it is given",
    "pg_dump": "tests/integration/store/test_backup.py runs it",
    "pg_restore": "tests/integration/store/test_backup.py runs it",
    "pip": "installs packages; tests/system/test_get_started.py installs ours",
    "sha256sum": "compares what was published with what was built",
    ".matrix/dist/bin/twine": "uploads to an index",
    ".venv/bin/mutmut": "shows the results of hours of make mutants",
    '{"committed":1}': "is what the command before it prints",
}
INLINE = re.compile(r"`(airflow-rcs [a-z][^`]*|make [a-z][^`]*)`")


def commands_of(page: Path) -> Iterator[str]:
    """Yield the commands of a page's console blocks, each in one line."""
    # All of that page is run by a test of its own, with heredocs and substitutions.
    blocks = [] if page == GET_STARTED else re.findall(r"```console\n(.*?)```", text_of(page), re.DOTALL)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            if command := re.sub(r"(^|\s)#.*", "", line).strip():
                yield command


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


COMMANDS = sorted({command for page in PAGES for command in commands_of(page)})
MENTIONED = sorted({" ".join(each.split()) for page in PAGES for each in INLINE.findall(text_of(page))})


def beginning_with(program: str, commands: list[str]) -> list[str]:
    return [command for command in commands if command.startswith(f"{program} ")]


def test_every_command_of_a_console_block_is_tried_or_has_a_reason_why_not() -> None:
    tried = ("airflow-rcs", "airflow connections", "make", *NOT_TRIED_HERE)

    assert [each for each in COMMANDS if not f"{each} ".startswith(tuple(f"{begin} " for begin in tried))] == []
    assert [begin for begin in NOT_TRIED_HERE if not any(each.startswith(begin) for each in COMMANDS)] == []


@pytest.mark.slow
@pytest.mark.parametrize("command", beginning_with("airflow-rcs", COMMANDS))
def test_every_command_of_ours_takes_the_options_that_it_is_shown_with(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What reads the output in a pipe is a program of the reader.
    arguments = shlex.split(command.partition(" | ")[0])[1:]
    monkeypatch.setattr(import_module(f"airflow_provider_rcs.cli.{arguments[0]}"), "run", lambda _: None)

    assert main(arguments) == 0


@pytest.mark.parametrize("command", beginning_with("airflow-rcs", MENTIONED))
def test_every_command_of_ours_that_a_sentence_names_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = shlex.split(command)[1:]
    options = {each for each in arguments if each.startswith("--")}

    with pytest.raises(SystemExit) as ended:
        main([*takewhile(lambda each: not each.startswith("-"), arguments), "--help"])

    assert ended.value.code == 0
    assert options <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


@pytest.mark.parametrize("command", beginning_with("airflow", COMMANDS))
def test_every_command_of_airflow_takes_the_options_that_it_is_shown_with(command: str) -> None:
    assert get_parser().parse_args(shlex.split(command)[1:])


def test_every_target_of_make_that_a_page_names_exists() -> None:
    targets = {each.split()[1] for each in beginning_with("make", [*COMMANDS, *MENTIONED])}

    # Prints what it would run.
    made = subprocess.run(
        ["make", "--dry-run", *sorted(targets)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert {"demo", "test"} <= targets
    assert made.returncode == 0, made.stderr


def test_the_page_for_contributors_names_what_the_gate_makes() -> None:
    gate = re.findall(r"^make (.+)$", text_of(ROOT / ".ci" / "run"), re.MULTILINE)
    [sentence] = re.findall(r"`\.ci/run`, the\s+gate,(.*?)\.\n", text_of(ROOT / "CONTRIBUTING.md"), re.DOTALL)

    assert re.findall(r"`make ([\w-]+)`", sentence) == [*gate, "test-matrix"]


def test_every_extra_that_a_page_installs_is_one_of_the_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = {each for page in PAGES for each in re.findall(r"airflow-provider-rcs\[([\w,]+)\]", text_of(page))}

    assert {"sqlite", "postgres"} <= named <= set(extras)
