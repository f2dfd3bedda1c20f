"""A sample warehouse: a thousand customers, with their phones in the ways in which warehouses hold them."""

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
""".split()  # noqa: SIM905 - a list of literals would be a page long
_LAST_NAMES = """
    García Pérez Muñoz Ibáñez Güell Núñez Peña Castaño Martínez Sánchez Álvarez Gómez Jiménez Ruiz Díaz Moreno Català
    Echevarría Yáñez López O'Connor Müller
""".split()  # noqa: SIM905

Customer = tuple[int, str, object, str, str | None]


def make_warehouse(path: Path) -> list[str]:
    """Make the table ``customer`` where it is missing.

    :param path: the SQLite database of the warehouse.
    :return: phones of the sample that are fixed lines, which the service refuses.
    """
    customers = list(_customers())
    with closing(sqlite3.connect(path)) as connection:
        known = connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'customer'").fetchone()[0]
        if not known:
            # The phone has no type on purpose: the sample's are text, integers and floats, as exports leave them.
            connection.execute(
                "CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, full_name TEXT NOT NULL, phone, "
                "order_number TEXT NOT NULL, delivery_day TEXT)"
            )
            connection.executemany("INSERT INTO customer VALUES (?, ?, ?, ?, ?)", customers)
            connection.commit()
    return [f"34{_fixed_line(position)}" for position in range(_FIXED_LINES)]


_FIXED_LINES = 4
_MISSING, _UNUSABLE, _TOO_SHORT, _FRACTIONS, _REPEATED = 7, 5, 5, 2, 6
_FOREIGN = ("+33 6 12 34 56 78", "+44 7400 123456", "0049 1512 3456789", "+351 912 345 678")


def _customers() -> Iterator[Customer]:
    """Yield the customers; which of them are odd, and how, is the same each time."""
    chance = random.Random(_SEED)  # noqa: S311 - nothing secret hangs on it
    odd_rows = iter(chance.sample(range(20, CUSTOMERS), 60))
    odd: dict[int, object] = {next(odd_rows): None for _ in range(_MISSING)}
    odd |= {next(odd_rows): text for text in ("no phone", "pending", "n/a", "see notes", "ask Ana")[:_UNUSABLE]}
    odd |= {next(odd_rows): f"6{chance.randrange(10**5):05d}" for _ in range(_TOO_SHORT)}
    odd |= {next(odd_rows): 600000000.5 + position for position in range(_FRACTIONS)}
    odd |= {next(odd_rows): _written(_mobile(position), position) for position in range(_REPEATED)}
    odd |= {next(odd_rows): _fixed_line(position) for position in range(_FIXED_LINES)}
    odd |= dict(zip(odd_rows, _FOREIGN, strict=False))
    without_day = next(odd_rows)
    for number in range(CUSTOMERS):
        phone = odd[number] if number in odd else _written(_mobile(number), number)
        name = f"{chance.choice(_FIRST_NAMES)} {chance.choice(_LAST_NAMES)}"
        day = date(2026, 12, 1) + timedelta(days=chance.randrange(20))
        yield number + 1, name, phone, f"A-{48_000 + number}", None if number == without_day else f"{day:%d/%m/%Y}"


def _mobile(number: int) -> str:
    """Return a Spanish mobile number of its own for each customer."""
    return f"6{number * 7_919 % 10**8:08d}"


def _fixed_line(position: int) -> str:
    return f"9155512{position:02d}"


def _written(national: str, number: int) -> object:
    """Write a Spanish number in one of the ways in which warehouses hold them."""
    spaced = f"{national[:3]} {national[3:6]} {national[6:]}"
    ways: tuple[object, ...] = (
        f"34{national}",
        f"+34 {spaced}",
        f"0034{national}",
        spaced,
        int(f"34{national}"),
        float(f"34{national}"),
        f"+34-{national[:3]}-{national[3:]}",
    )
    return ways[number % len(ways)]
