"""The errors of the provider, named for what the caller can do about them."""

from __future__ import annotations

from typing import ClassVar


class RcsError(Exception):
    """Root of every error of this provider.

    ``nothing_sent`` says that the call in question certainly messaged nobody; ``retry_may_help`` that the same call
    can succeed later without anyone changing anything. Decisions are taken on these two, never on texts. ``remedy`` is
    what a person can do about errors of the class; the text of one says it too, and may know more.
    """

    nothing_sent: ClassVar[bool] = True
    retry_may_help: bool = False
    remedy: ClassVar[str] = "See what its text says."


class RcsInputError(RcsError, ValueError):
    """Something given to the provider cannot be used.

    :param field: the argument, column or connection field that is wrong.
    :param problem: what is wrong with it; phones in it are masked by the caller.
    :param remedy: what to do.
    """

    remedy = "Put the field right that it names."

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}")
        self.field = field


class RcsStoreError(RcsError):
    """The store is missing, of a kind that cannot be used, or not at the version of this provider."""

    remedy = "Put the store's connection right, and make its tables: airflow-rcs migrate."


class RcsStoreUnavailable(RcsStoreError):  # noqa: N818 - the name is public surface
    """The store's database failed or cannot be reached; what was committed is safe."""

    nothing_sent = False
    retry_may_help = True
    remedy = "Run it again when the database is back."


class RcsCampaignConflictError(RcsError):
    """The campaign was begun with a template, agent or date that differs from what is asked for now."""

    remedy = "Keep it as it was, or give the campaign another name."


class RcsCancelledError(RcsError):
    """The campaign was cancelled by a person; nobody is sent to any more."""

    remedy = "To send after all, give the campaign another name."


class RcsPlanIncompleteError(RcsError):
    """A scheduled campaign is due, and the task that lists its recipients has not come to its end."""

    retry_may_help = True
    remedy = "Run the task again that lists its recipients, or cancel the campaign: airflow-rcs cancel."


class RcsDispatchError(RcsError):
    """Scheduled campaigns that are due were not sent, or not wholly; the others were.

    :param message: which ones, and why each.
    :param retry_may_help: whether it may help one of them.
    """

    nothing_sent = False
    remedy = "See what it says of each campaign. A later dispatch tries them again; a campaign can be cancelled."

    def __init__(self, message: str, *, retry_may_help: bool = False) -> None:
        super().__init__(message)
        self.retry_may_help = retry_may_help


class RcsInvalidRecipientsError(RcsError):
    """Recipients cannot be sent to, and ``on_invalid="fail"`` asked for all of them or none."""

    remedy = "Put the list right, or use on_invalid='reject'."


class RcsPlanChangedError(RcsError):
    """The plan is not the one that was approved: the list, the template or another term has changed since."""

    remedy = "Start a new run of the DAG for the same campaign: it shows the new plan, and has it approved anew."


class RcsInDoubtError(RcsError):
    """Messages are in doubt: whether the service accepted them is not known, so they are not sent again."""

    nothing_sent = False
    retry_may_help = True
    remedy = "Run it again when delivery reports have come, or settle them by hand: airflow-rcs resolve."


class RcsStoppedError(RcsError):
    """A campaign stopped on the way because replies were lost one after another; the rest of its list is planned."""

    nothing_sent = False
    retry_may_help = True
    remedy = "Run it again: it sends to those who are planned still, and not to those who are in doubt."


class RcsFencedError(RcsError):
    """This attempt lost its lease, and another one may have taken its recipients over."""

    nothing_sent = False
    retry_may_help = True
    remedy = "Run it again: it sends to those who are planned still."


class RcsInFlightError(RcsError):
    """A person cannot be erased at this moment, because a message to them is being sent."""

    retry_may_help = True
    remedy = "Run it again when the task that sends has ended."


class RcsRefusedError(RcsError):
    """The service definitely refused the call: nobody was messaged by it."""


class RcsAuthError(RcsRefusedError):
    """Wrong API User or API Token (HTTP 401, 403 or ``Res`` -1). Never tried again: it can block the account."""

    remedy = "Check login and password of the connection; they are not tried again, because that can block the account."


class RcsCreditError(RcsRefusedError):
    """Not enough credit on the account (``Res`` -2), or less than was asked for with ``min_credits``."""

    remedy = "Add credit, then run it again."


class RcsParameterError(RcsRefusedError):
    """The service found a parameter wrong (``Res`` -3, with its own words) or knows no such address (HTTP 404)."""

    remedy = (
        "Put right what the service names; RcsListTemplatesOperator and RcsGetTemplateOperator show the templates that "
        "it has."
    )


class RcsNothingDoneError(RcsRefusedError):
    """The service did nothing (``Res`` 0; that it means nothing was sent is assumed)."""

    remedy = "Look in the service's panel whether the template and the agent may be sent with."


class RcsRateLimited(RcsRefusedError):  # noqa: N818 - the name is public surface
    """Too many requests (HTTP 429).

    :param message: what was refused.
    :param retry_after: seconds that the service asks to wait, where it said so.
    """

    retry_may_help = True
    remedy = "Run it again later, with fewer requests at once (max_in_flight)."

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RcsUnavailable(RcsRefusedError):  # noqa: N818 - the name is public surface
    """The service could not be reached, or answered a look-up with nothing that can be read."""

    retry_may_help = True
    remedy = "Run it again later; if it stays so, check host, proxies, verify and paths of the connection."


class RcsOutcomeUnknown(RcsError):  # noqa: N818 - the name is public surface
    """A send left and no readable reply came back: whether anyone was messaged is not known."""

    nothing_sent = False
    remedy = "Do not send it again: delivery reports will show who was messaged, or the service's panel."


class RcsNoReportsError(RcsError):
    """Messages were accepted long enough ago, and not one delivery report on them has come."""

    remedy = (
        "Check whether the receiver is running and reachable, whether the service's panel has its address, login and "
        "password, and whether reports were asked for."
    )


class RcsTooManyFailuresError(RcsError):
    """More of a campaign's messages have failed than ``max_failure_rate`` allows."""

    remedy = (
        "Look at the codes of the failed messages and put right what they name. Mark the task as success to go on all "
        "the same."
    )


class RcsReportError(RcsError, ValueError):
    """What was pushed as a delivery report cannot be understood."""

    remedy = "Look at what was pushed, in the store's table rcs_report_refused."
