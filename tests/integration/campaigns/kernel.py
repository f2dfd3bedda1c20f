"""A real Jupyter kernel, which runs cells as a notebook does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

_SECONDS_TO_WAIT = 120
_OUTPUTS = ("stream", "display_data", "update_display_data", "execute_result", "error")


@dataclass
class CellOutput:
    """What a cell shows: (kind of output, its text) in their order, and the HTML of displays."""

    shown: list[tuple[str, str]] = field(default_factory=list)
    html: list[str] = field(default_factory=list)

    def of_kind(self, *kinds: str) -> list[str]:
        return [text for kind, text in self.shown if kind in kinds]

    @property
    def result(self) -> str:
        assert not self.of_kind("error"), self.of_kind("error")
        return self.of_kind("execute_result")[-1]


class Kernel:
    """A kernel and its client."""

    def __init__(self, manager: Any, client: Any) -> None:
        self._manager = manager
        self._client = client

    def run(self, cell: str, interrupt_when: Callable[[str], bool] = lambda _: False) -> CellOutput:
        """Run a cell to its end, and return what it shows.

        :param interrupt_when: is given the kind of each output; the kernel is interrupted the first time it is true.
        """
        output, is_interrupted = CellOutput(), False
        asked = self._client.execute(cell)
        deadline = time.monotonic() + _SECONDS_TO_WAIT
        while True:
            message = self._client.get_iopub_msg(timeout=deadline - time.monotonic())
            # Front ends drop what is not of the cell that runs.
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return output
            if kind in _OUTPUTS:
                output.shown.append((kind, _text(content)))
                output.html += [content["data"]["text/html"]] if "text/html" in content.get("data", {}) else []
                if not is_interrupted and interrupt_when(kind):
                    is_interrupted = True
                    self._manager.interrupt_kernel()


@contextmanager
def running_kernel(folder: Path, environment: Mapping[str, str]) -> Iterator[Kernel]:
    """Start a kernel with variables added to its environment.

    :param folder: where Jupyter and IPython may write.
    """
    env = {**os.environ, "JUPYTER_RUNTIME_DIR": str(folder), "IPYTHONDIR": str(folder), **environment}
    manager, client = start_new_kernel(kernel_name="python3", env=env)
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _text(content: Mapping[str, Any]) -> str:
    if "traceback" in content:
        return "\n".join([content["ename"], *content["traceback"]])
    return str(content["text"] if "text" in content else content["data"]["text/plain"])
