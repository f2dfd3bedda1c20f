"""The pages: what each reads from the store, for one visitor, and shows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import Annotated, Any, Protocol

import sqlalchemy as sa
from fastapi import Query, Request
from starlette.responses import HTMLResponse

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.store.campaign.campaigns import require_campaign, resolve_command
from airflow_provider_rcs.store.outbox.resolutions import requests_in_doubt
from airflow_provider_rcs.store.read import attempts, campaign_list, failures
from airflow_provider_rcs.store.read.course import read_course
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel, read_funnels
from airflow_provider_rcs.store.read.funnel_stages import stages_of
from airflow_provider_rcs.store.read.health import read_health
from airflow_provider_rcs.ui.access import MayTrigger, SightOfVisitor
from airflow_provider_rcs.ui.addresses import Addresses
from airflow_provider_rcs.ui.approvals import WaitingCampaign
from airflow_provider_rcs.ui.rendering import render

log = logging.getLogger(__name__)

MOST_REQUESTS_IN_DOUBT = 20
MOST_WAITING = 20
MOST_OF_RUN = 24
MOST_SIBLINGS = 12
MAINTENANCE_DAG = "rcs_maintenance"
"""The example DAG that does by a form what ``airflow-rcs`` does."""

# More pages than a store has campaigns; a number of a page beyond what SQL can count is no page.
_LAST_PAGE = 1_000_000


class SpoolShown(Protocol):
    """What is shown of the spool: how many requests wait in it, and since when."""

    @property
    def entries(self) -> int: ...
    @property
    def oldest(self) -> datetime | None: ...
    @property
    def has_room(self) -> bool: ...


class FindingShown(Protocol):
    """What is shown of a finding of the checks of the setup."""

    @property
    def level(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Pages:
    """The pages, each of which is a function of a request and of what its visitor may see.

    :param get_engine: returns the store's engine.
    :param read_spool: returns the spool's state, or ``None`` if there is no spool.
    :param check_setup: runs the checks of the setup, which may take a while.
    :param read_waiting: returns the campaigns of some DAGs, or of all, that wait for approval.
    """

    get_engine: Callable[[], sa.Engine]
    read_spool: Callable[[], SpoolShown | None]
    check_setup: Callable[[], Iterable[FindingShown]]
    read_waiting: Callable[[campaign_list.DagIds], Sequence[WaitingCampaign]]
    _checking: Lock = field(default_factory=Lock)

    def campaigns(
        self,
        request: Request,
        sight: SightOfVisitor,
        search: Annotated[str, Query(max_length=500)] = "",
        page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
    ) -> HTMLResponse:
        """Return the list of campaigns."""
        listed = campaign_list.read_page(self.get_engine(), sight.dag_ids, _now(), search=search, number=page)
        waiting = self.read_waiting(sight.dag_ids) if page == 1 else []
        found = [each for each in waiting if search.strip().casefold() in each.name.casefold()]
        return _html(
            request,
            "campaigns.html",
            page=listed,
            search=search,
            waiting=found[:MOST_WAITING],
            more_waiting=len(found[MOST_WAITING:]),
        )

    def campaign(self, request: Request, sight: SightOfVisitor, may_trigger: MayTrigger, name: str) -> HTMLResponse:
        """Return a campaign, or that there is none of this name that the visitor may see."""
        engine = self.get_engine()
        summary = campaign_list.read_summary(engine, name, sight.dag_ids, _now())
        funnel = read_funnel(engine, name) if summary else None
        if summary is None or funnel is None:
            return _html(request, "no_campaign.html", status_code=404, name=name)
        in_doubt = requests_in_doubt(engine, require_campaign(engine, name)) if summary.counts["in_doubt"] else []
        is_counted = funnel.requested <= failures.MOST_MESSAGES
        siblings = campaign_list.read_siblings(engine, summary.id, sight.dag_ids, _now(), MOST_SIBLINGS + 1)
        codes = failures.read_failure_codes(engine, summary.id) if is_counted and summary.counts["failed"] else {}
        return _html(
            request,
            "campaign.html",
            campaign=summary,
            funnel=funnel,
            stages=stages_of(funnel),
            reasons=_reasons_of(funnel),
            codes=codes,
            are_codes_counted=is_counted,
            course=read_course(engine, name),
            attempts=attempts.read_attempts(engine, summary.id, sight.dag_ids),
            siblings=siblings[:MOST_SIBLINGS],
            has_more_siblings=len(siblings) > MOST_SIBLINGS,
            in_doubt=in_doubt[:MOST_REQUESTS_IN_DOUBT],
            more_in_doubt=len(in_doubt[MOST_REQUESTS_IN_DOUBT:]),
            commands=[resolve_command(name, f'--as {each} --because "..."') for each in ("accepted", "not-sent")],
            maintenance_dag=MAINTENANCE_DAG if in_doubt and may_trigger(MAINTENANCE_DAG) else None,
        )

    def run(self, request: Request, sight: SightOfVisitor, dag_id: str, run_id: str) -> HTMLResponse:  # noqa: ARG002
        """Return the campaigns of a DAG run side by side; its guard has checked that the visitor may read the run."""
        engine = self.get_engine()
        campaigns = campaign_list.read_campaigns_of_run(engine, dag_id, run_id, _now(), MOST_OF_RUN + 1)
        funnels = read_funnels(engine, [each.name for each in campaigns])
        shown = [(each, stages_of(funnels[each.name])) for each in campaigns if each.name in funnels][-MOST_OF_RUN:]
        has_more = len(campaigns) > MOST_OF_RUN
        return _html(request, "run.html", campaigns=shown, has_more=has_more, dag_id=dag_id, run_id=run_id)

    def status(self, request: Request, sight: SightOfVisitor) -> HTMLResponse:
        """Return the health of the store and the receiver."""
        return self._status(request, sight, findings=None, is_busy=False)

    def check(self, request: Request, sight: SightOfVisitor) -> HTMLResponse:
        """Run the checks of the setup, one visitor at a time, and return the health with what they found."""
        if not sight.may_check_setup:
            return _html(request, "problem.html", status_code=403, title="Not allowed", text=_NOT_ALLOWED)
        if not self._checking.acquire(blocking=False):
            return self._status(request, sight, findings=None, is_busy=True)
        try:
            return self._status(request, sight, findings=list(self.check_setup()), is_busy=False)
        finally:
            self._checking.release()

    def _status(self, request: Request, sight: SightOfVisitor, **values: Any) -> HTMLResponse:
        health, store_problem = None, ""
        try:
            health = read_health(self.get_engine())
        except RcsError as error:
            # The spool fills while the store is away, and the checks may say why it is.
            log.warning("The health of the store could not be read: %s", error)
            store_problem = str(error)
        return _html(
            request,
            "status.html",
            status_code=200 if health else 503,
            health=health,
            store_problem=store_problem,
            spool=self.read_spool(),
            may_check_setup=sight.may_check_setup,
            **values,
        )


_NOT_ALLOWED = "Checking the setup is for people who may read Airflow's connections."


def problem(request: Request, status_code: int, title: str, text: str) -> HTMLResponse:
    """Return a page that says what is wrong."""
    return _html(request, "problem.html", status_code=status_code, title=title, text=text)


def addresses_of(request: Request) -> Addresses:
    """Return the addresses, as the visitor's browser needs them."""
    return Addresses(request.scope.get("root_path", "").removesuffix("/"))


def _html(request: Request, template: str, *, status_code: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(render(template, addresses_of(request), **values), status_code)


def _reasons_of(funnel: Funnel) -> list[tuple[str, str, int]]:
    """Return why recipients got no message: (state, reason, recipients), the most frequent first in each state."""
    return [
        (state.replace("_", " "), reason, count)
        for state, reasons in sorted(funnel.reasons.items())
        for reason, count in sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
        if count
    ]


_now = partial(datetime.now, UTC)
