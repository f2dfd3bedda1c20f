"""Recipients for the benchmarks, with two variables each; nine of ten phones are plain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from airflow_provider_rcs.api.models import Template, TemplateVariable

TEMPLATE = Template(
    "1234568", "Shipping notice", (TemplateVariable("Pedido", "TEXTO"), TemplateVariable("Dia", "TEXTO"))
)


def frame(count: int) -> pd.DataFrame:
    """Return a table of customers."""
    return pd.DataFrame(
        {
            "phone": [_phone(number) for number in range(count)],
            "name": [f"Núria Pérez {number}" for number in range(count)],
            "reference": [f"C-{number}" for number in range(count)],
            "Pedido": [f"A-{number}" for number in range(count)],
            "Dia": [number % 28 + 1 for number in range(count)],
        }
    )


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Yield rows of planned recipients for the ledger."""
    for number in range(count):
        phone = f"+346{number:08d}"
        yield {"phone": phone, "name": f"Núria Pérez {number}", "variables": {"Pedido": f"A-{number}", "Dia": "1"}}


def _phone(number: int) -> str:
    digits = f"6{number:08d}"
    if number % 10:
        return f"34{digits}"
    return ("+34 " + digits, f"0034{digits}", "n/a", f"{digits[:3]} {digits[3:6]} {digits[6:]}")[number // 10 % 4]
