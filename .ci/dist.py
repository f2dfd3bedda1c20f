"""Build the wheel and the sdist, check them, and get started with the wheel under each file of Airflow's pins."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

from matrix import ROOT, environments
from packaging.specifiers import SpecifierSet

DIST = ROOT / "dist"
TOOLS = ROOT / ".matrix/dist/bin"
PACKAGE = "airflow_provider_rcs"
GET_STARTED = "tests/system/test_get_started.py"
# What a wheel has beside the package.
IN_DIST_INFO = ("entry_points.txt", "licenses/LICENSE", f"licenses/{PACKAGE}/ui/assets/uplot.LICENSE.txt")
OF_HATCHLING = ("METADATA", "RECORD", "WHEEL")
# Files that Airflow, type checkers, the page or the law need, and that no import misses.
NEEDED = (
    f"{PACKAGE}/py.typed",
    f"{PACKAGE}/get_provider_info.py",
    f"{PACKAGE}/store/db/migrations/script.py.mako",
    f"{PACKAGE}/ui/assets/uplot.js",
    f"{PACKAGE}/ui/assets/uplot.LICENSE.txt",
    f"{PACKAGE}/ui/templates/base.html",
)
ENTRY_POINTS = ("[apache_airflow_provider]", "[airflow.plugins]", "[console_scripts]")
RELATIVE_LINK = re.compile(r"\]\((?![a-z]+:|#)[^)]*\)")


class DistError(Exception):
    """The wheel or the sdist must not be published."""


def wheel_problems(names: Iterable[str], tracked: Iterable[str], version: str) -> list[str]:
    """Return what a wheel lacks, and what it has that is none of its business.

    :param names: the files of the wheel.
    :param tracked: the files of the repository.
    """
    info = f"{PACKAGE}-{version}.dist-info/"
    package = {name for name in tracked if name.startswith(f"{PACKAGE}/")}
    expected = {*package, *NEEDED, *(info + name for name in (*IN_DIST_INFO, *OF_HATCHLING))}
    return [
        *(f"the wheel lacks {name}" for name in sorted(expected - set(names))),
        *(f"the wheel must not have {name}" for name in sorted(set(names) - expected)),
    ]


def sdist_problems(names: Iterable[str], tracked: Iterable[str], version: str) -> list[str]:
    """Return what an sdist lacks to build the wheel, and what it has that is not in the repository.

    :param names: the files of the sdist.
    :param tracked: the files of the repository.
    """
    top = f"{PACKAGE}-{version}/"
    inside, known = {name.removeprefix(top) for name in names}, set(tracked)
    to_build = {"pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "CHANGELOG.md"}
    needed = to_build | {name for name in known if name.startswith(f"{PACKAGE}/")}
    return [
        *(f"the sdist lacks {name}" for name in sorted(needed - inside)),
        *(f"the sdist must not have {name}" for name in sorted(inside - known - {"PKG-INFO"})),
    ]


def metadata_problems(metadata: Message, version: str, extras: Iterable[str]) -> list[str]:
    """Return what an index or pip would miss in the metadata of a wheel.

    :param extras: the extras that pyproject.toml defines.
    """
    classifiers = metadata.get_all("Classifier", [])
    pythons = re.findall(r"Python :: (\d\.\d+)$", "\n".join(classifiers), re.MULTILINE)
    supported = SpecifierSet(metadata.get("Requires-Python", "<0"))
    has = {
        f"the version {version}": metadata["Version"] == version,
        "a summary": metadata["Summary"],
        "an author": metadata["Author"] or metadata["Author-email"],
        "a URL": metadata["Project-URL"],
        "the licence": metadata["License-Expression"] == "Apache-2.0",
        "both licence files": len(metadata.get_all("License-File", [])) == len(IN_DIST_INFO) - 1,
        "the classifier of Airflow's providers": "Framework :: Apache Airflow :: Provider" in classifiers,
        "classifiers of the Pythons that it requires": pythons and all(each in supported for each in pythons),
        "every extra of pyproject.toml": set(metadata.get_all("Provides-Extra", [])) == set(extras),
        "a README in Markdown": metadata["Description-Content-Type"] == "text/markdown",
        "a README whose links work on an index": not RELATIVE_LINK.search(str(metadata.get_payload())),
    }
    return [f"the metadata lack {what}" for what, found in has.items() if not found]


def before_publishing(metadata: Message, changelog: str, tags: Iterable[str], changed: Sequence[str]) -> list[str]:
    """Return what is still to be done before a good wheel may be published.

    :param tags: the tags of the commit.
    :param changed: files that differ from the commit.
    """
    version = metadata["Version"]
    urls = [url.partition(",")[0] for url in metadata.get_all("Project-URL", [])]
    dated = re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", changelog, re.MULTILINE)
    done = {
        "pyproject.toml has no URL named Repository": "Repository" in urls,
        f"CHANGELOG.md has no date for {version}": dated,
        f"the commit has no tag v{version}": f"v{version}" in tags,
        f"not committed: {', '.join(changed)}": not changed,
    }
    return [what for what, is_done in done.items() if not is_done]


def build() -> tuple[Path, Path]:
    """Build into dist/, and return the wheel, which comes from the sdist, and the sdist.

    :raises DistError: if the wheel of the checkout is another one.
    """
    direct = DIST / "direct"
    shutil.rmtree(DIST, ignore_errors=True)
    run(TOOLS / "pyproject-build", "--no-isolation", "--outdir", DIST, ROOT)
    run(TOOLS / "pyproject-build", "--no-isolation", "--wheel", "--outdir", direct, ROOT)
    [wheel], [sdist], [same] = DIST.glob("*.whl"), DIST.glob("*.tar.gz"), direct.glob("*.whl")
    if wheel.read_bytes() != same.read_bytes():
        raise DistError(f"the sdist and the checkout build different wheels: {wheel}, {same}")
    shutil.rmtree(direct)
    return wheel, sdist


def check(wheel: Path, sdist: Path) -> Message:
    """Check the wheel and the sdist, and return the wheel's metadata.

    :raises DistError: if anything is missing in one of them, or too much.
    """
    run(TOOLS / "twine", "--no-color", "check", "--strict", wheel, sdist)
    version, tracked = wheel.name.split("-")[1], git("ls-files")
    info = f"{PACKAGE}-{version}.dist-info"
    with ZipFile(wheel) as opened:
        names = opened.namelist()
        metadata = Parser().parsestr(opened.read(f"{info}/METADATA").decode())
        points = opened.read(f"{info}/entry_points.txt").decode()
    with tarfile.open(sdist) as tar:
        in_sdist = [member.name for member in tar.getmembers() if member.isfile()]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    problems = [
        *wheel_problems(names, tracked, version),
        *sdist_problems(in_sdist, tracked, version),
        *metadata_problems(metadata, version, project["optional-dependencies"]),
        *(f"the wheel has no entry point in {group}" for group in ENTRY_POINTS if group not in points),
    ]
    if problems:
        raise DistError("\n".join(problems))
    print(f"{wheel.name}: {len(names)} files, {sdist.name}: {len(in_sdist)} files, nothing missing, nothing too much")
    return metadata


def get_started(wheel: Path, python: str, pins: Path) -> None:
    """Run every command of docs/get-started.md on a machine that has Airflow under its pins, and this wheel alone."""
    found = subprocess.check_output([ROOT / ".ci/python-for", python], text=True).strip()
    machine = {"RCS_MACHINE_WHEEL": str(wheel), "RCS_MACHINE_PINS": str(pins), "RCS_MACHINE_PYTHON": found}
    run(sys.executable, "-m", "pytest", "-q", GET_STARTED, environment=os.environ | machine)


def run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, cwd=ROOT, env=environment)


def git(*command: str) -> list[str]:
    return subprocess.check_output(["git", *command], cwd=ROOT, text=True).splitlines()


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print what is done, and how long it took."""
    print(f"\n=== {name}", flush=True)
    started = time.monotonic()
    yield
    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def main() -> int:
    try:
        with step("build"):
            wheel, sdist = build()
        with step("check"):
            metadata = check(wheel, sdist)
        for each in environments():
            if each.constraints and each.with_dags:  # Airflow's own pins
                with step(f"get started, {each.name}, Python {each.python}"):
                    get_started(wheel, each.python, each.constraints)
    except (DistError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    changed = [line[3:] for line in git("status", "--porcelain")]
    left = before_publishing(metadata, changelog, git("tag", "--points-at"), changed)
    print("\nReady to publish." if not left else "\nGood, but not to be published yet:")
    print(*(f"- {each}" for each in left), sep="\n", end="\n" if left else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
