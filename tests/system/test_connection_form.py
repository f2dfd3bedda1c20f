"""A new connection, defined in the form of a real Airflow UI by a browser, and what is sent through it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet

from airflow_provider_rcs.demo.home import Home
from airflow_provider_rcs.demo.processes import Processes
from airflow_provider_rcs.get_provider_info import get_provider_info
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from tests import needs
from tests.sandbox_process import SandboxProcess
from tests.system.connections_page import ConnectionsPage, browser_page

DAGS = Path(__file__).parent / "dags"
SECONDS_TO_START, SECONDS_FOR_A_COMMAND = 120, 120
AGENT = "spring-agent"
PEOPLE = [("34600000001", "Pedro Pérez"), ("34600000002", "Ana González"), ("34600000003", "Núria Puig")]
EXTRA_FIELDS = {"RCS agent": AGENT, "Recipients per request": "2", "Status codes": '{"20": "read"}'}


@dataclass(frozen=True)
class Scene:
    """A running Airflow with its connections' page in a browser, and a sandbox to connect to."""

    page: ConnectionsPage
    sandbox: SandboxProcess
    database: Path
    environment: dict[str, str]

    @property
    def account(self) -> dict[str, str]:
        """What a user knows of the account, by the labels of the form."""
        return {"Base URL": self.sandbox.url, "API User": self.sandbox.login, "API Token": self.sandbox.password}

    def stored(self, connection_id: str) -> dict[str, Any]:
        """What Airflow's database holds of a connection, decrypted; of the extras, those that are set."""
        query = "SELECT conn_type, host, port, login, schema, description, password, extra FROM connection"
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            row = dict(connection.execute(f"{query} WHERE conn_id = ?", (connection_id,)).fetchone())
        fernet = Fernet(self.environment["AIRFLOW__CORE__FERNET_KEY"])
        extras = json.loads(fernet.decrypt(row["extra"]))
        return row | {
            "password": fernet.decrypt(row["password"]).decode(),
            "extra": {name: value for name, value in extras.items() if value is not None},
        }


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    chromium = needs.program("chromium", package="chromium")
    home = Home(tmp_path_factory.mktemp("form"), DAGS)
    home.logs.mkdir()
    migrate(engine_from_url(home.store_url))
    environment = home.environment() | {
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    }
    airflow(environment, "db", "migrate")
    processes = Processes(home.logs)
    with ExitStack() as stack:
        sandbox = stack.enter_context(SandboxProcess(credit=1_234_567, agent=["my-rcs-agent", AGENT]))
        # Not as a context: that is for a program of its own, and leaves it deaf to Ctrl-C.
        stack.callback(processes.stop)
        processes.start("api-server", ["airflow", "api-server"], environment)
        page = ConnectionsPage(stack.enter_context(browser_page(chromium)))
        url = environment["AIRFLOW__API__BASE_URL"]
        wait_for_answer(url, processes)
        passwords = json.loads((home.folder / "simple_auth_manager_passwords.json.generated").read_text())
        page.open(url, "admin", passwords["admin"])
        yield Scene(page, sandbox, home.folder / "airflow.db", environment)


