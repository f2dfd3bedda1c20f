"""The line in which our servers print the URL that they listen on."""

from __future__ import annotations

import os
import selectors
import subprocess

_SECONDS_TO_START = 60
_SECONDS_TO_STOP = 60


def url_of(process: subprocess.Popen[bytes], name: str) -> str:
    """Wait for the line ``NAME ready on URL``, and return the URL; errors are on the process's error output."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(_SECONDS_TO_START):
            process.kill()
            process.wait(_SECONDS_TO_STOP)
            raise TimeoutError(f"the {name} does not listen after {_SECONDS_TO_START} s")
    line = os.read(process.stdout.fileno(), 200).decode()
    beginning = f"{name} ready on "
    if not line.startswith(beginning):
        process.stdout.close()
        raise RuntimeError(f"the {name} ended with code {process.wait(_SECONDS_TO_STOP)} instead of starting")
    return line.removeprefix(beginning).strip()
