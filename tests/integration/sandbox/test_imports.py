"""The sandbox is independent of the rest of the package."""

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


def test_sandbox_loads_no_other_part_of_the_package_and_no_slow_library() -> None:
    shown = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True).stdout

    assert shown.split() == ["[]", "[]"]
