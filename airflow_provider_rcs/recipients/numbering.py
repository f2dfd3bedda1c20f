"""Numbers of all countries, read by patterns made from phonenumbers' metadata wherever the result is the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import cache, lru_cache
from typing import Any, NamedTuple

LONGEST_E164 = 15

_LONGEST_CALLING_CODE = 3
_TYPES_BEFORE_OTHERS = (  # the types that phonenumbers checks before it considers a number a fixed line or a mobile
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
_NEVER = re.compile("(?!)")
_END = r"(?!\d)"


class Kind(IntEnum):
    """What a valid number is; the order is that of the groups in the patterns."""

    OTHER = 0
    MOBILE = 1
    FIXED_LINE = 2


class Number(NamedTuple):
    """A valid number.

    :param phone: E.164: a plus sign, and 7 to 15 digits.
    :param kind: a mobile is also a number that may be a fixed line or a mobile, as in the United States.
    """

    phone: str
    kind: Kind


_KINDS = tuple(Kind)
_UNCERTAIN = Number("", Kind.OTHER)


def calling_code(region: str) -> str:
    """Return the calling code of a region, such as ``"34"`` for ``"ES"``."""
    return _region(region).code


def is_region(text: str) -> bool:
    """Return whether a text is a region of phones, such as ``"ES"``."""
    from phonenumbers import SUPPORTED_REGIONS

    return text in SUPPORTED_REGIONS


def main_region(digits: str) -> str:
    """Return the main region of the calling code that digits begin with, such as ``"US"`` for all numbers of +1."""
    plan = _plan_of(digits[:_LONGEST_CALLING_CODE])
    return plan.main_region if plan else ""


def international_number(digits: str) -> Number | None:
    """Return the number that digits mean after a plus sign; ``None`` if it is not valid.

    :param digits: ASCII digits, the country's calling code first.
    """
    number = _international_by_pattern(digits)
    return _international_by_phonenumbers(digits) if number is _UNCERTAIN else number


def national_number(digits: str, region: str) -> Number | None:
    """Return the number that digits mean when they are dialled inside a region; ``None`` if it is not valid.

    It may belong to another region with the same calling code, as numbers of Jamaica do in the United States.

    :param digits: ASCII digits, with or without the region's national prefix.
    """
    number = _region(region).national(digits)
    return _national_by_phonenumbers(digits, region) if number is _UNCERTAIN else number


def digits_dialled_abroad(digits: str, region: str) -> str:
    """Return the digits after the region's own prefix for calls abroad; empty text if they do not begin with it.

    :param digits: ASCII digits, such as ``"01134612345678"`` in the United States.
    """
    return digits[_region(region).after_own_way_abroad(digits) or len(digits) :]


def mobiles_after_plus(digits: str) -> re.Pattern[str]:
    """Return a pattern that finds, among lines, mobiles with a plus sign that have the form of this number.

    The pattern's first group captures a run of lines that match, its second group the line after the run.

    :param digits: the digits after the plus sign.
    """
    return _lines_of(_after_code(digits[:_LONGEST_CALLING_CODE], len(digits), r"\+") or _NEVER.pattern)


def mobiles_with_code(digits: str, region: str | None) -> re.Pattern[str]:
    """Like :func:`mobiles_after_plus`, for digits that begin with the calling code and have no plus sign.

    :param region: the region, whose code it must be, or ``None``. The pattern leaves out numbers that may be dialled
        otherwise inside the region.
    """
    if region is None:
        return _lines_of(_after_code(digits[:_LONGEST_CALLING_CODE], len(digits), "") or _NEVER.pattern)
    return _lines_of(_region(region).certain_with_code(len(digits)) or _NEVER.pattern)


def national_mobiles(digits: str, region: str, *, may_have_code: bool) -> re.Pattern[str]:
    """Like :func:`mobiles_after_plus`, for national numbers without the national prefix.

    :param may_have_code: whether the digits may also begin with the calling code; such numbers are left out.
    """
    return _lines_of(_region(region).certain_national(len(digits), may_have_code=may_have_code) or _NEVER.pattern)


class _NumberingPlan:
    """The numbers of a country calling code, which several regions may share."""

    def __init__(self, code: int) -> None:
        regions = _metadata_of(code)
        self.code = str(code)
        self.main_region = regions[0].id
        self.prefix = _compile(regions[0].national_prefix_for_parsing)
        lengths = {length for region in regions for length in region.general_desc.possible_length}
        self._valid = {length: _compile(_valid_pattern(regions, length)) for length in lengths}
        self.mobile = {length: pattern for length in lengths if (pattern := _mobile_pattern(regions, length))}

    def kind(self, digits: str, start: int) -> Kind | None:
        """Return the kind of the national number from ``start`` on, or ``None`` if it is not valid."""
        pattern = self._valid.get(len(digits) - start)
        match = pattern.fullmatch(digits, start) if pattern else None
        return None if match is None else _KINDS[(match.lastindex or 0) % len(_KINDS)]

    def has_length(self, length: int) -> bool:
        """Return whether a national number may have this length."""
        return length in self._valid


class _Region:
    """The ways of dialling a number in one region."""

    def __init__(self, region: str) -> None:
        from phonenumbers.phonemetadata import PhoneMetadata

        metadata: Any = PhoneMetadata.metadata_for_region(region)
        general = metadata.general_desc
        self._plan = _plan(metadata.country_code)
        self.code = self._plan.code
        self._own_way_abroad = _compile(metadata.international_prefix)
        self._prefix = _compile(metadata.national_prefix_for_parsing)
        self._is_main = self._plan.main_region == region
        self._general = _compile(general.national_number_pattern)
        self._lengths = set(general.possible_length) - set(general.possible_length_local_only)

    def national(self, digits: str) -> Number | None:
        """Return the number that digits mean inside the region, or ``_UNCERTAIN``."""
        start = _after_prefix(self._prefix, digits, 0)
        if start is None or self._own_way_abroad.match(digits):
            return _UNCERTAIN
        if not self._is_main and (start or _after_prefix(self._plan.prefix, digits, 0) != 0):
            return _UNCERTAIN
        if start and not self._is_possible(digits, start):
            return _UNCERTAIN
        return _number(self.code, digits, start, self._plan.kind(digits, start))

    def after_own_way_abroad(self, digits: str) -> int:
        """Return where the number begins after the region's prefix for calls abroad; 0 without the prefix."""
        match = self._own_way_abroad.match(digits)
        return match.end() if match else 0

    def certain_national(self, length: int, *, may_have_code: bool) -> str | None:
        """Return a pattern of mobiles of a length that can only be national numbers without the national prefix."""
        if (mobile := self._plan.mobile.get(length)) is None or len(self.code) + length > LONGEST_E164:
            return None
        without_code = f"(?!{self.code})" if may_have_code else ""
        return f"{self._not_dialled_otherwise()}{without_code}(?:{mobile})"

    def certain_with_code(self, length: int) -> str | None:
        """Return a pattern of mobiles that begin with the calling code and are too long for national numbers."""
        mobile = self._plan.mobile.get(length - len(self.code))
        if mobile is None or self._plan.has_length(length) or length > LONGEST_E164:
            return None
        not_prefix = _not_beginning_with(self._plan.prefix)
        return f"{self._not_dialled_otherwise()}{self.code}{not_prefix}(?:{mobile})"

    def _not_dialled_otherwise(self) -> str:
        prefixes = (re.compile("00"), self._own_way_abroad, self._prefix, self._plan.prefix)
        return "".join(map(_not_beginning_with, dict.fromkeys(prefixes)))

    def _is_possible(self, digits: str, start: int) -> bool:
        """Return whether phonenumbers removes the national prefix, because the rest is a possible number."""
        return len(digits) - start in self._lengths and self._general.fullmatch(digits, start) is not None


