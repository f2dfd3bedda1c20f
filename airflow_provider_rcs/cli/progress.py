"""What a command is doing, on a terminal, if it takes more than two seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from threading import Lock, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

ShowLine = Callable[[str], None]

_SECONDS_BEFORE_IT_IS_SHOWN = 2.0


@contextmanager
def progress_of(work: str) -> Iterator[ShowLine]:
    """Show on a terminal that a command works, and for how long; yield what shows how far it is.

    The display is on standard error; where that is no terminal, a line is printed there each time. What the block
    prints goes to standard error, too: libraries such as Airflow print warnings, and programs read rows. Import Airflow
    in the block, because the library that logs for it remembers where standard output went by then.

    :param work: what the command is doing, such as ``"Pruning"``.
    """
    with redirect_stdout(sys.stderr):
        yield from _displayed(work)


def _displayed(work: str) -> Iterator[ShowLine]:
    if not sys.stderr.isatty():
        yield partial(print, file=sys.stderr, flush=True)
        return
    display = _Display(work)
    # Later, from a thread: most commands are done by then, and need not import rich.
    timer = Timer(_SECONDS_BEFORE_IT_IS_SHOWN, display.show)
    timer.daemon = True
    timer.start()
    try:
        yield display.describe
    finally:
        timer.cancel()
        display.end()


class _Display:
    """A line with what is done and how long it has taken, which is removed at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lock = Lock()
        self._progress: Progress | None = None
        self._has_ended = False

    def show(self) -> None:
        """Show the line from now on."""
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._has_ended:
                return
            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            # Standard output stays what it is: it may be a pipe.
            progress = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
            progress.add_task(self._text)
            progress.start()
            self._progress = progress

    def describe(self, text: str) -> None:
        """Show how far the work is."""
        with self._lock:
            self._text = text
            if self._progress is not None:
                self._progress.update(self._progress.task_ids[0], description=text)

    def end(self) -> None:
        """Remove the line."""
        with self._lock:
            self._has_ended = True
            if self._progress is not None:
                self._progress.stop()
