"""The stages of a funnel for people: their shares, and what was lost between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
from airflow_provider_rcs.store.read.funnel import Funnel


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage that recipients get to.

    :param name: of the stage, for people.
    :param kind: of the stage, for the style sheet.
    :param share: of the recipients of the first stage.
    :param lost: why the others of the stage before are not here: reason -> recipients, without zeros.
    """

    name: str
    kind: str
    count: int
    share: float
    lost: Mapping[str, int]

    @property
    def width(self) -> str:
        """The width of its bar in percent; one that is not empty can be seen."""
        return f"{max(self.share * 100, 0.4 if self.count else 0):.2f}"


def stages_of(funnel: Funnel) -> Sequence[Stage]:
    """Return the stages of a funnel, each of which is a part of the one before."""
    states, statuses = funnel.states, funnel.statuses
    clicked = statuses[DeliveryStatus.CLICKED]
    read = statuses[DeliveryStatus.READ] + clicked
    counts = [
        ("Requested", "requested", funnel.requested, {}),
        (
            "Accepted by the service",
            "accepted",
            states[MessageState.ACCEPTED],
            {
                "rejected": states[MessageState.REJECTED],
                "suppressed": states[MessageState.SUPPRESSED],
                "duplicates": states[MessageState.DUPLICATE],
                "in doubt": states[MessageState.IN_DOUBT],
                "to send": states[MessageState.PLANNED] + states[MessageState.SENDING],
            },
        ),
        (
            "Delivered",
            "delivered",
            funnel.delivered,
            {
                "failed": statuses[DeliveryStatus.FAILED],
                "in flight": statuses[DeliveryStatus.SENT] + statuses[DeliveryStatus.DELAYED],
                "of unknown status": statuses[DeliveryStatus.UNKNOWN],
                "without a report": funnel.unreported,
            },
        ),
        ("Read", "read", read, {}),
    ]
    if clicked:
        counts.append(("Clicked", "clicked", clicked, {}))
    first = funnel.requested
    return [
        Stage(name, kind, count, count / first if first else 0.0, {why: lost for why, lost in losses.items() if lost})
        for name, kind, count, losses in counts
    ]
