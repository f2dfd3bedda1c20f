"""A whole send, with source and ledger on PostgreSQL and a service on loopback that only answers.

``python -m benchmarks.whole_send 1000000`` measures one send of that size; with ``--latency 0.1`` the service takes
0.1 seconds to answer, and with ``--in-flight 32 --batch 100`` up to 32 requests of 100 recipients are in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg
import sqlalchemy as sa

from airflow_provider_rcs.sending.settings import DEFAULT_MAX_IN_FLIGHT
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from benchmarks.campaign_steps import peak_mebibytes
from benchmarks.measure import ROUNDS, Measured, sized

COUNT = sized(100_000)
NAIVE_COUNT = 200
BATCH = 1_000
_COUNT_IF_SLOW = COUNT // 2
_NAIVE_COUNT_IF_SLOW = 20
_LATENCY = 0.1
# So few that the requests are the limit, and not the processors.
_FEW_IN_FLIGHT = 1
_SOURCE = "customers"
_SERVICE = "service"
_SELECT = "SELECT phone, name, order_number, day FROM customer"
_LISTED = (
    *("id", "campaign_id", "recipient_key", "phone", "phone_as_listed", "reading", "name"),
    *("reference", "variables", "state", "reason", "detail", "is_excluded", "listed_by", "listed_now", "repeats"),
    *("delivery_status", "delivery_rank", "delivery_code", "delivery_channel", "revision", "updated_at"),
)
_SETTLE = (
    "UPDATE bare SET state = 'accepted', api_message_id = reply.api_message_id, revision = 2, updated_at = now() "
    "FROM unnest(%s::bigint[], %s::text[]) AS reply (id, api_message_id) WHERE bare.id = reply.id"
)


@dataclass(frozen=True)
class Place:
    """The databases and the service of one measurement.

    :param source: URL of a database with the table of customers.
    :param store: URL of a migrated store.
    :param port: port of the service.
    """

    source: str
    store: str
    port: int


@dataclass(frozen=True)
class Sent:
    """Time and memory of one send."""

    seconds: float
    cpu_seconds: float
    mebibytes: float


def run(server: str) -> Measured:
    """Measure the send.

    :param server: URL of a PostgreSQL server.
    """
    rates: dict[str, list[float]] = {"ours": [], "naive": [], "limit": []}
    with place_for(server, COUNT, 0.0) as place:
        for _ in range(ROUNDS):
            rates["ours"].append(COUNT / sent(place, COUNT).seconds)
            rates["naive"].append(NAIVE_COUNT / _naive(place))
            rates["limit"].append(COUNT / limit(place, COUNT))
    return Measured("a whole send from PostgreSQL, ledger on PostgreSQL", rates)


def run_with_latency(server: str) -> Measured:
    """Measure the send to a service that answers after 100 ms; the limit is what the requests in flight allow.

    :param server: URL of a PostgreSQL server.
    """
    rates: dict[str, list[float]] = {"ours": [], "naive": [], "limit": []}
    with place_for(server, _COUNT_IF_SLOW, _LATENCY) as place:
        for _ in range(ROUNDS):
            rates["ours"].append(_COUNT_IF_SLOW / sent(place, _COUNT_IF_SLOW, _FEW_IN_FLIGHT).seconds)
            rates["naive"].append(_NAIVE_COUNT_IF_SLOW / _naive(place, _NAIVE_COUNT_IF_SLOW))
            rates["limit"].append(_FEW_IN_FLIGHT * BATCH / _LATENCY)
    return Measured(f"the same, the service answers after 100 ms, requests in flight: {_FEW_IN_FLIGHT}", rates)


@contextmanager
def place_for(server: str, size: int, latency: float) -> Iterator[Place]:
    from airflow_provider_rcs.store.db.engine import engine_from_url
    from airflow_provider_rcs.store.db.migrate import migrate
    from tests.databases import fresh_database

    with fresh_database(server) as source, fresh_database(server) as store, served(latency) as port:
        migrate(engine_from_url(store))
        with _connected(source) as connection:
            connection.execute("CREATE TABLE customer (phone text, name text, order_number text, day integer)")
            connection.execute(
                "INSERT INTO customer SELECT '346' || lpad(n::text, 8, '0'), 'Núria Pérez ' || n, 'A-' || n, "
                "n %% 28 + 1 FROM generate_series(1, %s) AS n",
                [size],
            )
        yield Place(source, store, port)


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1)) as connection:
        yield connection


def sent(place: Place, size: int, in_flight: int = DEFAULT_MAX_IN_FLIGHT, batch: int = BATCH) -> Sent:
    """Send to all customers in a process of its own; its start is not counted."""
    connections = {
        _SOURCE: sa.make_url(place.source).set(drivername="postgresql").render_as_string(hide_password=False),
        _SERVICE: f"rcs://bench:bench@http%3A%2F%2F127.0.0.1%3A{place.port}",
    }
    named = {f"AIRFLOW_CONN_{name.upper()}": url for name, url in connections.items()}
    command = [sys.executable, "-m", "benchmarks.whole_send", "--step", place.store, str(size)]
    ended = subprocess.run(
        [*command, "--in-flight", str(in_flight), "--batch", str(batch)],
        env=os.environ | named,
        check=True,
        stdout=subprocess.PIPE,
    )
    return Sent(**json.loads(ended.stdout.splitlines()[-1]))


def _send(store: str, size: int, in_flight: int, batch: int) -> Sent:
    """Send to all customers as ``SqlToRcsOperator`` does."""
    from datetime import timedelta

    from airflow_provider_rcs.api.models import Template, TemplateVariable
    from airflow_provider_rcs.hooks.rcs import RcsHook
    from airflow_provider_rcs.hooks.sql import stream_columns
    from airflow_provider_rcs.sending.campaign import send_campaign
    from airflow_provider_rcs.sending.settings import SendSettings
    from airflow_provider_rcs.store.db.engine import engine_from_url

    hook = RcsHook(_SERVICE)
    template = Template("1234568", "Shipping notice", (TemplateVariable("Pedido", ""), TemplateVariable("Dia", "")))
    settings = SendSettings(
        template_id=template.id,
        campaign=uuid.uuid4().hex,
        variables={"Pedido": "order_number", "Dia": "day"},
        default_region="ES",
        max_in_flight=in_flight,
        batch_size=batch,
    )
    begun, cpu_begun = time.perf_counter(), time.process_time()
    counts = send_campaign(
        engine_from_url(store),
        hook,
        template,
        settings,
        stream_columns("sql", _SOURCE, _SELECT),
        started_by=StartedBy(started_by="bench"),
        lease=timedelta(minutes=5),
    )
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu_begun
    if counts["accepted"] != size:
        raise RuntimeError(str(counts))
    return Sent(seconds, cpu_seconds, peak_mebibytes())


def _naive(place: Place, count: int = NAIVE_COUNT) -> float:
    """Return the seconds of a send with a request and a commit for each of ``count`` recipients."""
    import requests

    with _connected(place.source) as source, _connected(place.store) as store:
        store.execute("CREATE TABLE IF NOT EXISTS naive (phone text, api_message_id text)")
        store.commit()
        begun = time.perf_counter()
        for row in source.execute(f"{_SELECT} LIMIT {count}"):
            reply = requests.post(f"http://127.0.0.1:{place.port}/send", data=_body([row]), timeout=60).json()
            for sent in reply["Enviados"]:
                store.execute("INSERT INTO naive VALUES (%s, %s)", (sent["Telefono"], sent["idMensaje"]))
            store.commit()
        return time.perf_counter() - begun


def limit(place: Place, size: int) -> float:
    """Return the seconds that the same bytes take with nothing else done.

    The rows are copied into a table that has only a primary key, encoded and sent, and updated as a set from the
    replies, each 1,000 rows with one commit.
    """
    with _connected(place.source) as source:
        rows = source.execute(_SELECT).fetchall()
    with _connected(place.store) as store:
        store.execute("DROP TABLE IF EXISTS bare")
        store.execute("CREATE TABLE bare (LIKE rcs_message, PRIMARY KEY (id)) WITH (fillfactor = 50)")
        store.commit()
        begun = time.perf_counter()
        for start in range(0, size, BATCH):
            with store.cursor().copy(f"COPY bare ({', '.join(_LISTED)}) FROM STDIN") as copy:
                copy.write(_lines(start, rows[start : start + BATCH]))
            store.commit()
        connection = http.client.HTTPConnection("127.0.0.1", place.port)
        for start in range(0, size, BATCH):
            connection.request("POST", "/send", _body(rows[start : start + BATCH]))
            sent = orjson.loads(connection.getresponse().read())["Enviados"]
            store.execute(_SETTLE, [list(range(start, start + len(sent))), [each["idMensaje"] for each in sent]])
            store.commit()
        return time.perf_counter() - begun


def _lines(first: int, rows: Sequence[Sequence[Any]]) -> str:
    return "".join(
        f"{number}\t1\t{phone}\t{phone}\t{phone}\tnational\t{name}\t\t"
        f'{{"Pedido": "{order}", "Dia": "{day}"}}\tplanned'
        f"\t\t\tf\t1\t1\t0\t\t-1\t\t\t1\t2026-11-22 09:00:00+00\n"
        for number, (phone, name, order, day) in enumerate(rows, first)
    )


def _body(rows: Sequence[Sequence[Any]]) -> bytes:
    return orjson.dumps(
        {
            "Plantilla": "1234568",
            "Destinatarios": [
                {
                    "Nombre": name,
                    "Telefono": phone,
                    "Variables": [{"Nombre": "Pedido", "Valor": order}, {"Nombre": "Dia", "Valor": str(day)}],
                }
                for phone, name, order, day in rows
            ],
        }
    )


@contextmanager
def served(latency: float) -> Iterator[int]:
    """Run the service in a process of its own, and yield its port."""
    command = [sys.executable, "-m", "benchmarks.whole_send", "--serve", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the service printed no port")
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def _serve(latency: float) -> None:
    """Accept all recipients of each request, and return an id for each."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            body = await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            await asyncio.sleep(latency)
            people = orjson.loads(body)["Destinatarios"]
            sent = [{"Telefono": each["Telefono"], "idMensaje": each["Telefono"][2:]} for each in people]
            reply = orjson.dumps({"Res": len(sent), "idEnvio": "77", "Enviados": sent, "NoEnviados": []})
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n" % len(reply) + reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


