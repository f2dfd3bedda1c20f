"""What is waited for in a campaign, and when waiting for it makes no sense any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsTooManyFailuresError

if TYPE_CHECKING:
    from typing import TypeGuard

    from airflow_provider_rcs.store.read.funnel import Funnel


def has_begun(funnel: Funnel | None) -> TypeGuard[Funnel]:
    """Return whether a campaign has recipients: before its list is recorded, all of none would have any status.

    :param funnel: of the campaign; ``None`` if the store does not know it.
    """
    return funnel is not None and funnel.requested > 0


@dataclass(frozen=True, slots=True)
class Target:
    """The share of a campaign's messages that a sensor waits for.

    :param until: ``"final"`` or ``"delivered"``.
    :param at_least: the share of the sendable recipients.
    :param max_failure_rate: the largest share of the messages that may fail; ``None`` for any.
    """

    campaign: str
    until: str
    at_least: float
    max_failure_rate: float | None = None

    def is_reached(self, funnel: Funnel) -> bool:
        """Return whether enough messages have the status.

        :raises RcsTooManyFailuresError: if more have failed than ``max_failure_rate`` allows, or so many that the share
            can no longer be reached.
        """
        from airflow_provider_rcs.store.read.funnel import require_failure_rate

        if self.max_failure_rate is not None:
            require_failure_rate(self.campaign, funnel, self.max_failure_rate)
        if funnel.reached(self.until) >= funnel.needed(self.at_least):
            return True
        # Of a message that another channel may still deliver, the status is not final once that channel reports.
        lost = funnel.final - funnel.delivered if self.until == "delivered" else 0
        if funnel.sendable - lost < funnel.needed(self.at_least):
            raise RcsTooManyFailuresError(
                f"campaign {self.campaign!r}: {lost} of its {funnel.sendable} messages have failed, and at_least="
                f"{self.at_least}, which needs {funnel.needed(self.at_least)} that are delivered, can no longer be "
                f"reached. {RcsTooManyFailuresError.remedy}"
            )
        return False

    def progress(self, funnel: Funnel) -> Mapping[str, Any]:
        """Return what is reached of what, as plain values."""
        return {
            "status": self.until,
            "messages": funnel.reached(self.until),
            "of": funnel.sendable,
            "needed": funnel.needed(self.at_least),
        }

    def describe(self, funnel: Funnel) -> str:
        """Return what is reached of what, as a text."""
        reached, of = funnel.reached(self.until), funnel.sendable
        share = f" ({reached / of:.1%})" if of else ""
        return (
            f"Campaign {self.campaign}: {reached:,} of {of:,} messages{share} are {self.until}; "
            f"at least {funnel.needed(self.at_least):,} are needed."
        )
