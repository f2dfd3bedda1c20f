"""A browser that looks at the RCS page, beside and inside Airflow's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Frame, Page

from tests.system.connections_page import browser_page
from tests.system.page_airflow import PageSystem


@contextmanager
def visiting(system: PageSystem, chromium: str, path: str, user: str = "admin") -> Iterator[Page]:
    """Open a browser, and log in to a path of Airflow."""
    with browser_page(chromium) as page:
        page.set_viewport_size({"width": 1440, "height": 900})
        log_in(system, page, path, user)
        yield page


def log_in(system: PageSystem, page: Page, path: str, user: str) -> None:
    """Open a path, and log in where Airflow asks for it."""
    page.goto(f"{system.url}{path}")
    page.get_by_label("Username").fill(user)
    page.get_by_role("textbox", name="Password").fill(system.passwords[user])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def frame_of(page: Page) -> Frame:
    """Return the frame in which Airflow shows the RCS page, once it is drawn."""
    page.frame_locator("iframe").get_by_role("main").wait_for()
    return next(frame for frame in page.frames if frame.parent_frame and "/rcs/" in frame.url)


def choose_theme(page: Page, theme: str) -> None:
    """Choose light or dark, as Airflow's own menu stores it."""
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
