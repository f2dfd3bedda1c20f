"""Recipients prepared, from the rows of a DataFrame to request bodies of 1,000."""

from __future__ import annotations

import json

import orjson
import pandas as pd
import phonenumbers

from airflow_provider_rcs.api.garbage import infrequent_collections
from airflow_provider_rcs.api.models import Recipient, SendRequest
from airflow_provider_rcs.api.wire import send
from airflow_provider_rcs.recipients.listing import ListCounts, ListSettings, list_chunks
from airflow_provider_rcs.sending.sources import chunks_of
from benchmarks.measure import Measured, Way, measure, sized
from benchmarks.people import TEMPLATE, frame

COUNT = sized(20_000)
BATCH = 1_000


def run() -> Measured:
    """Measure the preparation."""
    people = frame(COUNT)
    return measure(
        "recipients prepared (DataFrame to request bodies)",
        ours=Way("streamed", lambda: _ours(people)),
        naive=Way("iterrows, and phonenumbers for each row", lambda: _naive(people)),
        limit=Way("orjson of prepared values", lambda: _limit(people)),
    )


@infrequent_collections()  # as in a send
def _ours(people: pd.DataFrame) -> int:
    settings = ListSettings(default_region="ES", reference_column="reference")
    waiting: list[Recipient] = []
    for listed in list_chunks(chunks_of(people), TEMPLATE, settings, ListCounts()):
        # The ledger stands between list and bodies in a real send; ``ledger_commits`` measures it.
        waiting += [
            Recipient(each.key, each.name, each.reference, each.variables) for each in listed if not each.rejection
        ]
        whole = len(waiting) // BATCH * BATCH
        for start in range(0, whole, BATCH):
            _body(waiting[start : start + BATCH])
        waiting = waiting[whole:]
    _body(waiting)
    return len(people)


def _body(recipients: list[Recipient]) -> bytes:
    return send.send_body(SendRequest(TEMPLATE.id, recipients, "ref"), "Referencia", "json")


def _naive(people: pd.DataFrame) -> int:
    batch = []
    for _, row in people.iterrows():
        try:
            number = phonenumbers.parse(row["phone"], "ES")
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
            variables = [{"Nombre": name, "Valor": str(row[name])} for name in ("Pedido", "Dia")]
            recipient = {"Nombre": row["name"], "Telefono": phone, "Referencia": row["reference"]}
            batch.append(recipient | {"Variables": variables})
        if len(batch) == BATCH:
            _naive_body(batch)
            batch = []
    _naive_body(batch)
    return len(people)


def _naive_body(batch: list[dict[str, object]]) -> bytes:
    terms = {"Plantilla": TEMPLATE.id, "Referenciausuario": "ref", "Report": "1", "Resp": "JSON"}
    return json.dumps(terms | {"Destinatarios": batch}).encode()


def _limit(people: pd.DataFrame) -> int:
    columns = [people[name].tolist() for name in people.columns]
    for start in range(0, len(people), BATCH):
        cells = zip(*(column[start : start + BATCH] for column in columns), strict=True)
        orjson.dumps(
            [{"p": p, "n": n, "r": r, "v": [{"n": "Pedido", "v": a}, {"n": "Dia", "v": b}]} for p, n, r, a, b in cells]
        )
    return len(people)
