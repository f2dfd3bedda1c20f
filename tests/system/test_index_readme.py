"""The README in the metadata of a built wheel: what a package index shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from airflow_provider_rcs import __version__

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "publish-a-release.md"
UV = Path(sys.executable).with_name("uv")
TO_BUILD = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "airflow_provider_rcs")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a wheel is built from."""
    for name in TO_BUILD:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / "checkout" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (tmp_path / "checkout").mkdir(exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "checkout" / name)
    return tmp_path / "checkout"


def built(checkout: Path) -> Message:
    """Build the wheel of a checkout, and return its metadata."""
    command = [str(UV), "build", "--quiet", "--wheel", "--out-dir", "dist", "."]
    completed = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=300, check=False)
    assert completed.returncode == 0, completed.stderr
    [wheel] = (checkout / "dist").glob("*.whl")
    with ZipFile(wheel) as opened:
        [name] = [name for name in opened.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(opened.read(name).decode())


def with_the_urls_of_the_page(checkout: Path) -> dict[str, str]:
    """Add the URLs to pyproject.toml as the page on releases says, and return them."""
    [block] = re.findall(r"```toml\n\[project\.urls\]\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    file = checkout / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("[project.urls]\n", f"[project.urls]\n{block}"), encoding="utf-8")
    return dict(re.findall(r'^(\w+) = "(.*)"$', block, re.MULTILINE))


def targets(metadata: Message) -> list[str]:
    """Return where the links and pictures of the README lead."""
    return re.findall(r"\]\(([^)]+)\)", str(metadata.get_payload()))


def test_links_lead_to_the_repository_at_the_tag_of_the_version(checkout: Path) -> None:
    urls = with_the_urls_of_the_page(checkout)

    metadata = built(checkout)

    begin = f"{urls['Repository']}/blob/v{__version__}/"
    linked = [target.removeprefix(begin).partition("#")[0] for target in targets(metadata) if target.startswith(begin)]
    assert {"docs/get-started.md", "CHANGELOG.md", "dags"} <= set(linked)
    assert [name for name in linked if not (ROOT / name).exists()] == []
    assert all(target.startswith("https://") for target in targets(metadata))
    assert urls.items() <= dict(url.split(", ") for url in metadata.get_all("Project-URL", [])).items()


def test_the_picture_is_that_of_the_repository_at_the_tag_of_the_version(checkout: Path) -> None:
    urls = with_the_urls_of_the_page(checkout)

    [picture] = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", str(built(checkout).get_payload()))

    assert picture == f"{urls['Repository']}/raw/v{__version__}/docs/pictures/campaign-light.png"


def test_without_an_address_nothing_remains_that_would_lead_nowhere(checkout: Path) -> None:
    metadata = built(checkout)

    assert [target for target in targets(metadata) if not target.startswith("https://")] == []
    assert "![" not in str(metadata.get_payload())
    assert "**Get started has every command**" in str(metadata.get_payload())
