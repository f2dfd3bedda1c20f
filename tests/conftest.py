"""What every test gets: an Airflow home of the tests' own, and examples without a deadline."""

from __future__ import annotations

import os
import tempfile

from hypothesis import settings

# Before anything imports Airflow.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="rcs-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"

# A slow moment of the machine is no failure of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