def airflow(environment: dict[str, str], *arguments: str) -> None:
    ended = subprocess.run(
        ["airflow", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_FOR_A_COMMAND,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def wait_for_answer(url: str, processes: Processes) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            assert requests.get(f"{url}/api/v2/version", timeout=SECONDS_TO_START).ok
        except requests.ConnectionError:
            assert time.monotonic() < end, processes.log("api-server").read_text()
            processes.require_running()
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="module")
def filled(scene: Scene) -> str:
    """A connection of which every kind of field was filled in, the port as the form's hint says."""
    scene.page.add("rcs_filled", scene.account | {"Port": "443"}, EXTRA_FIELDS)
    return "rcs_filled"


@pytest.fixture(scope="module")
def saved_again(scene: Scene) -> str:
    """Another one, which was opened again and saved with nothing changed."""
    scene.page.add("rcs_saved_again", scene.account, EXTRA_FIELDS)
    scene.page.save_again("rcs_saved_again")
    return "rcs_saved_again"


@pytest.fixture(scope="module")
def bare(scene: Scene) -> str:
    """A connection with what it must have, and nothing else."""
    scene.page.add("rcs_bare", scene.account, {})
    return "rcs_bare"


@pytest.fixture(scope="module")
def sent(scene: Scene, filled: str, saved_again: str, bare: str) -> dict[str, list[dict[str, Any]]]:
    """What the service accepted through each connection, after a run of a DAG that sends through all of them."""
    dag = "rcs_connection_form"
    airflow(scene.environment, "dags", "test", dag, "--dagfile-path", f"{DAGS}/{dag}.py")
    accepted = scene.sandbox.accepted()
    return {name: [entry for entry in accepted if entry["reference"] == name] for name in (filled, saved_again, bare)}


def test_the_form_shows_each_field_by_its_label_with_its_help_and_hides_the_token(scene: Scene) -> None:
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    scene.page.begin("rcs_shown")
    labels = scene.page.labels()
    token = scene.page.input_type("API Token")
    scene.page.unfold("Extra Fields")

    assert labels == ["Description", "Base URL", "API User", "API Token", "Port"]
    assert token == "password"
    assert {field["label"]: scene.page.help_of(field["label"]) for field in fields.values()} == {
        field["label"]: field["description"] for field in fields.values()
    }
    scene.page.cancel()


def test_the_connections_test_shows_the_credit_that_is_left(scene: Scene, filled: str) -> None:
    assert "The service accepts these credentials. Credit left: 1,234,567" in scene.page.test(filled, "Successful")


def test_the_connections_test_says_that_a_wrong_token_is_refused(scene: Scene) -> None:
    scene.page.add("rcs_mistyped", scene.account | {"API Token": "mistyped-token", "Port": "443"}, {})

    shown = scene.page.test("rcs_mistyped", "Failed")

    assert "the service refused the API User or API Token" in shown
    assert "mistyped-token" not in shown


def test_what_was_filled_in_is_stored_with_the_token_as_the_password_and_nowhere_else(
    scene: Scene, filled: str
) -> None:
    assert scene.stored(filled) == {
        "conn_type": "rcs",
        "host": scene.sandbox.url,
        "port": 443,
        "login": scene.sandbox.login,
        "schema": None,
        "description": None,
        "password": scene.sandbox.password,
        "extra": {"agent": AGENT, "batch_size": 2, "status_codes": {"20": "read"}},
    }


def test_fields_that_were_not_touched_are_stored_as_unset(scene: Scene, bare: str) -> None:
    assert scene.stored(bare) == {
        "conn_type": "rcs",
        "host": scene.sandbox.url,
        "port": None,
        "login": scene.sandbox.login,
        "schema": None,
        "description": None,
        "password": scene.sandbox.password,
        "extra": {},
    }


def test_saving_with_nothing_changed_changes_nothing(scene: Scene, filled: str, saved_again: str) -> None:
    assert scene.stored(saved_again) == scene.stored(filled) | {"port": None}


@pytest.mark.parametrize("connection", ["rcs_filled", "rcs_saved_again"])
def test_a_task_sends_through_it_as_the_agent_and_in_requests_of_the_size_that_the_form_says(
    sent: dict[str, list[dict[str, Any]]], connection: str
) -> None:
    messages = sent[connection]

    assert told(messages) == [(*person, "1234569", AGENT) for person in PEOPLE]
    assert len({message["send_id"] for message in messages}) == 2


def test_a_task_sends_through_a_connection_of_base_url_user_and_token_alone(
    sent: dict[str, list[dict[str, Any]]],
) -> None:
    messages = sent["rcs_bare"]

    assert told(messages) == [(*person, "1234569", "my-rcs-agent") for person in PEOPLE]
    assert len({message["send_id"] for message in messages}) == 1


def told(messages: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return sorted(tuple(message[part] for part in ("phone", "name", "template_id", "agent")) for message in messages)