def main() -> None:
    """Measure one send, and compare it with its limit."""
    from benchmarks.used_server import used_server

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", type=int, nargs="?", default=COUNT, help="number of recipients (default: %(default)s)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that the service takes to answer")
    parser.add_argument("--in-flight", type=int, default=DEFAULT_MAX_IN_FLIGHT)
    parser.add_argument("--batch", type=int, default=BATCH, help="recipients of a request (default: %(default)s)")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        asyncio.run(_serve(given.serve))
    elif given.step:
        print(json.dumps(vars(_send(given.step, given.size, given.in_flight, given.batch))))
    else:
        with used_server() as server, place_for(server, given.size, given.latency) as place:
            took = sent(place, given.size, given.in_flight, given.batch)
            bare = statistics.median(limit(place, given.size) for _ in range(3)) if not given.latency else 0.0
        print(f"{given.size:,} recipients: {given.size / took.seconds:,.0f}/s, {took.seconds:.1f} s.")
        print(f"CPU time of the process: {took.cpu_seconds:.1f} s. Peak memory: {took.mebibytes:.0f} MiB.")
        if given.latency:
            allowed = given.in_flight * given.batch / given.latency
            print(f"The requests in flight allow {allowed:,.0f}/s; reached: {given.size / took.seconds / allowed:.2f}.")
        else:
            print(f"The limit: {given.size / bare:,.0f}/s.")


if __name__ == "__main__":
    main()
