"""Mobiles of every region, written as warehouses hold them, and how each writing is read.

``python -m tests.phone_sweep`` reads 300 mobiles of each region, and prints the table of
docs/decisions/a-phone-is-read-in-one-way-only.md.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from airflow_provider_rcs.recipients.phone_cells import PhoneError
from airflow_provider_rcs.recipients.phones import PhoneRules, read_phone

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
OUTCOMES = ("right", "wrong in the country", "wrong abroad", "refused")
FULL = 300
_MOBILES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


@dataclass(frozen=True)
class Writing:
    """A way in which a warehouse holds phones.

    :param text: (number, the region of the list) -> the text in the cell.
    :param rules: the region of the list -> how the task reads it.
    :param is_foreign: whether the numbers are those of other regions than that of the list.
    """

    text: Callable[[PhoneNumber, str], str]
    rules: Callable[[str], PhoneRules] = PhoneRules
    is_foreign: bool = False


def digits(number: PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def national(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


def as_integer(number: PhoneNumber) -> str:
    return str(number.national_number)


def said_e164(region: str) -> PhoneRules:
    return PhoneRules(region, "e164")


def said_national(region: str) -> PhoneRules:
    return PhoneRules(region, "national")


WRITINGS = {
    "`+`, digits": Writing(lambda number, _: f"+{digits(number)}"),
    "`+`, spaced": Writing(lambda number, _: phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)),
    "`tel:`, dashes": Writing(lambda number, _: phonenumbers.format_number(number, PhoneNumberFormat.RFC3966)),
    "`whatsapp:`": Writing(lambda number, _: f"whatsapp:+{digits(number)}"),
    "apostrophe, `+`": Writing(lambda number, _: f"'+{digits(number)}"),
    "`+` before a float, `.0`": Writing(lambda number, _: f"+{digits(number)}.0"),
    "`00`": Writing(lambda number, _: f"00{digits(number)}"),
    "the region's own way abroad, other countries": Writing(
        lambda number, region: phonenumbers.format_out_of_country_calling_number(number, region), is_foreign=True
    ),
    "national": Writing(lambda number, _: national(number)),
    "national, dots": Writing(lambda number, _: re.sub("[ -]+", ".", national(number))),
    "national, no-break spaces": Writing(lambda number, _: re.sub(" ", "\u00a0", national(number))),
    "national, in a column of integers": Writing(lambda number, _: as_integer(number)),
    "national, in a column of floats": Writing(lambda number, _: f"{as_integer(number)}.0"),
    "national, said to be national": Writing(lambda number, _: national(number), said_national),
    "country code without `+`": Writing(lambda number, _: digits(number)),
    "country code, in a column of floats": Writing(lambda number, _: f"{digits(number)}.0"),
    "country code, said to be E.164": Writing(lambda number, _: digits(number), said_e164),
    "country code, said to be E.164, no region": Writing(
        lambda number, _: digits(number), lambda _: PhoneRules(phone_format="e164")
    ),
    "other countries' code, said to be E.164": Writing(lambda number, _: digits(number), said_e164, is_foreign=True),
    "country code, no region": Writing(lambda number, _: digits(number), lambda _: PhoneRules()),
    "national, no region": Writing(lambda number, _: as_integer(number), lambda _: PhoneRules()),
    "national, said to be E.164": Writing(lambda number, _: as_integer(number), said_e164),
    "country code, said to be national": Writing(lambda number, _: digits(number), said_national),
    "other countries' code without `+`": Writing(lambda number, _: digits(number), is_foreign=True),
    "one digit too many": Writing(lambda number, _: f"{as_integer(number)}7"),
    "one digit too few": Writing(lambda number, _: as_integer(number)[:-1]),
    "scientific notation": Writing(lambda number, _: f"{float(digits(number)):.2E}"),
    "two in a cell": Writing(lambda number, _: f"{national(number)} / {national(number)}"),
    "an extension": Writing(lambda number, _: f"{national(number)} x12"),
    "a fraction": Writing(lambda number, _: f"{as_integer(number)}.5"),
}


def mobiles_of(region: str, count: int) -> list[PhoneNumber]:
    """Return mobiles of a region: the example of phonenumbers with its last digits changed, always the same ones."""
    chance = random.Random(region)
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    if example is None:
        return []
    national_number = phonenumbers.national_significant_number(example)
    found = {digits(example): example}
    for _ in range(count * 10):
        if len(found) >= count:
            break
        kept = chance.randrange(1, len(national_number))
        changed = national_number[:kept] + "".join(chance.choices("0123456789", k=len(national_number) - kept))
        number = phonenumbers.parse(f"+{example.country_code}{changed}")
        if phonenumbers.number_type(number) in _MOBILES and phonenumbers.region_code_for_number(number) == region:
            found[digits(number)] = number
    return list(found.values())


def numbers_for(writing: Writing, region: str, mobiles: dict[str, list[PhoneNumber]]) -> Iterator[PhoneNumber]:
    """Yield the numbers that a list of a region holds in this writing."""
    if not writing.is_foreign:
        yield from mobiles[region]
        return
    own = phonenumbers.country_code_for_region(region)
    chance = random.Random(region)
    others = chance.sample(REGIONS, k=40)
    foreign = [number for other in others for number in mobiles[other] if number.country_code != own]
    yield from chance.sample(foreign, k=min(len(mobiles[region]) or 1, len(foreign)))


def outcome(number: PhoneNumber, text: str, region: str, rules: PhoneRules) -> str:
    """Return one of ``OUTCOMES``."""
    try:
        phone = read_phone(text, rules).phone
    except PhoneError:
        return "refused"
    if phone == f"+{digits(number)}":
        return "right"
    code = phonenumbers.country_code_for_region(region)
    return "wrong in the country" if phone.startswith(f"+{code}") else "wrong abroad"


def sweep(count: int) -> dict[str, Counter[str]]:
    """Return writing -> outcome -> numbers, of up to ``count`` mobiles of each region."""
    mobiles = {region: mobiles_of(region, count) for region in REGIONS}
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for name, writing in WRITINGS.items():
        for region in REGIONS:
            rules = writing.rules(region)
            for number in numbers_for(writing, region, mobiles):
                outcomes[name][outcome(number, writing.text(number, region), region, rules)] += 1
    return outcomes


def as_table(outcomes: dict[str, Counter[str]]) -> str:
    """Return the outcomes in Markdown."""
    rows = [f"| {name} | {' | '.join(f'{counts[each]:,}' for each in OUTCOMES)} |" for name, counts in outcomes.items()]
    return "\n".join([f"| writing | {' | '.join(OUTCOMES)} |", "| --- | --: | --: | --: | --: |", *rows])


if __name__ == "__main__":
    print(as_table(sweep(int(sys.argv[1]) if len(sys.argv) > 1 else FULL)))