def _international_by_pattern(digits: str) -> Number | None:
    plan = _plan_of(digits[:_LONGEST_CALLING_CODE])
    if plan is None or len(digits) > LONGEST_E164:
        return _UNCERTAIN
    start = len(plan.code)
    if _after_prefix(plan.prefix, digits, start) != start:
        return _UNCERTAIN
    return _number(plan.code, digits, start, plan.kind(digits, start))


def _number(code: str, digits: str, start: int, kind: Kind | None) -> Number | None:
    if kind is None or len(code) + len(digits) - start > LONGEST_E164:
        return None
    return Number(f"+{code}{digits[start:]}", kind)


@lru_cache(maxsize=10_000)
def _international_by_phonenumbers(digits: str) -> Number | None:
    import phonenumbers

    try:
        return _checked(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=10_000)
def _national_by_phonenumbers(digits: str, region: str) -> Number | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(digits, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    # Phonenumbers has found another country's number, or the region's own after its calling code; both are no national
    # ones. After the code, the digits are national.
    if number.country_code_source != phonenumbers.CountryCodeSource.FROM_DEFAULT_COUNTRY:
        return _international_by_phonenumbers(calling_code(region) + digits)
    return _checked(number)


def _checked(number: Any) -> Number | None:
    import phonenumbers
    from phonenumbers import PhoneNumberType

    phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number) or len(phone) > LONGEST_E164 + 1:
        return None
    match phonenumbers.number_type(number):
        case PhoneNumberType.MOBILE | PhoneNumberType.FIXED_LINE_OR_MOBILE:
            return Number(phone, Kind.MOBILE)
        case PhoneNumberType.FIXED_LINE:
            return Number(phone, Kind.FIXED_LINE)
        case _:
            return Number(phone, Kind.OTHER)


@cache
def _region(region: str) -> _Region:
    return _Region(region)


def _after_code(beginning: str, length: int, before: str) -> str | None:
    """Return a pattern of mobiles after their calling code."""
    plan = _plan_of(beginning)
    mobile = plan.mobile.get(length - len(plan.code)) if plan else None
    if plan is None or mobile is None or length > LONGEST_E164:
        return None
    return f"{before}{plan.code}{_not_beginning_with(plan.prefix)}(?:{mobile})"


