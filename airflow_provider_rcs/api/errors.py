"""The errors of the provider, named for what the caller can do about them."""

from __future__ import annotations

from typing import ClassVar


class RcsError(Exception):
    """Base class of all errors of this provider.

    Code decides by these attributes, which the class sets, never by the text:

    ``nothing_sent``: whether it is certain that the failed call messaged nobody.
    ``retry_may_help``: whether the same call may succeed later without anyone changing anything.
    ``remedy``: what a person can do about errors of the class. It is also in the error's text, which may be more exact.
    """

    nothing_sent: bool = True
    retry_may_help: bool = False
    remedy: ClassVar[str] = "See the text of the error."


class RcsInputError(RcsError, ValueError):
    """An argument, a column or a field of a connection cannot be used.

    :param field: the argument, column or field.
    :param problem: what is wrong with it. The caller masks phones in it.
    :param remedy: what to do.
    """

    remedy = "Correct the field that the error names."

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}")
        self.field = field


class RcsEmptyListError(RcsInputError):
    """The list has no rows.

    :param problem: what is wrong.
    """

    remedy = (
        "Check the query or the upstream task. If the list may be empty, use on_empty='skip', which skips the task."
    )

    def __init__(self, problem: str = "the list is empty; nothing was sent") -> None:
        super().__init__("recipients", problem, self.remedy)


class RcsQueryError(RcsError):
    """A query of the recipients or of the excluded phones failed, for a reason that may pass."""

    retry_may_help = True
    remedy = "Retry when the database is back. If it keeps failing, check its connection in Airflow."


class RcsLandingError(RcsError):
    """Some files of reports could not be read, or not moved or deleted after their reports were committed."""

    retry_may_help = True
    remedy = "Check the permissions of the connection. The others are landed; landing a file again changes nothing."


class RcsStoreError(RcsError):
    """The store is missing, not of a supported kind, or not migrated to the version of this provider."""

    remedy = "Check the store's connection, and create or upgrade its tables: airflow-rcs migrate."


class RcsStoreUnavailable(RcsStoreError):  # noqa: N818 - the name is public surface
    """The store's database failed or cannot be reached. Everything committed is safe."""

    nothing_sent = False
    retry_may_help = True
    remedy = "Retry when the database is back."


class RcsRefusedDataError(RcsStoreError):
    """The database refused the data of a statement. It may accept the same statement with other data."""

    remedy = "Find the row that the database refuses; see the database's own log."


class RcsWarehouseError(RcsError):
    """The warehouse refused a statement, for example because its login lacks a right."""

    remedy = "Grant the login what the error names, or change the table back; see the database's own log."


class RcsWarehouseUnavailable(RcsWarehouseError):  # noqa: N818 - named like RcsStoreUnavailable
    """The warehouse failed or cannot be reached. What it committed is loaded."""

    retry_may_help = True
    remedy = "Retry when the database is back: the load continues after what it committed."


class RcsCampaignConflictError(RcsError):
    """The campaign was started with another template, agent, date or condition than is requested now."""

    remedy = "Use the values that it was started with, or give the campaign another name."


class RcsCancelledError(RcsError):
    """The campaign was cancelled: no more of its recipients are messaged."""

    remedy = "To send anyway, give the campaign another name."


class RcsPlanIncompleteError(RcsError):
    """A scheduled campaign is due, but the task that lists its recipients has not finished."""

    retry_may_help = True
    remedy = "Run the task that lists its recipients again, or cancel the campaign: airflow-rcs cancel."


class RcsDispatchError(RcsError):
    """Some of the campaigns that were due could not be sent, or only in part.

    :param message: the names of these campaigns, with the reason for each.
    :param retry_may_help: whether a retry may help at least one of them.
    """

    nothing_sent = False
    remedy = "See the reason for each campaign. The next dispatch tries them again; to stop that, cancel a campaign."

    def __init__(self, message: str, *, retry_may_help: bool = False) -> None:
        super().__init__(message)
        self.retry_may_help = retry_may_help


class RcsInvalidRecipientsError(RcsError):
    """The list has recipients who cannot be messaged, and ``on_invalid="fail"`` sends to all recipients or none."""

    remedy = "Correct the list, or use on_invalid='reject'."


class RcsPlanChangedError(RcsError):
    """The plan is not the approved one: the list, the template or another term has changed since the approval."""

    remedy = (
        "Start a new run of the DAG for the same campaign: it shows the new plan and asks for approval again. Without "
        "a DAG, look at a new preview, and give its plan_hash."
    )


