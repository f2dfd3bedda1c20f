"""The web application of the pages: their paths, guards and headers, and what happens to errors."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import RedirectResponse, Response

from airflow_provider_rcs.api.errors import RcsError, RcsRefusedDataError
from airflow_provider_rcs.ui.access import MAY_ENTER, MAY_READ_RUNS, is_logged_out
from airflow_provider_rcs.ui.files import file_response
from airflow_provider_rcs.ui.pages import Pages, addresses_of, problem

log = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
_TITLES = {403: "Not allowed", 404: "Not found"}
_TEXTS = {
    403: "Your role in Airflow does not include this page. Ask an administrator for access to the DAG.",
    404: "There is no such page.",
}


def create_app(pages: Pages) -> FastAPI:
    """Return the application; it is mounted in Airflow's API server, whose log-in it uses."""
    app = FastAPI(dependencies=[MAY_ENTER], docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/", pages.campaigns, response_class=Response)
    app.add_api_route("/campaigns/{name:path}", pages.campaign, response_class=Response)
    app.add_api_route("/runs/{dag_id}/{run_id:path}", pages.run, response_class=Response, dependencies=[MAY_READ_RUNS])
    app.add_api_route("/status", pages.status, response_class=Response)
    app.add_api_route("/status", pages.check, methods=["POST"], response_class=Response)
    app.add_api_route("/assets/{name}", _asset, response_class=Response)
    app.middleware("http")(_with_headers)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    # PostgreSQL refuses a NUL, which no name in the store can have.
    app.add_exception_handler(RcsRefusedDataError, _not_understood)
    app.add_exception_handler(RcsError, _failed)
    return app


async def _asset(request: Request, name: str, v: str = "") -> Response:
    response = file_response(name, v, request.headers.get("if-none-match", ""))
    if response is None:
        raise HTTPException(404)
    return response


async def _with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers.update(_HEADERS)
    # What people may see changes, and so do the pages.
    response.headers.setdefault("cache-control", "private, no-store")
    return response


async def _refused(request: Request, error: Exception) -> Response:
    """Lead those who are not logged in to Airflow's log-in and back, and say to the others what they may not do."""
    if is_logged_out(error):
        query = f"?{request.url.query}" if request.url.query else ""
        # Not the URL's path: a percent sign of a campaign's name is not quoted in it.
        return RedirectResponse(addresses_of(request).log_in(quote(request.scope["path"]) + query), 303)
    status = error.status_code if isinstance(error, StarletteHTTPException) else 500
    title = _TITLES.get(status, "This did not work")
    return problem(request, status, title, _TEXTS.get(status, f"The request was answered {status}."))


async def _not_understood(request: Request, _error: Exception) -> Response:
    return problem(request, 422, "Not understood", "The address has a value that this page does not know.")


async def _failed(request: Request, error: Exception) -> Response:
    """Show an error of the store, whose text says what to do and holds nothing secret."""
    log.warning("The RCS page could not be shown: %s", error)
    return problem(request, 503, "The store cannot be read", str(error))
