"""The progress of a send where a person watches it: a bar in a terminal or a notebook; elsewhere, the log has it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from html import escape
from typing import Any
from uuid import uuid4

from airflow_provider_rcs.sending.progress import Progress, ShowProgress

_Draw = Callable[[Progress, int], None]

_SECONDS_BETWEEN_DRAWINGS = 0.2


@contextmanager
def shown_progress(campaign: str) -> Iterator[ShowProgress | None]:
    """Show the progress of a send during a block; yield ``None`` if nobody watches, so that the log shows it.

    :param campaign: the campaign's name.
    """
    kernel = _kernel_shell()
    with ExitStack() as stack:
        if kernel is not None:
            bar = _Throttled(_kernel_bar(kernel, campaign))
        elif sys.stderr is not None and sys.stderr.isatty():
            bar = _Throttled(stack.enter_context(_terminal_bar(campaign)))
        else:
            yield None
            return
        try:
            yield bar
        except BaseException:
            bar.draw_last(is_complete=False)
            raise
        bar.draw_last(is_complete=True)


class _Throttled:
    """Draws the progress now and then.

    :param draw: is given the progress, and how many of the messages the bar shows as done.
    """

    def __init__(self, draw: _Draw) -> None:
        self._draw = draw
        self._drawn_at = 0.0
        self._last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        self._last = progress
        if time.monotonic() >= self._drawn_at + _SECONDS_BETWEEN_DRAWINGS:
            self.draw_last(is_complete=False)

    def draw_last(self, *, is_complete: bool) -> None:
        """Draw the last progress, with a full bar if the send is complete: some were not to be sent."""
        self._drawn_at = time.monotonic()
        # A notebook that was closed, say, must not stop the send.
        with suppress(Exception):
            if self._last is not None:
                self._draw(self._last, self._last.to_send if is_complete else self._last.processed)


def _kernel_shell() -> Any:
    """Return the shell of the Jupyter kernel that this runs in, if it does."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell if getattr(shell, "kernel", None) is not None else None


def _kernel_bar(shell: Any, campaign: str) -> _Draw:
    """Return what draws a bar below the cell, which needs no widgets.

    ``rich`` would need ``ipywidgets`` in the kernel and its extension in the front end.
    """
    display_id = uuid4().hex
    is_drawn = False

    def draw(progress: Progress, done: int) -> None:
        nonlocal is_drawn
        text = f"Campaign {campaign}: {progress.describe()}"
        bar = f'<progress value="{done}" max="{progress.to_send}"></progress>'
        data = {"text/plain": text, "text/html": f"{bar} {escape(text)}"}
        shell.display_pub.publish(data, transient={"display_id": display_id}, update=is_drawn)
        is_drawn = True

    return draw


@contextmanager
def _terminal_bar(campaign: str) -> Iterator[_Draw]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"Campaign {campaign}", total=None)

        def draw(progress: Progress, done: int) -> None:
            text = f"Campaign {campaign}: {progress.describe()}"
            bar.update(task, description=text, total=progress.to_send, completed=done)

        yield draw
