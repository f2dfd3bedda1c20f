"""Where Airflow's connections are looked up outside of a task."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# Airflow's own name: its command `connections` sets it as well.
_PROCESS_CONTEXT = "_AIRFLOW_PROCESS_CONTEXT"


@contextmanager
def connections_of_the_database() -> Iterator[None]:
    """Look Airflow's connections up as its own commands do: in its database as well, after all other places.

    Outside a task Airflow would look in secrets backends and the environment only. Inside one it keeps the task's way,
    whatever is set here.
    """
    given = os.environ.get(_PROCESS_CONTEXT)
    os.environ.setdefault(_PROCESS_CONTEXT, "server")
    try:
        yield
    finally:
        if given is None:
            os.environ.pop(_PROCESS_CONTEXT, None)
