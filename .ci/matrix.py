"""Run the tests in environments of their own: under Airflow's own pins, on the newest and the lowest of everything.

With names of environments as arguments, only in those. ``--dag-tests`` names files of DAG tests to run as well, in the
environments where whole DAGs are tested.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".matrix"
CONSTRAINTS = ROOT / "constraints"
UV = ROOT / ".venv/bin/uv"
UNIT = "tests/unit"
WAREHOUSE = "tests/integration/warehouse"
STORE = "tests/integration/store"
PYTHONS = ("3.11", "3.12", "3.13")


@dataclass(frozen=True)
class Environment:
    """One Python, what is installed into it, and the tests to run there.

    :param constraints: the file of pins to install under; without one, the newest of everything is installed.
    :param groups: the groups of pyproject.toml that are installed too.
    :param with_dags: whether DAG tests run in it too.
    """

    name: str
    python: str
    constraints: Path | None
    tests: tuple[str, ...] = (STORE, UNIT)
    with_dags: bool = False
    groups: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return FOLDER / self.name


@dataclass(frozen=True)
class Outcome:
    """What happened in one environment.

    :param problem: why there are no results, or why they do not count; empty if they do.
    :param skipped: how many tests were skipped, by the reason.
    """

    environment: Environment
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0
    problem: str = ""

    @property
    def good(self) -> bool:
        return self.passed > 0 and not self.failed and not self.problem


def environments() -> list[Environment]:
    """Return every environment: a file of Airflow's own pins each, newest, lowest, a Python each, FAB, fakesnow."""
    pinned = []
    for file in sorted(CONSTRAINTS.glob("airflow-*-python-*.txt")):
        name, _, python = file.stem.partition("-python-")
        pinned.append(Environment(name, python, file, with_dags=True))
    return [
        *pinned,
        Environment("newest", PYTHONS[-1], None, with_dags=True),
        Environment("lowest", PYTHONS[0], CONSTRAINTS / "lowest.txt"),
        *(Environment(f"python-{python}", python, ROOT / "constraints.txt", (UNIT,)) for python in PYTHONS),
        Environment("fab", "3.12", CONSTRAINTS / "fab.txt", ("tests/system/test_page_with_fab.py",), groups=("fab",)),
        Environment(
            "fakesnow",
            "3.12",
            CONSTRAINTS / "fakesnow.txt",
            (f"{WAREHOUSE}/test_snowflake.py", f"{WAREHOUSE}/test_bigquery.py"),
            groups=("fakesnow",),
        ),
    ]


def install(environment: Environment) -> None:
    """Make the environment anew, with the provider and its test tools in it.

    :raises subprocess.CalledProcessError: if there is no such Python, or the pins do not go together.
    """
    shutil.rmtree(environment.folder, ignore_errors=True)
    found = subprocess.check_output([ROOT / ".ci/python-for", environment.python], text=True).strip()
    pins = ["--constraint", str(environment.constraints)] if environment.constraints else ["--upgrade"]
    into = ["--quiet", "--python", str(environment.folder / "bin/python")]
    subprocess.check_call([UV, "venv", "--quiet", "--python", found, environment.folder])
    what = ["--editable", ".[dev]", *(f"--group={group}" for group in environment.groups)]
    subprocess.check_call([UV, "pip", "install", *into, "--compile-bytecode", *pins, *what], cwd=ROOT)
    subprocess.check_call([UV, "pip", "check", *into])


def test(environment: Environment, dag_tests: list[str]) -> Outcome:
    """Install the environment and run its tests."""
    started = time.monotonic()
    results = environment.folder / "results.xml"
    tests = [*(dag_tests if environment.with_dags else []), *environment.tests]
    print(f"\n=== {environment.name}: Python {environment.python}, {' '.join(tests)}", flush=True)
    try:
        install(environment)
    except subprocess.CalledProcessError:
        return Outcome(environment, problem="it could not be made (see above)")
    # Like make test: in the order of the folders, so that no long file is left for one core at the end.
    how = ["--numprocesses", "auto", "--dist", "loadfile", "--no-loadscope-reorder", "--quiet", f"--junitxml={results}"]
    ended = subprocess.run([environment.folder / "bin/python", "-m", "pytest", *how, *tests], check=False, cwd=ROOT)
    return read(environment, results, time.monotonic() - started, ended.returncode)


def read(environment: Environment, results: Path, seconds: float, exit_code: int) -> Outcome:
    """Read what pytest wrote about its tests."""
    if not results.exists():
        return Outcome(environment, seconds=seconds, problem=f"pytest ended with {exit_code} and without results")
    passed = failed = 0
    skipped: Counter[str] = Counter()
    for case in ET.parse(results).iter("testcase"):
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif skip is not None:
            skipped[skip.get("message", "no reason given")] += 1
        else:
            passed += 1
    problem = f"pytest ended with {exit_code}" if exit_code and not failed else ""
    return Outcome(environment, passed, failed, skipped, seconds, problem)


def print_summary(outcomes: list[Outcome]) -> None:
    """Print a line for each environment, and the reason of whatever was skipped or could not be made."""
    print(f"\n{'environment':15} {'Python':7} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}")
    for each in outcomes:
        numbers = f"{each.passed:7} {each.failed:7} {each.skipped.total():8} {each.seconds:8.0f}"
        print(f"{each.environment.name:15} {each.environment.python:7} {numbers}  {each.problem}".rstrip())
    for each in outcomes:
        for reason, count in each.skipped.most_common():
            print(f"{each.environment.name}: skipped {count}: {reason}")


def main() -> int:
    known = {environment.name: environment for environment in environments()}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="environment", help=f"all if none is named: {', '.join(known)}")
    parser.add_argument("--dag-tests", action="append", default=[], metavar="FILE", help="DAG tests to run as well")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - known.keys():
        parser.error(f"no such environment: {', '.join(sorted(unknown))}")
    outcomes = [test(known[name], chosen.dag_tests) for name in chosen.names or known]
    print_summary(outcomes)
    return 0 if all(each.good for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
