"""The time and memory of each step of a campaign, measured in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_rcs.api.models import SendRequest, SendResult

_CAMPAIGN = "a campaign of this size"


@dataclass(frozen=True)
class Place:
    """The databases of one measurement.

    :param source: a SQLite file of customers.
    :param store: URL of an empty database.
    :param warehouse: URL of another empty database.
    """

    source: str
    store: str
    warehouse: str


@dataclass(frozen=True)
class Took:
    """Time and memory of one step.

    :param mebibytes: the peak resident memory of its process.
    """

    mebibytes: float
    seconds: float


def peak_mebibytes() -> float:
    """Return the peak resident memory of this process."""
    status = Path("/proc/self/status")
    if not status.exists():
        # In bytes on macOS, in KiB elsewhere.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    # Not getrusage: on Linux its value starts at the peak of the parent process.
    (line,) = (line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 2**10


def run_step(step: str, place: Place, size: int) -> Took:
    """Run one step of a campaign in a process of its own, so that the peak of an earlier step does not count.

    :param step: ``list`` (create the table of customers), ``send``, ``report`` (land one on each message), ``fold``, or
        ``load`` (fold what is not folded, and load everything into the warehouse).
    :param size: number of recipients.
    """
    command = [sys.executable, "-m", "benchmarks.campaign_steps", step, json.dumps(vars(place)), str(size)]
    return Took(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


@contextmanager
def _on_sqlite() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder:
        yield Place(f"{folder}/source.db", f"sqlite:///{folder}/store.db", f"sqlite:///{folder}/warehouse.db")


@contextmanager
def _on_postgresql() -> Iterator[Place]:
    from benchmarks.used_server import used_server
    from tests.databases import fresh_database

    with (
        tempfile.TemporaryDirectory() as folder,
        used_server() as server,
        fresh_database(server) as store,
        fresh_database(server) as warehouse,
    ):
        yield Place(f"{folder}/source.db", store, warehouse)


PLACES: Mapping[str, Callable[[], AbstractContextManager[Place]]] = {
    "SQLite": _on_sqlite,
    "PostgreSQL": _on_postgresql,
}


def _list(place: Place, size: int) -> None:
    """Create the table of customers and the store."""
    import sqlite3

    from airflow_provider_rcs.store.db.engine import engine_from_url
    from airflow_provider_rcs.store.db.migrate import migrate

    migrate(engine_from_url(place.store))
    with closing(sqlite3.connect(place.source)) as connection, connection:
        connection.execute("CREATE TABLE customer (phone TEXT, name TEXT, Pedido TEXT, Dia INTEGER)")
        connection.executemany(
            "INSERT INTO customer VALUES (?, ?, ?, 1)",
            ((f"346{number:08d}", f"Núria Pérez {number}", f"A-{number}") for number in range(size)),
        )


def _send(place: Place, size: int) -> None:
    """Send to all customers as ``SqlToRcsOperator`` does, without the connection to the service."""
    from datetime import timedelta

    from airflow_provider_rcs.api.models import Template, TemplateVariable
    from airflow_provider_rcs.api.settings import ApiSettings
    from airflow_provider_rcs.sending.campaign import send_campaign
    from airflow_provider_rcs.sending.settings import SendSettings
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from airflow_provider_rcs.store.outbox.attempts import StartedBy

    # Not the template of ``benchmarks.people``: importing pandas would hide what grows.
    template = Template("1234568", "Shipping notice", (TemplateVariable("Pedido", ""), TemplateVariable("Dia", "")))
    service: Any = SimpleNamespace(send=_answer, settings=ApiSettings(), credentials_fingerprint="")
    sent = send_campaign(
        engine_from_url(place.store),
        service,
        template,
        SendSettings(template_id=template.id, campaign=_CAMPAIGN, default_region="ES"),
        _customers(place.source),
        started_by=StartedBy(started_by="bench"),
        lease=timedelta(minutes=5),
    )
    _require(sent["accepted"], size)


def _customers(source: str) -> Iterator[Mapping[str, Sequence[object]]]:
    """Yield rows in chunks as ``hooks.sql`` does, without Airflow, whose memory would hide what grows."""
    import sqlite3

    from airflow_provider_rcs.hooks.sql import streaming_cursor
    from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK

    with closing(sqlite3.connect(source)) as connection, closing(streaming_cursor(connection)) as cursor:
        cursor.execute("SELECT * FROM customer")
        columns = [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(ROWS_PER_CHUNK):
            yield dict(zip(columns, zip(*rows, strict=True), strict=True))


def _answer(request: SendRequest) -> SendResult:
    """Serialise the request as for sending, and parse a reply as the service would send it."""
    import orjson

    from airflow_provider_rcs.api.wire import send
    from airflow_provider_rcs.api.wire.send_reply import read_send_reply

    body = send.send_body(request, send.DEFAULT_RECIPIENT_REFERENCE_KEY, "json")
    phones = [recipient["Telefono"] for recipient in orjson.loads(body)["Destinatarios"]]
    sent = [{"Telefono": phone, "idMensaje": f"m-{phone}"} for phone in phones]
    return read_send_reply(orjson.dumps({"Res": len(sent), "idEnvio": "77", "Enviados": sent, "NoEnviados": []}))


def _report(place: Place, size: int) -> None:
    """Land a report on each message."""
    from datetime import UTC, datetime

    import sqlalchemy as sa

    from airflow_provider_rcs.api.models import Report
    from airflow_provider_rcs.store.db.engine import engine_from_url, reading
    from airflow_provider_rcs.store.db.tables import message, request
    from airflow_provider_rcs.store.inbox.landing import land

    engine = engine_from_url(place.store)
    now = datetime.now(UTC)
    sent = sa.select(message.c.phone, message.c.api_message_id, request.c.reference).join(
        request, request.c.id == message.c.request_id
    )
    landed = 0
    with reading(engine) as connection:
        for some in connection.execution_options(yield_per=5_000).execute(sent).partitions():
            land(
                engine,
                [
                    Report(
                        "13",
                        row.phone,
                        row.reference,
                        service="RCS",
                        reported_at=now,
                        api_message_id=row.api_message_id,
                    )
                    for row in some
                ],
                now,
            )
            landed += len(some)
    _require(landed, size)


def _fold(place: Place, size: int) -> None:
    """Fold all reports."""
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from airflow_provider_rcs.store.inbox.folding import fold

    _require(fold(engine_from_url(place.store)), size)


def _load(place: Place, size: int) -> None:
    """Fold and load all messages and reports, as ``RcsReportsToSqlOperator`` does."""
    import sqlalchemy as sa

    from airflow_provider_rcs.store.db.engine import engine_from_url
    from airflow_provider_rcs.warehouse.load import load

    loaded = load(engine_from_url(place.store), sa.create_engine(place.warehouse), None)
    _require(loaded.messages, size)
    _require(loaded.reports, size)


def _require(count: int, size: int) -> None:
    if count != size:
        raise RuntimeError(f"expected {size}, got {count}")


_STEPS: Mapping[str, Callable[[Place, int], None]] = {
    "list": _list,
    "send": _send,
    "report": _report,
    "fold": _fold,
    "load": _load,
}


def _step(name: str, place: Mapping[str, Any], size: int) -> None:
    """Run one step, and print its time and memory."""
    # Imported before the clock starts, because a process pays for it once, however large the campaign.
    import airflow_provider_rcs.sending.campaign
    import airflow_provider_rcs.warehouse.load  # noqa: F401

    begun = time.perf_counter()
    _STEPS[name](Place(**place), size)
    print(json.dumps({"mebibytes": peak_mebibytes(), "seconds": time.perf_counter() - begun}))


if __name__ == "__main__":
    _step(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]))
