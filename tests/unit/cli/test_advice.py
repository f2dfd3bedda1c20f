"""What errors advise, where a command prints them."""

from __future__ import annotations

import pytest

from airflow_provider_rcs.cli.advice import in_options

NAMES = {
    "default_region",
    "region_column",
    "phone_format",
    "mobile_only",
    "name_column",
    "send_at",
    "scheduled_by",
    "sql",
    "encoding",
}


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("default_region: 'Spain' is not a region.", "--default-region: 'Spain' is not a region."),
        ("it has no +; write +, or set default_region.", "it has no +; write +, or set --default-region."),
        ("Use phone_format='e164', if so.", "Use --phone-format e164, if so."),
        ("with mobile_only=False it is messaged", "with --no-mobile-only it is messaged"),
        ("or name_column=None to send", 'or --name-column "" to send'),
        ('Map it with variables={"Importe": "<column>"}; x', 'Map it with --variables "Importe=<column>"; x'),
        ("variables['Importe']: no column 'a'", "--variables Importe: no column 'a'"),
        ("read_options['encoding']: 'x' is not one", "--encoding: 'x' is not one"),
        ('Name it, such as read_options={"encoding": "latin-1"}.', 'Name it, such as --encoding "latin-1".'),
        ('It is wide. Use read_options={"separator": ";"}.', "It is wide."),
        ("send_at: scheduled_by='store' needs it.", "--send-at: --scheduled-by store needs it."),
        ("It is empty. Use on_empty='skip', which skips the task.", "It is empty."),
        ("Correct the list, or use on_invalid='reject'.", "Correct the list, or use on_invalid='reject'."),
    ],
)
def test_arguments_of_operators_become_options(text: str, printed: str) -> None:
    assert in_options(text, NAMES) == printed


@pytest.mark.parametrize(
    "text",
    [
        "The columns are 'default_region', 'phone_format'.",
        'there is no column "region_column"',
        "Airflow's airflow_provider_rcs and my_default_region stay.",
        "airflow-rcs migrate --store-conn-id rcs_store",
        "https://host/default_region_list",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert in_options(text, NAMES) == text
