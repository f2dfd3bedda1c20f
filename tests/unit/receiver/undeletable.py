"""Files that cannot be deleted, for as long as a context lasts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.needs import program


@contextmanager
def undeletable(file: Path) -> Iterator[None]:
    """Have the file system refuse to delete a file: by its folder's permissions or, for root, by its own flag."""
    if os.geteuid():
        file.parent.chmod(0o500)
        try:
            yield
        finally:
            file.parent.chmod(0o700)
        return
    chattr = program("chattr", "e2fsprogs")
    if subprocess.run([chattr, "+i", file], capture_output=True, check=False).returncode:
        pytest.skip("neither permissions nor flags keep root from deleting a file here")
    try:
        yield
    finally:
        subprocess.run([chattr, "-i", file], check=True)
