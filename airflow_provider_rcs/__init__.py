"""Apache Airflow provider for RCS (Rich Communication Services) messaging."""

from __future__ import annotations

__version__ = "0.1.0"
