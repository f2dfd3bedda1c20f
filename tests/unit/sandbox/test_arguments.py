"""The command line sets every option."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from airflow_provider_rcs.sandbox.arguments import add_arguments, options_from_arguments
from airflow_provider_rcs.sandbox.model import VariableType
from airflow_provider_rcs.sandbox.options import (
    Compression,
    FallbackFormat,
    ReplyShape,
    ReplyValues,
    ReportFormat,
    ReportTarget,
    RetryAfter,
    SandboxOptions,
    SandboxStatus,
)
from airflow_provider_rcs.sandbox.quirks import MEANINGS, Quirk


def options(*arguments: str) -> SandboxOptions:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return options_from_arguments(parser.parse_args(arguments))


def test_no_arguments_give_the_defaults() -> None:
    assert options() == SandboxOptions()


def test_arguments_set_the_options() -> None:
    given = options(
        *("--port", "0", "--record", "sent.jsonl", "--seed", "9", "--quiet"),
        *("--agent", "shop", "--agent", "bank", "--refused-phone", "34600000009", "--credit", "5"),
        *("--reply-shape", "counts", "--reply-values", "texts", "--latency", "0.5"),
        *("--quirk", "bom", "--quirk", "latin-1"),
        *("--requests-per-second", "3", "--retry-after", "date"),
        *("--report-url", "http://127.0.0.1:1/r", "--report-login", "me", "--report-password", "pw"),
        *("--only-sent-share", "0.2", "--fallback-share", "0.3", "--fallback-service", "SMS-B"),
        *("--replies-share", "0.4", "--report-format", "data-field", "--report-compression", "gzip", "--check-target"),
    )

    assert (given.port, given.record, given.seed, given.quiet) == (0, Path("sent.jsonl"), 9, True)
    assert given.account.agents == ("shop", "bank")
    assert given.account.refused_phones == {"34600000009"}
    assert given.account.credit == 5
    assert given.reply_shape is ReplyShape.COUNTS
    assert given.reply_values is ReplyValues.TEXTS
    assert given.quirks == {Quirk.BOM, Quirk.LATIN_1}
    assert given.latency == 0.5
    assert (given.requests_per_second, given.retry_after) == (3, RetryAfter.DATE)
    assert given.reports.target == ReportTarget("http://127.0.0.1:1/r", "me", "pw")
    assert given.reports.shares.only_sent == 0.2
    assert (given.reports.shares.fallback, given.reports.fallback_service) == (0.3, "SMS-B")
    assert given.reports.shares.replies == 0.4
    assert (given.reports.body_format, given.reports.compression) == (ReportFormat.DATA_FIELD, Compression.GZIP)
    assert given.reports.check_target


@pytest.mark.parametrize("form", list(FallbackFormat))
def test_format_of_fallback_reports_is_chosen_by_its_name(form: FallbackFormat) -> None:
    assert options("--fallback-format", form).reports.fallback_format is form


@pytest.mark.parametrize("quirk", list(Quirk))
def test_help_explains_every_quirk(quirk: Quirk) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)

    assert f"{quirk}: {MEANINGS[quirk]}" in " ".join(parser.format_help().split()).replace("- ", "-")


def test_code_of_one_status_can_be_changed_alone() -> None:
    codes = options("--code", "read=30", "--code", "sent=12").reports.codes

    assert (codes[SandboxStatus.READ], codes[SandboxStatus.SENT], codes[SandboxStatus.DELIVERED]) == (30, 12, 13)


def test_code_of_an_unknown_status_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options("--code", "clicked=30")

    assert "clicked=30" in capsys.readouterr().err


def test_templates_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "templates.json"
    file.write_text('[{"id": 77, "name": "Receipt", "variables": {"Total": "TEXTO"}}, {"id": "78", "name": "Bye"}]')

    receipt, bye = options("--templates", str(file)).account.templates

    assert (receipt.template_id, receipt.name, receipt.variables) == ("77", "Receipt", {"Total": VariableType.TEXT})
    assert bye.variables == {}


@pytest.mark.parametrize(
    "content", ["{", "7", '[{"id": "77"}]', '[{"id": "77", "name": "a", "variables": {"b": "C"}}]']
)
def test_error_about_an_invalid_templates_file_names_the_file(tmp_path: Path, content: str) -> None:
    file = tmp_path / "templates.json"
    file.write_text(content)

    with pytest.raises(ValueError, match=r"templates\.json"):
        options("--templates", str(file))
