"""The page on limits quotes figures that were measured, and settings as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.landing.raw_bodies import MAX_BODY_BYTES
from airflow_provider_rcs.receiver.spool import DEFAULT_MEGABYTES
from airflow_provider_rcs.sending.preview.phone_tests import MOST_TEST_PHONES
from airflow_provider_rcs.sending.settings import DEFAULT_MAX_IN_FLIGHT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "measured-limits.md").read_text(encoding="utf-8")
SECTIONS: dict[str, str] = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
MEASURED = "\n".join(
    (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "benchmarks/RESULTS.md",
        "benchmarks/MEMORY.md",
        "benchmarks/HISTORY.md",
        "docs/decisions/aims-not-reached.md",
        "docs/decisions/what-a-billion-messages-a-year-need.md",
    )
)
FIGURES = {
    figure
    for title in ("Rates", "Size", "A store that has been used for years", "Not reached")
    for figure in re.findall(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?:/s| MiB)?(?![\w.]*\d)", SECTIONS[title])
}


@pytest.mark.slow
@pytest.mark.parametrize("figure", sorted(FIGURES - {"8", "32"}))
def test_each_figure_was_measured(figure: str) -> None:
    assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d,]*\d)", MEASURED)


def test_the_settings_on_the_page_are_those_of_the_code() -> None:
    limits = SECTIONS["Limits that are set"]

    assert f"| {ApiSettings().batch_size} by default" in limits
    assert f"| {MAX_BODY_BYTES // 1024} KiB" in limits
    assert f"| {DEFAULT_MEGABYTES} MB by default" in limits
    assert f"| {DEFAULT_MAX_IN_FLIGHT} by default, at most 32" in limits
    assert f"| {MOST_TEST_PHONES} |" in limits
