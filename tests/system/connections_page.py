"""The connections page of Airflow's UI, used like a person uses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, expect, sync_playwright

_MILLISECONDS_TO_ANSWER = 30_000
_SWITCHES = (
    "--no-sandbox",  # as root, it does not start with a sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@contextmanager
def browser_page(chromium: str) -> Iterator[Page]:
    """Run a headless Chromium with a new profile that can only reach this machine, and yield an empty page."""
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=_SWITCHES) as browser,
    ):
        page = browser.new_page(locale="en-GB", viewport={"width": 1280, "height": 2400})
        page.set_default_timeout(_MILLISECONDS_TO_ANSWER)
        yield page


class ConnectionsPage:
    """Admin -> Connections, with its form.

    :param page: a browser page.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._form = page.get_by_role("dialog")

    def open(self, url: str, user: str, password: str) -> None:
        """Log in to Airflow, and open the page through the menu."""
        self._page.goto(url)
        self._page.get_by_label("Username").fill(user)
        self._page.get_by_role("textbox", name="Password").fill(password)
        self._page.get_by_role("button", name="Sign in").click()
        self._page.get_by_role("button", name="Admin").click()
        self._page.get_by_role("menuitem", name="Connections").click()

    def begin(self, connection_id: str) -> None:
        """Open the form for a new connection of type RCS."""
        self._page.get_by_role("button", name="Add Connection").click()
        self._form.get_by_role("textbox", name="Connection ID").fill(connection_id)
        self._form.get_by_role("combobox", name="Connection Type").fill("RCS")
        self._page.get_by_role("option", name="RCS", exact=True).click()

    def expand(self, section: str) -> None:
        """Expand a section of the form, which collapses the others."""
        self._form.get_by_role("button", name=section, exact=True).click()
        # They collapse slowly, and move what is below them.
        expect(self._form.get_by_role("region")).to_have_count(1, timeout=_MILLISECONDS_TO_ANSWER)

    def fill(self, fields: Mapping[str, str]) -> None:
        """Fill in fields by their labels."""
        for label, value in fields.items():
            self._input(label).fill(value)

    def input_type(self, label: str) -> str | None:
        return self._input(label).get_attribute("type")

    def labels(self) -> list[str]:
        """Return the labels of the expanded section, in their order."""
        self._form.get_by_role("region").locator("label:visible").first.wait_for()
        return [text.strip() for text in self._form.get_by_role("region").locator("label:visible").all_inner_texts()]

    def help_of(self, label: str) -> str:
        """Return the help text of a field."""
        return self._field(label).locator("[data-part=helper-text]").inner_text()

    def save(self) -> None:
        self._form.get_by_role("button", name="Save").click()
        self._form.wait_for(state="hidden")
        # The notification would cover the button of the next form, and stays for as long as the mouse points at it.
        self._page.mouse.move(0, 0)
        notifications = self._page.locator("[data-scope=toast][data-part=root]")
        expect(notifications).to_have_count(0, timeout=_MILLISECONDS_TO_ANSWER)

    def cancel(self) -> None:
        self._form.get_by_role("button", name="Close").click()
        self._form.wait_for(state="hidden")

    def save_again(self, connection_id: str) -> None:
        """Open a connection for editing, and save it without changes."""
        self._row(connection_id).get_by_role("button", name="Edit Connection").click()
        self.save()

    def sections(self) -> list[str]:
        """Return the titles of the form's sections, in their order."""
        titles = self._form.locator("[data-part=item-trigger]")
        titles.first.wait_for()
        return [text.strip() for text in titles.all_inner_texts()]

    def add(self, connection_id: str, fields: Mapping[str, str], extra_fields: Mapping[str, Mapping[str, str]]) -> None:
        """Add a connection.

        :param extra_fields: section -> label -> value.
        """
        self.begin(connection_id)
        self.fill(fields)
        for section, values in extra_fields.items():
            self.expand(section)
            self.fill(values)
        self.save()

    def test(self, connection_id: str, outcome: str) -> str:
        """Press "Test Connection", and return the text of the notification of this outcome."""
        self._row(connection_id).get_by_role("button", name="Test Connection").click()
        return self._page.get_by_role("status", name=f"Test Connection {outcome}").inner_text()

    def _row(self, connection_id: str) -> Locator:
        cell = self._page.get_by_role("cell", name=connection_id, exact=True)
        return self._page.get_by_role("row").filter(has=cell)

    def _field(self, label: str) -> Locator:
        return self._form.get_by_role("group").filter(has=self._page.get_by_text(label, exact=True))

    def _input(self, label: str) -> Locator:
        field = self._field(label)
        return field.get_by_role("textbox").or_(field.get_by_role("spinbutton"))
