"""A new connection, defined in the form of a real Airflow UI by a browser, and what is sent through it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_provider_rcs.get_provider_info import get_provider_info
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from examples.demo.home import Home
from tests import needs
from tests.running_airflow import RunningAirflow, running_airflow
from tests.sandbox_process import SandboxProcess
from tests.system.connections_page import ConnectionsPage, browser_page

DAGS = Path(__file__).parent / "dags"
AGENT = "spring-agent"
PEOPLE = [("34600000001", "Pedro Pérez"), ("34600000002", "Ana González"), ("34600000003", "Núria Puig")]
API_DETAILS = "API details (all optional)"
EXTRA_FIELDS = {
    "Extra Fields": {"RCS agent": AGENT, "Recipients per request": "2"},
    API_DETAILS: {"Status codes": '{"20": "read"}'},
}


@dataclass(frozen=True)
class FormSystem:
    """A running Airflow, its connections page in a browser, and a sandbox to connect to."""

    airflow: RunningAirflow
    page: ConnectionsPage
    sandbox: SandboxProcess

    @property
    def account(self) -> dict[str, str]:
        """What a user knows about the account, by the labels of the form."""
        return {"Base URL": self.sandbox.url, "API User": self.sandbox.login, "API Token": self.sandbox.password}

    def stored(self, connection_id: str) -> dict[str, Any]:
        """Return a connection from Airflow's database, decrypted, with the extras that are set."""
        query = "SELECT conn_type, host, port, login, schema, description, password, extra FROM connection"
        with closing(sqlite3.connect(self.airflow.home.folder / "airflow.db")) as connection:
            connection.row_factory = sqlite3.Row
            row = dict(connection.execute(f"{query} WHERE conn_id = ?", (connection_id,)).fetchone())
        fernet = Fernet(self.airflow.environment["AIRFLOW__CORE__FERNET_KEY"])
        extras = json.loads(fernet.decrypt(row["extra"]))
        return row | {
            "password": fernet.decrypt(row["password"]).decode(),
            "extra": {name: _object(value) for name, value in extras.items() if value is not None},
        }


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FormSystem]:
    chromium = needs.program("chromium", package="chromium")
    home = Home(tmp_path_factory.mktemp("form"), DAGS)
    migrate(engine_from_url(home.store_url))
    settings = {
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    }
    with (
        SandboxProcess(credit=1_234_567, agent=["my-rcs-agent", AGENT]) as sandbox,
        running_airflow(home, settings, ["api-server"]) as airflow,
        browser_page(chromium) as browser,
    ):
        page = ConnectionsPage(browser)
        passwords = json.loads((home.folder / "simple_auth_manager_passwords.json.generated").read_text())
        page.open(airflow.url, "admin", passwords["admin"])
        yield FormSystem(airflow, page, sandbox)


@pytest.fixture(scope="module")
def filled(system: FormSystem) -> str:
    """A connection with every kind of field filled in, and the port as the form's hint says."""
    system.page.add("rcs_filled", system.account | {"Port": "443"}, EXTRA_FIELDS)
    return "rcs_filled"


@pytest.fixture(scope="module")
def saved_again(system: FormSystem) -> str:
    """A connection that was opened again and saved without changes."""
    system.page.add("rcs_saved_again", system.account, EXTRA_FIELDS)
    system.page.save_again("rcs_saved_again")
    return "rcs_saved_again"


@pytest.fixture(scope="module")
def bare(system: FormSystem) -> str:
    """A connection with the required fields alone."""
    system.page.add("rcs_bare", system.account, {})
    return "rcs_bare"


@pytest.fixture(scope="module")
def sent(system: FormSystem, filled: str, saved_again: str, bare: str) -> dict[str, list[dict[str, Any]]]:
    """The messages that the service accepted through each connection, in a DAG run that sends through all of them."""
    dag = "rcs_connection_form"
    system.airflow.command("dags", "test", dag, "--dagfile-path", f"{DAGS}/{dag}.py")
    accepted = system.sandbox.accepted()
    return {name: [entry for entry in accepted if entry["reference"] == name] for name in (filled, saved_again, bare)}


