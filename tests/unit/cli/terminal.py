"""A pseudo-terminal on which a test runs a program."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from types import TracebackType
from typing import Self

_BYTES = 65_536
_OF_THE_TESTS_OWN_TERMINAL = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


class Terminal:
    """Runs Python on a terminal of its own, as a context manager.

    :param program: the source.
    :param arguments: the command line.
    :param columns: the terminal's width.
    :param is_piped: whether standard output is a pipe, and no terminal.
    """

    def __init__(self, program: str, *arguments: str, columns: int = 80, is_piped: bool = False) -> None:
        self._controller, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (24, columns))
        inherited = {name: value for name, value in os.environ.items() if name not in _OF_THE_TESTS_OWN_TERMINAL}
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdin=terminal,
            stdout=subprocess.PIPE if is_piped else terminal,
            stderr=terminal,
            env={**inherited, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        )
        os.close(terminal)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._controller)

    def show_until(self, text: str) -> None:
        """Wait until the program has shown a text."""
        while text not in self.shown:
            shown = self._read()
            assert shown, self.shown
            self.shown += shown

    def type(self, text: str) -> None:
        """Type a text."""
        os.write(self._controller, text.encode())

    def show_all(self) -> str:
        """Wait until the program ends, and return all that the terminal was sent."""
        while shown := self._read():
            self.shown += shown
        return self.shown

    def _read(self) -> str:
        try:
            return os.read(self._controller, _BYTES).decode(errors="replace").replace("\r\n", "\n")
        except OSError:
            # Linux says so when the last process of the terminal has ended.
            return ""
