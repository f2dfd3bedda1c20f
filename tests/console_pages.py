"""The commands, files and outputs of a page of the docs, run in order as a reader would."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from examples.demo.processes import Processes

SECONDS_FOR_A_STEP = 600
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_OTHER_TERMINAL = re.compile(r"\bin a (second|third|fourth) terminal\b", re.IGNORECASE)
_REPEATED = re.compile(r"\brepeat this until\b", re.IGNORECASE)
_SAVED = re.compile(r"\bsave this as `([\w.]+)` in the folder that `([^`]+)` prints\b", re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """One block of a page, and what the page says of it.

    :param line: the line on which it begins.
    :param language: ``console`` or ``python``.
    :param lead: the paragraph before it.
    :param shown: the lines of output that the page shows after it; empty if it shows none.
    """

    line: int
    language: str
    text: str
    lead: str
    shown: tuple[str, ...] = ()


def steps_of(page: str) -> list[Step]:
    """Return the steps of a page, in order.

    :raises ValueError: if an output does not follow a command.
    """
    steps: list[Step] = []
    end = 0
    for fenced in _FENCED.finditer(page):
        language, text = fenced.groups()
        line = page.count("\n", 0, fenced.start()) + 1
        between, end = page[end : fenced.start()].strip(), fenced.end()
        if language != "text":
            steps.append(Step(line, language, text, " ".join(between.rpartition("\n\n")[2].split())))
        elif steps and not steps[-1].shown and steps[-1].language == "console":
            last = steps.pop()
            steps.append(Step(last.line, last.language, last.text, last.lead, tuple(text.splitlines())))
        else:
            raise ValueError(f"line {line}: there is no command before this output")
    return steps


def not_printed(shown: Iterable[str], printed: str) -> Iterator[str]:
    """Yield the lines of a page that were not printed in this order; ``...`` stands for any text."""
    lines = iter(" ".join(line.split()) for line in printed.splitlines())
    for each in shown:
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in each.split("..."))
        if not any(re.search(pattern, line) for line in lines):
            yield each


class Reader:
    """Does what a page says, on a machine whose environment is given.

    :param environment: environment of every terminal.
    :param terminals: runs the commands of terminals other than the first.
    :param instead: texts of the page -> what this reader enters instead, such as another port.
    """

    def __init__(self, environment: Mapping[str, str], terminals: Processes, instead: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._terminals = terminals
        self._instead = instead

    def follow(self, page: str) -> None:
        """Do every step of a page.

        :raises AssertionError: if a command fails, or does not print what the page shows.
        :raises ValueError: if the page has a block and does not say what to do with it.
        """
        for step in steps_of(page):
            self._do(step)

    def _do(self, step: Step) -> None:
        if step.language == "python" and (saved := _SAVED.search(step.lead)):
            self._save(step, *saved.groups())
        elif step.language != "console":
            raise ValueError(f"line {step.line}: the page does not say what to do with this block")
        elif _OTHER_TERMINAL.search(step.lead):
            self._start(step)
        elif _REPEATED.search(step.lead):
            self._wait_until_shown(step, lambda: self._run(step)[1])
        else:
            code, printed = self._run(step)
            assert code == 0, f"line {step.line}: ended with {code}\n{step.text}\n{printed}"
            assert not (missing := self._missing(step, printed)), _not_shown(step, missing, printed)

    def _save(self, step: Step, name: str, command: str) -> None:
        """Save a block in the folder that a command prints."""
        printed = subprocess.check_output(["bash", "-c", command], env=self._environment, text=True)
        folder = Path(printed.strip())
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(self._entered(step.text), encoding="utf-8")

    def _start(self, step: Step) -> None:
        """Leave a block running, and wait until it has printed what the page shows."""
        name = f"line-{step.line}"
        self._terminals.start(name, _shell(self._entered(step.text)), self._environment)
        log = self._terminals.log(name)
        self._wait_until_shown(step, lambda: log.read_text(encoding="utf-8", errors="replace"))

    def _wait_until_shown(self, step: Step, look: Callable[[], str]) -> None:
        end = time.monotonic() + SECONDS_FOR_A_STEP
        while missing := self._missing(step, printed := look()):
            self._terminals.require_running()
            assert time.monotonic() < end, _not_shown(step, missing, printed)
            time.sleep(0.5)

    def _run(self, step: Step) -> tuple[int, str]:
        """Run a block in a terminal of its own, and return its exit code and all that it has printed."""
        completed = subprocess.run(
            _shell(self._entered(step.text)),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS_FOR_A_STEP,
            check=False,
        )
        return completed.returncode, completed.stdout

    def _missing(self, step: Step, printed: str) -> list[str]:
        return list(not_printed((self._entered(line) for line in step.shown), printed))

    def _entered(self, text: str) -> str:
        for there, here in self._instead.items():
            text = text.replace(there, here)
        return text


def _shell(text: str) -> list[str]:
    return ["bash", "-euo", "pipefail", "-c", text]


def _not_shown(step: Step, missing: list[str], printed: str) -> str:
    return f"line {step.line}: not printed: {missing}\n{step.text}\n{printed[-8_000:]}"