def test_the_form_shows_what_everyone_fills_first_and_hides_the_token(system: FormSystem) -> None:
    system.page.begin("rcs_shown")

    assert system.page.labels() == ["Description", "Base URL", "API User", "API Token", "Port"]
    assert system.page.input_type("API Token") == "password"
    assert system.page.sections() == [
        "Standard Fields",
        "Extra Fields",
        "Network (all optional)",
        API_DETAILS,
        "Extra Fields JSON",
    ]
    system.page.cancel()


def test_each_section_of_the_form_shows_its_fields_with_their_labels_and_help(system: FormSystem) -> None:
    fields = get_provider_info()["connection-types"][0]["conn-fields"].values()
    system.page.begin("rcs_shown")
    shown = {}
    for section in dict.fromkeys(field["schema"].get("section", "Extra Fields") for field in fields):
        system.page.expand(section)
        shown[section] = {field["label"]: system.page.help_of(field["label"]) for field in fields_of(section)}
        assert system.page.labels() == list(shown[section])

    assert [entry for section in shown.values() for entry in section.items()] == [
        (field["label"], field["description"]) for field in fields
    ]
    system.page.cancel()


def test_the_connection_test_shows_the_remaining_credit(system: FormSystem, filled: str) -> None:
    assert "The service accepts these credentials. Credit left: 1,234,567" in system.page.test(filled, "Successful")


def test_the_connection_test_shows_that_a_wrong_token_is_refused(system: FormSystem) -> None:
    system.page.add("rcs_mistyped", system.account | {"API Token": "mistyped-token", "Port": "443"}, {})

    shown = system.page.test("rcs_mistyped", "Failed")

    assert "the service refused the API User or API Token" in shown
    assert "mistyped-token" not in shown


def test_filled_fields_are_stored_with_the_token_in_the_password_and_nowhere_else(
    system: FormSystem, filled: str
) -> None:
    assert system.stored(filled) == {
        "conn_type": "rcs",
        "host": system.sandbox.url,
        "port": 443,
        "login": system.sandbox.login,
        "schema": None,
        "description": None,
        "password": system.sandbox.password,
        "extra": {"agent": AGENT, "batch_size": 2, "status_codes": {"20": "read"}},
    }


def test_untouched_fields_are_stored_as_unset(system: FormSystem, bare: str) -> None:
    assert system.stored(bare) == {
        "conn_type": "rcs",
        "host": system.sandbox.url,
        "port": None,
        "login": system.sandbox.login,
        "schema": None,
        "description": None,
        "password": system.sandbox.password,
        "extra": {},
    }


def test_saving_without_changes_changes_nothing(system: FormSystem, filled: str, saved_again: str) -> None:
    assert system.stored(saved_again) == system.stored(filled) | {"port": None}


@pytest.mark.parametrize("connection", ["rcs_filled", "rcs_saved_again"])
def test_a_task_sends_as_the_agent_and_in_batches_of_the_size_of_the_form(
    sent: dict[str, list[dict[str, Any]]], connection: str
) -> None:
    messages = sent[connection]

    assert people_and_agents(messages) == [(*person, "1234569", AGENT) for person in PEOPLE]
    assert len({message["send_id"] for message in messages}) == 2


def test_a_task_sends_through_a_connection_with_base_url_user_and_token_alone(
    sent: dict[str, list[dict[str, Any]]],
) -> None:
    messages = sent["rcs_bare"]

    assert people_and_agents(messages) == [(*person, "1234569", "my-rcs-agent") for person in PEOPLE]
    assert len({message["send_id"] for message in messages}) == 1


def _object(value: Any) -> Any:
    """Return the object of a text that is one: the form of Airflow 3.2 stores it as text, that of 3.3 as an object."""
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def fields_of(section: str) -> list[dict[str, Any]]:
    """Return the fields of a section of the form, in their order."""
    fields = get_provider_info()["connection-types"][0]["conn-fields"].values()
    return [field for field in fields if field["schema"].get("section", "Extra Fields") == section]


def people_and_agents(messages: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return sorted(tuple(message[part] for part in ("phone", "name", "template_id", "agent")) for message in messages)
