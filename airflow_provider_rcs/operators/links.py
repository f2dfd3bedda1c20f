"""The link from a task to the page of its campaign, in Airflow's UI."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink, conf

from airflow_provider_rcs.api.errors import RcsError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

LINK_KEY = "rcs_campaign_link"


class OfCampaign(Protocol):
    """An operator whose tasks are about one campaign."""

    @property
    def linked_campaign(self) -> str:
        """The campaign's name, once the arguments are rendered; empty if the task has none."""


class RcsCampaignLink(BaseOperatorLink):
    """Leads from a task instance to the campaign that it sends, waits for or asks about."""

    name = "RCS campaign"

    @property
    def xcom_key(self) -> str:
        """The XCom in which Airflow looks for the link."""
        return LINK_KEY

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the link; Airflow calls this on the worker when the task has ended, and stores it again."""
        return _link_of(operator)


def show_link(operator: OfCampaign, context: Context) -> None:
    """Show the link from now on: while the task runs, and also if it fails."""
    push = getattr(context.get("ti"), "xcom_push", None)
    if push is not None and (link := _link_of(operator)):
        push(key=LINK_KEY, value=link)


def page_url(campaign: str) -> str:
    """Return the address of a campaign's page for a text: complete, if Airflow knows its own address.

    Without ``[api] base_url`` it is relative to Airflow's own, as which a browser takes it inside Airflow's UI.
    """
    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/{_page(campaign)}" if base else _page(campaign)


def _link_of(operator: OfCampaign) -> str:
    """Return the address of the campaign's page, relative to Airflow's own; empty, which hides the link, if none."""
    with suppress(RcsError):  # The argument cannot be used: the task itself says so.
        if name := operator.linked_campaign:
            return _page(name)
    return ""


def _page(campaign: str) -> str:
    return f"rcs/campaigns/{quote(campaign)}"
