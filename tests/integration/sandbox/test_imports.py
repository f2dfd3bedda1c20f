"""The sandbox is written from the document alone, and starts light."""

from __future__ import annotations

import subprocess
import sys

PROBE = """
import sys
import airflow_provider_rcs.sandbox.__main__
own = {name for name in sys.modules if name.startswith("airflow_provider_rcs.")}
print(sorted(name for name in own if not name.startswith("airflow_provider_rcs.sandbox")))
print(sorted({"airflow", "pandas", "sqlalchemy", "requests", "fastapi"} & set(sys.modules)))
"""


def test_nothing_of_the_rest_of_the_package_is_imported_and_nothing_heavy() -> None:
    shown = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True).stdout

    assert shown.split() == ["[]", "[]"]