class RcsInDoubtError(RcsError):
    """Messages are in doubt: the service may have accepted them, so they are not sent again."""

    nothing_sent = False
    retry_may_help = True
    remedy = "Retry when delivery reports have arrived, or resolve the messages by hand: airflow-rcs resolve."


class RcsStoppedError(RcsError):
    """The campaign stopped early because several replies in a row were lost. The rest of its list is still planned."""

    nothing_sent = False
    retry_may_help = True
    remedy = "Retry: it sends to the recipients that are still planned, and not to those in doubt."


class RcsTaskStoppedError(RcsError):
    """Airflow, or a person, stopped the task before it had sent to its whole list. The rest is planned again.

    :param campaign: the campaign's name.
    :param when: at which point it was stopped, and what came of it.
    """

    nothing_sent = False
    retry_may_help = True
    remedy = "Retry or clear the task to go on: it sends to the recipients that are still planned, and to no others."

    def __init__(self, campaign: str, when: str = "") -> None:
        super().__init__(
            f"campaign {campaign!r}: the task was stopped from outside (marked, cleared, timed out or shut down)"
            f"{when and ' '}{when}. {self.remedy}"
        )


class RcsFencedError(RcsError):
    """The attempt lost its lease, and another attempt may have taken over its recipients."""

    nothing_sent = False
    retry_may_help = True
    remedy = "Retry: it sends to the recipients that are still planned."


class RcsInFlightError(RcsError):
    """A person cannot be erased now, because a message to them is being sent."""

    retry_may_help = True
    remedy = "Retry when the task that sends has ended."


class RcsRefusedError(RcsError):
    """The service definitely refused the call.

    The call messaged nobody, unless ``nothing_sent`` of the error is false: then the reply refuses the request and yet
    says that some of it was sent.
    """


class RcsAuthError(RcsRefusedError):
    """The API User or the API Token is wrong.

    HTTP 401 or 403, a ``Res`` of -1, a reply that is just ``-1``, or a credit of -1 without a ``Res`` (public).

    Never retried, because the service may block an account after repeated failures (sure).
    """

    remedy = (
        "Check login and password of the connection. They are not used again, because repeated failures can block the "
        "account."
    )


class RcsCreditError(RcsRefusedError):
    """The account has too little credit (a ``Res`` of -2, public), or less than ``min_credits``."""

    remedy = "Add credit, then retry."


class RcsParameterError(RcsRefusedError):
    """A parameter is wrong, or the address of the call does not exist.

    A ``Res`` of -3, which comes with a description (sure), or another value below 0 (public); HTTP 404 (public).
    """

    remedy = (
        "Correct what the service names. RcsListTemplatesOperator and RcsGetTemplateOperator show the templates of the "
        "account."
    )


class RcsNothingDoneError(RcsRefusedError):
    """The service did nothing: a ``Res`` of 0, which is assumed to mean that no message was sent."""

    remedy = "Check in the service's panel whether the template and the agent are allowed to send."


class RcsRateLimited(RcsRefusedError):  # noqa: N818 - the name is public surface
    """The service received too many requests (HTTP 429, public).

    :param message: the call that was refused.
    :param retry_after: seconds that the service asks to wait, or ``None`` if it does not say.
    """

    retry_may_help = True
    remedy = "Retry later, with fewer requests at once (max_in_flight)."

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RcsUnavailable(RcsRefusedError):  # noqa: N818 - the name is public surface
    """The service cannot be reached, or its reply to a look-up cannot be read."""

    retry_may_help = True
    remedy = "Retry later. If it keeps failing, check host, proxies, verify and paths of the connection."


class RcsOutcomeUnknown(RcsError):  # noqa: N818 - the name is public surface
    """A send request left, but no readable reply came back: the service may have messaged its recipients or not."""

    nothing_sent = False
    remedy = "Do not send it again: delivery reports, or the service's panel, will show who was messaged."


class RcsNoReportsError(RcsError):
    """Messages were accepted, but no delivery report has arrived within ``no_reports_within``."""

    remedy = (
        "Check that the receiver is running and reachable, that the service's panel has its address, login and "
        "password, and that the campaign requests reports (request_reports)."
    )


class RcsTooManyFailuresError(RcsError):
    """More of the campaign's messages have failed than ``max_failure_rate`` or ``at_least`` allow."""

    remedy = (
        "Look up the status codes of the failed messages and correct their cause. To continue anyway, mark the task as "
        "success."
    )


class RcsReportError(RcsError, ValueError):
    """The body of a pushed delivery report cannot be understood."""

    remedy = "Look at the body in the store's table rcs_report_refused."
