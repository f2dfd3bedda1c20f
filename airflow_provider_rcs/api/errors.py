"""The errors of the provider, named for what the caller can do about them."""

from __future__ import annotations

from typing import ClassVar


class RcsError(Exception):
    """Root of every error of this provider.

    ``nothing_sent`` says that the call in question certainly messaged nobody; ``retry_may_help`` that the same call
    can succeed later without anyone changing anything. Decisions are taken on these two, never on texts.
    """

    nothing_sent: ClassVar[bool] = True
    retry_may_help: ClassVar[bool] = False


class RcsInputError(RcsError, ValueError):
    """Something given to the provider cannot be used.

    :param field: the argument, column or connection field that is wrong.
    :param problem: what is wrong with it; phones in it are masked by the caller.
    :param remedy: what to do.
    """

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}")
        self.field = field


class RcsStoreError(RcsError):
    """The store is missing, of a kind that cannot be used, or not at the version of this provider."""


class RcsStoreUnavailable(RcsStoreError):  # noqa: N818 - the name is public surface
    """The store's database failed or cannot be reached; what was committed is safe."""

    nothing_sent = False
    retry_may_help = True


class RcsCampaignConflictError(RcsError):
    """The campaign was begun with a template, agent or date that differs from what is asked for now."""


class RcsInvalidRecipientsError(RcsError):
    """Recipients cannot be sent to, and ``on_invalid="fail"`` asked for all of them or none."""


class RcsInDoubtError(RcsError):
    """Messages are in doubt: whether the service accepted them is not known, so they are not sent again."""

    nothing_sent = False
    retry_may_help = True


class RcsFencedError(RcsError):
    """This attempt lost its lease, and another one may have taken its recipients over."""

    nothing_sent = False
    retry_may_help = True


class RcsRefusedError(RcsError):
    """The service definitely refused the call: nobody was messaged by it."""


class RcsAuthError(RcsRefusedError):
    """Wrong API User or API Token (HTTP 401, 403 or ``Res`` -1). Never tried again: it can block the account."""


class RcsCreditError(RcsRefusedError):
    """Not enough credit on the account (``Res`` -2)."""


class RcsParameterError(RcsRefusedError):
    """The service found a parameter wrong (``Res`` -3, with its own words) or knows no such address (HTTP 404)."""


class RcsNothingDoneError(RcsRefusedError):
    """The service did nothing (``Res`` 0; that it means nothing was sent is assumed)."""


class RcsRateLimited(RcsRefusedError):  # noqa: N818 - the name is public surface
    """Too many requests (HTTP 429).

    :param message: what was refused.
    :param retry_after: seconds that the service asks to wait, where it said so.
    """

    retry_may_help = True

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RcsUnavailable(RcsRefusedError):  # noqa: N818 - the name is public surface
    """The service could not be reached, or answered a look-up with nothing that can be read."""

    retry_may_help = True


class RcsOutcomeUnknown(RcsError):  # noqa: N818 - the name is public surface
    """A send left and no readable reply came back: whether anyone was messaged is not known."""

    nothing_sent = False


class RcsNoReportsError(RcsError):
    """Messages were accepted long enough ago, and not one delivery report on them has come."""


class RcsReportError(RcsError, ValueError):
    """What was pushed as a delivery report cannot be understood."""
