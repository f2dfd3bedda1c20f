"""Checks of the spool's folder: that reports can be written there, have room, and outlive the process."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_rcs.doctor.findings import Finding, Level

if TYPE_CHECKING:
    import sqlalchemy as sa

_WHAT = "spool"
_MOUNTS = Path("/proc/mounts")
# In memory, and the upper layer of a container, which goes with it.
_VOLATILE = ("tmpfs", "ramfs", "overlay")


def check_spool(get_store: Callable[[], sa.Engine]) -> Iterator[Finding]:
    """Check the spool that this machine's settings name, for Airflow's API server or a receiver that runs by itself.

    :param get_store: returns the store, after which the default folder of a receiver is named.
    :raises RcsInputError: if its settings cannot be used.
    """
    from airflow_provider_rcs.receiver import config

    if os.environ.get(config.SPOOL):
        spool = config.spool_from_environment(os.environ, get_store().url)
    elif (in_airflow := config.spool_from_airflow()) is not None:
        spool = in_airflow
    else:
        text = (
            "none is set here: while the store is away, Airflow's API server answers reports 503. Set [rcs] "
            "reports_spool to a folder on a disk that outlives it. A receiver that runs by itself has one in "
            "AIRFLOW_HOME."
        )
        yield Finding(Level.WARNING, _WHAT, text)
        return
    yield from check_folder(spool.folder, spool.max_bytes)


def check_folder(folder: Path, max_bytes: int) -> Iterator[Finding]:
    """Check a spool's folder: its rights, its volume and its room.

    :param max_bytes: how much the spool may hold.
    """
    # Not by the path's own method, which raises an error below a folder that cannot be entered.
    existing = next(each for each in (folder, *folder.parents) if os.path.exists(each))  # noqa: PTH110
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        problem = "is no folder" if not existing.is_dir() else "cannot be written by this user"
        text = f"{existing} {problem}, so that reports are answered 503 while the store is away. Correct it."
        yield Finding(Level.FAILED, _WHAT, text)
        return
    if existing == folder and stat.S_IMODE(folder.stat().st_mode) & stat.S_IROTH:
        text = f"any user of this machine can read {folder}, which holds phones. Close it with: chmod 700 {folder}"
        yield Finding(Level.WARNING, _WHAT, text)
    kind = _file_system(existing)
    if kind in _VOLATILE:
        text = f"{folder} is on {kind}, which a restart may empty: its reports would be lost. Use a persistent volume."
        yield Finding(Level.WARNING, _WHAT, text)
    free = shutil.disk_usage(existing).free
    if free < max_bytes:
        text = f"its volume has {_megabytes(free)} MB left, but it may grow to {_megabytes(max_bytes)} MB. Make room."
        yield Finding(Level.WARNING, _WHAT, text)
    else:
        yield Finding(Level.OK, _WHAT, f"{folder} can be written, and has room for {_megabytes(max_bytes)} MB")


def _file_system(folder: Path) -> str:
    """Return the kind of the file system that a folder is on; empty where the machine does not say."""
    try:
        mounts = [line.split() for line in _MOUNTS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ""
    path = folder.resolve()
    # Of two mounted at the same place, the later one is seen.
    kinds = {Path(mount[1]): mount[2] for mount in mounts if len(mount) > 2}
    return next((kinds[each] for each in (path, *path.parents) if each in kinds), "")


def _megabytes(size: int) -> str:
    return f"{size // (1024 * 1024):,}"