@cache
def _plan_of(beginning: str) -> _NumberingPlan | None:
    """Return the plan of the calling code that digits begin with."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    if beginning.startswith("0"):
        return None
    codes = [int(beginning[:length]) for length in range(1, len(beginning) + 1)]
    known = [code for code in codes if code in COUNTRY_CODE_TO_REGION_CODE]
    return _plan(known[0]) if known else None


@cache
def _plan(code: int) -> _NumberingPlan:
    return _NumberingPlan(code)


def _metadata_of(code: int) -> list[Any]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.phonemetadata import PhoneMetadata

    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    return [PhoneMetadata.metadata_for_region_or_calling_code(code, region) for region in regions]


def _valid_pattern(regions: Sequence[Any], length: int) -> str:
    """Return the pattern of the valid national numbers of a length, with a group for each kind, in the kinds' order.

    A region with leading digits decides alone about all numbers that begin with them; of the other regions, the first
    one in which a number is valid decides about it.
    """
    alternatives = []
    for decided, begins, (general, others, mobile, fixed_line) in _regions_of_length(regions, length):
        # The number of the group that matched, modulo three, is the kind.
        not_others = f"(?!(?:{others}){_END})" if others else ""
        kinds = f"{not_others}(?:({mobile or '(?!)'})|({fixed_line or '(?!)'}))|({others or '(?!)'})"
        alternatives.append(f"{decided}{begins}{general}(?:{kinds})")
    return "|".join(alternatives)


def _mobile_pattern(regions: Sequence[Any], length: int) -> str:
    """Return the pattern of the mobiles among the national numbers of a length, without a group."""
    alternatives = []
    for decided, begins, (general, others, mobile, _) in _regions_of_length(regions, length):
        if mobile:
            not_others = f"(?!(?:{others}){_END})" if others else ""
            alternatives.append(f"{decided}{begins}{general}{not_others}(?:{mobile})")
    return "|".join(alternatives)


def _regions_of_length(regions: Sequence[Any], length: int) -> Iterator[tuple[str, str, tuple[str, str, str, str]]]:
    """Yield a region's lookaheads, for numbers that no region before it decides and for its own, and its patterns."""
    decided = ""
    for region in regions:
        leading = region.leading_digits if len(regions) > 1 else None
        patterns = _patterns_by_kind(region, length)
        general, *kinds = patterns
        any_kind = "|".join(f"(?:{kind})" for kind in kinds if kind)
        if any_kind:
            yield decided, f"(?={leading})" if leading else "", patterns
        if leading:
            decided += f"(?!{leading})"
        elif any_kind:
            decided += f"(?!{general}(?:{any_kind}){_END})"


def _patterns_by_kind(region: Any, length: int) -> tuple[str, str, str, str]:
    """Return patterns of a region's numbers of a length: a lookahead for all; others; mobiles; only fixed lines."""
    general = _pattern_of_type(region.general_desc, length)
    if not general:
        return "", "", "", ""
    fixed_line = _pattern_of_type(region.fixed_line, length)
    mobile = fixed_line if region.same_mobile_and_fixed_line_pattern else _pattern_of_type(region.mobile, length)
    others = filter(None, (_pattern_of_type(getattr(region, name), length) for name in _TYPES_BEFORE_OTHERS))
    return f"(?=(?:{general}){_END})", "|".join(f"(?:{other})" for other in others), mobile, fixed_line


def _pattern_of_type(description: Any, length: int) -> str:
    """Return the pattern of one type of number, or empty text if numbers of the type cannot have this length."""
    if description is None or length not in (description.possible_length or [length]):
        return ""
    return _without_groups(description.national_number_pattern or "")


def _compile(pattern: str | None) -> re.Pattern[str]:
    """Compile a pattern of ASCII digits; a missing or empty one matches nothing."""
    return re.compile(pattern, re.ASCII) if pattern else _NEVER


@cache
def _lines_of(number: str) -> re.Pattern[str]:
    return re.compile(rf"((?:{number}\n)*+)([^\n]*\n)?", re.ASCII)


def _not_beginning_with(prefix: re.Pattern[str]) -> str:
    """Return a lookahead that excludes numbers with a prefix; empty text without a prefix."""
    # Among lines, "$" is not the end of a number.
    return "" if prefix is _NEVER else f"(?!{_without_groups(prefix.pattern).replace('$', _END)})"


def _without_groups(pattern: str) -> str:
    """Return a pattern without capturing groups, which would be mistaken for ours."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)


def _after_prefix(prefix: re.Pattern[str], digits: str, start: int) -> int | None:
    """Return where the number after a national prefix begins, or ``None`` if the prefix is transformed, not removed."""
    if prefix is _NEVER:
        return start
    match = prefix.match(digits, start)
    if match is None:
        return start
    return match.end() if match.lastindex is None else None
