"""What Airflow's configuration says about the receiver, and Airflow's own counters."""

from __future__ import annotations

import os
from datetime import tzinfo
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE, read_timezone
from airflow_provider_rcs.receiver.addresses import TrustedProxies
from airflow_provider_rcs.receiver.config import default_spools
from airflow_provider_rcs.receiver.spool import DEFAULT_MEGABYTES, Spool


def reports_spool(store_conn_id: str) -> Spool:
    """Return the spool of ``[rcs] reports_spool``; by default a folder in Airflow's home, named for the connection.

    :param store_conn_id: the connection of the store that it is for.
    """
    from airflow.providers.common.compat.sdk import conf

    given = conf.get("rcs", "reports_spool", fallback="")
    megabytes = conf.getint("rcs", "reports_spool_megabytes", fallback=DEFAULT_MEGABYTES)
    return Spool(Path(given) if given else default_spools(os.environ) / store_conn_id, megabytes)


def trusted_proxies() -> TrustedProxies:
    """Return the proxies of ``[rcs] trusted_proxies``; by default none.

    :raises RcsInputError: if one of them is not an address or a network.
    """
    from airflow.providers.common.compat.sdk import conf

    return TrustedProxies.of(conf.get("rcs", "trusted_proxies", fallback=""), where="[rcs] trusted_proxies")


def reports_timezone() -> tzinfo:
    """Return whose clock the reports' dates are by: that of ``[rcs] reports_timezone``, by default Spain's (assumed).

    :raises RcsInputError: if there is no such time zone.
    """
    from airflow.providers.common.compat.sdk import conf

    name = conf.get("rcs", "reports_timezone", fallback="") or SERVICE_TIMEZONE.key
    return read_timezone(name, "[rcs] reports_timezone")


class AirflowCounters:
    """Counts where Airflow's API server counts."""

    def __init__(self) -> None:
        # Not the one of the SDK, which common.compat gives: the API server starts that of Airflow's core alone.
        try:
            module = import_module("airflow.observability.stats")
        except ImportError:  # before Airflow 3.2
            module = import_module("airflow.stats")
        self._stats: Any = module.Stats

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        self._stats.incr(name, number)

    def took(self, name: str, seconds: float) -> None:
        """Note how long something took."""
        self._stats.timing(name, seconds * 1000)
