"""The connections that are used where none is named; apart from the hooks, which take a DAG file long to import."""

from __future__ import annotations

DEFAULT_RCS_CONN_ID = "rcs_default"
DEFAULT_STORE_CONN_ID = "rcs_store"
