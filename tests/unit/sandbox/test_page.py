"""The page on the sandbox names everything that it can do."""

from __future__ import annotations

import argparse
import re
from enum import StrEnum
from itertools import chain
from pathlib import Path

import pytest

from airflow_provider_rcs.sandbox.arguments import add_arguments
from airflow_provider_rcs.sandbox.faults import FaultKind
from airflow_provider_rcs.sandbox.options import (
    DEFAULT_CODES,
    Compression,
    FallbackFormat,
    ReplyShape,
    ReplyValues,
    ReportFormat,
    SandboxStatus,
)
from airflow_provider_rcs.sandbox.quirks import Quirk

PAGE = (Path(__file__).parents[3] / "docs" / "try-without-an-account.md").read_text(encoding="utf-8")
NAMES: tuple[type[StrEnum], ...] = (
    Compression,
    FallbackFormat,
    FaultKind,
    Quirk,
    ReplyShape,
    ReplyValues,
    ReportFormat,
)


@pytest.mark.parametrize("name", list(chain.from_iterable(NAMES)))
def test_every_shape_format_quirk_and_fault_is_on_the_page(name: StrEnum) -> None:
    assert f"`{name}`" in PAGE or f'"{name}"' in PAGE


def test_every_option_on_the_page_exists() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    known = set(re.findall(r"--[a-z][a-z-]+", parser.format_help()))

    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) <= known


def test_default_codes_on_the_page_are_those_of_the_sandbox() -> None:
    stated = re.search(r"by default, (\d+) is sent, (\d+) delivered, (\d+) temporarily\s+failed and (\d+) failed", PAGE)

    assert stated is not None
    assert [int(code) for code in stated.groups()] == [
        DEFAULT_CODES[status]
        for status in (
            SandboxStatus.SENT,
            SandboxStatus.DELIVERED,
            SandboxStatus.TEMPORARILY_FAILED,
            SandboxStatus.FAILED,
        )
    ]
