"""A sample warehouse: a thousand customers, with phones in every form that occurs in real ones."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

CUSTOMERS = 1_000
_SEED = 2026

_FIRST_NAMES = """
    Lucía Martín Íñigo Núria José Sofía Begoña Joaquín Àngels Raúl Inés Óscar Zoë Björn Chloé Mónica Andrés Estíbaliz
    Germán Ángela Iván Noelia Tomás Rocío Xènia
""".split()  # noqa: SIM905 - a list of literals would fill a page
_LAST_NAMES = """
    García Pérez Muñoz Ibáñez Güell Núñez Peña Castaño Martínez Sánchez Álvarez Gómez Jiménez Ruiz Díaz Moreno Català
    Echevarría Yáñez López O'Connor Müller
""".split()  # noqa: SIM905

_REFUSED = 4
_MISSING, _TOO_SHORT, _FRACTIONS, _REPEATED = 7, 5, 2, 6
_NOT_PHONES = ("no phone", "pending", "n/a", "see notes", "ask Ana")
_FOREIGN = ("+33 6 12 34 56 78", "+44 7400 123456", "0049 1512 3456789", "+351 912 345 678")

Customer = tuple[int, str, object, str, str | None]


def make_warehouse(path: Path) -> list[str]:
    """Create the table ``customer`` unless it exists.

    :param path: SQLite database of the warehouse.
    :return: the phones of the sample that the service refuses, as it is sent them.
    """
    customers = list(_customers())
    with closing(sqlite3.connect(path)) as connection:
        exists = connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'customer'").fetchone()[0]
        if not exists:
            # The phone column has no type on purpose: like real exports, the sample mixes text, integers and floats.
            connection.execute(
                "CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, full_name TEXT NOT NULL, phone, "
                "order_number TEXT NOT NULL, delivery_day TEXT)"
            )
            connection.executemany("INSERT INTO customer VALUES (?, ?, ?, ?, ?)", customers)
            connection.commit()
    return [f"34{_refused_mobile(position)}" for position in range(_REFUSED)]


def _customers() -> Iterator[Customer]:
    """Yield the customers; their errors are the same in each run."""
    chance = random.Random(_SEED)  # noqa: S311 - it must be repeatable, not secret
    unusual_rows = iter(chance.sample(range(20, CUSTOMERS), 60))
    unusual: dict[int, object] = {next(unusual_rows): None for _ in range(_MISSING)}
    unusual |= {next(unusual_rows): text for text in _NOT_PHONES}
    unusual |= {next(unusual_rows): f"6{chance.randrange(10**5):05d}" for _ in range(_TOO_SHORT)}
    unusual |= {next(unusual_rows): 600000000.5 + position for position in range(_FRACTIONS)}
    unusual |= {next(unusual_rows): _in_some_form(_mobile(position), position) for position in range(_REPEATED)}
    unusual |= {next(unusual_rows): _refused_mobile(position) for position in range(_REFUSED)}
    unusual |= dict(zip(unusual_rows, _FOREIGN, strict=False))
    without_day = next(unusual_rows)
    for number in range(CUSTOMERS):
        phone = unusual[number] if number in unusual else _in_some_form(_mobile(number), number)
        name = f"{chance.choice(_FIRST_NAMES)} {chance.choice(_LAST_NAMES)}"
        day = date(2026, 12, 1) + timedelta(days=chance.randrange(20))
        yield number + 1, name, phone, f"A-{48_000 + number}", None if number == without_day else f"{day:%d/%m/%Y}"


def _mobile(number: int) -> str:
    """Return a Spanish mobile number that is unique to a customer."""
    return f"6{number * 7_919 % 10**8:08d}"


def _refused_mobile(position: int) -> str:
    return f"7155512{position:02d}"


def _in_some_form(national: str, number: int) -> object:
    """Return a Spanish number in one of the forms that occur in warehouses."""
    spaced = f"{national[:3]} {national[3:6]} {national[6:]}"
    forms: tuple[object, ...] = (
        f"34{national}",
        f"+34 {spaced}",
        f"0034{national}",
        spaced,
        int(f"34{national}"),
        float(f"34{national}"),
        f"+34-{national[:3]}-{national[3:]}",
    )
    return forms[number % len(forms)]
