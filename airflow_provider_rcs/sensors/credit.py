"""A sensor that waits for credit on the account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseSensorOperator, PokeReturnValue

from airflow_provider_rcs.api.accounts import format_credits, read_min_credits
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions
from airflow_provider_rcs.operators.rendering import RendersToText

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

SHORTEST_WAIT = timedelta(minutes=1)
_DEFAULT_WAIT = timedelta(minutes=5)


class RcsCreditSensor(RendersToText, BaseSensorOperator):
    """Wait until the account has enough credit; returns the credit left.

    The service blocks accounts that connect too often, so pokes are at least a minute apart, and wrong credentials fail
    the task at once, without retries.

    :param min_credits: how much credit to wait for. (templated)
    :param rcs_conn_id: the connection to the RCS API. (templated)
    :param poke_interval: seconds, or a timedelta, between two pokes: a minute or more.
    :raises RcsInputError: if two pokes could be less than a minute apart.
    """

    template_fields: Sequence[str] = ("min_credits", "rcs_conn_id")
    ui_color = "#f6ecd2"

    def __init__(
        self,
        *,
        min_credits: float | str,
        rcs_conn_id: str = DEFAULT_RCS_CONN_ID,
        poke_interval: timedelta | float = _DEFAULT_WAIT,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.min_credits = min_credits
        self.rcs_conn_id = rcs_conn_id
        self._require_waits()

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002
        """Look up the credit left, and return whether it is enough."""
        from airflow_provider_rcs.hooks.rcs import RcsHook

        with airflow_exceptions():
            wanted = read_min_credits(self.min_credits)
            left = RcsHook(self.rcs_conn_id).get_credits()
        self.log.info("The account has %s credits left; waiting for %s.", format_credits(left), format_credits(wanted))
        return PokeReturnValue(is_done=left >= wanted, xcom_value=left)

    def _require_waits(self) -> None:
        # With exponential_backoff, Airflow's first wait is between half and all of poke_interval.
        waits = {"poke_interval": timedelta(seconds=self.poke_interval) / (2 if self.exponential_backoff else 1)}
        if self.max_wait is not None:
            waits["max_wait"] = self.max_wait
        for argument, wait in waits.items():
            if wait < SHORTEST_WAIT:
                raise RcsInputError(
                    argument,
                    f"the sensor would poke again after {wait.total_seconds():g} seconds, and the service blocks "
                    "accounts that connect too often",
                    "Use 60 seconds or more; 120 or more with exponential_backoff.",
                )
