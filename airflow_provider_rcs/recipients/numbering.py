"""Phones of plain digits, parsed by patterns from phonenumbers' metadata wherever the result is the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

ParsedPhone = tuple[str, bool]
"""A phone as E.164 digits, and whether it is a fixed line that cannot be a mobile."""

FastPattern = tuple[str, re.Pattern[str]]
"""The calling code missing before some numbers, and a pattern that finds these numbers among lines.

The pattern's first group captures a run of lines that match, its second group the line after the run.
"""

LONGEST_E164 = 15

_LONGEST_CALLING_CODE = 3
_TYPES_BEFORE_FIXED_LINE = (  # the types that phonenumbers checks before it considers a number a fixed line
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


def read_international(digits: str) -> ParsedPhone | None:
    """Parse digits that begin with a country calling code.

    :param digits: one or more ASCII digits.
    :return: the phone, or ``None`` if only phonenumbers itself can decide.
    """
    plan = _plan_of(digits[:_LONGEST_CALLING_CODE])
    if plan is None or len(digits) > LONGEST_E164:
        return None
    start = len(plan.code)
    if _after_prefix(plan.prefix, digits, start) != start:
        return None
    is_fixed_line = plan.is_fixed_line(digits, start)
    return None if is_fixed_line is None else (digits, is_fixed_line)


@cache
def national_reader(region: str) -> Callable[[str], ParsedPhone | None]:
    """Return a function that parses digits as a national number of the region, or else as an international one.

    It takes and returns the same as :func:`read_international`.
    """
    return _region(region).read


def fast_pattern_for(digits: str, region: str | None) -> FastPattern:
    """Return a pattern that finds numbers of the same form as this one, so that a column of them is parsed at once.

    The pattern matches only numbers for which :func:`read_international` or :func:`national_reader` returns the missing
    code with the digits, and which are not fixed lines.

    :param digits: one or more ASCII digits.
    :param region: the region of national numbers, or ``None``.
    """
    if region:
        pattern = _national_pattern(region, len(digits))
    else:
        pattern = _international_pattern(digits[:_LONGEST_CALLING_CODE], len(digits))
    return pattern or no_fast_pattern()


@cache
def no_fast_pattern() -> FastPattern:
    """Return a pattern that matches no number."""
    return "", _lines_of(_NEVER.pattern)


class _NumberingPlan:
    """The numbers of a country calling code, which several regions may share."""

    def __init__(self, code: int) -> None:
        regions = _metadata_of(code)
        self.code = str(code)
        self.prefix = _compile(regions[0].national_prefix_for_parsing)
        lengths = {length for region in regions for length in region.general_desc.possible_length}
        patterns = {length: _patterns(regions, length) for length in lengths}
        self.valid = {length: valid for length, (valid, _) in patterns.items() if valid}
        self.not_fixed_line = {length: pattern for length, (_, pattern) in patterns.items() if pattern}
        self._compiled = {length: _compile(pattern) for length, pattern in self.valid.items()}

    def is_fixed_line(self, digits: str, start: int) -> bool | None:
        """Return whether the national number from ``start`` on is a fixed line, or ``None`` if it is not valid."""
        pattern = self._compiled.get(len(digits) - start)
        match = pattern.fullmatch(digits, start) if pattern else None
        return None if match is None else match.lastindex is not None


class _Region:
    """The ways of writing a number in one region."""

    def __init__(self, region: str) -> None:
        from phonenumbers.phonemetadata import PhoneMetadata

        metadata: Any = PhoneMetadata.metadata_for_region(region)
        general = metadata.general_desc
        self._plan = _plan(metadata.country_code)
        self._international_prefix = _compile("|".join({"00", metadata.international_prefix or "00"}))
        self._prefix = _compile(metadata.national_prefix_for_parsing)
        self._general = _compile(general.national_number_pattern)
        self._lengths = set(general.possible_length) - set(general.possible_length_local_only)
        self._longest = max(*general.possible_length, *general.possible_length_local_only, 0)
        self._unambiguous_forms = dict(self._each_unambiguous_form())
        self._unambiguous = {
            length: (code, _compile(f"{before}(?:{self._plan.valid[national]})"))
            for length, (code, before, national) in self._unambiguous_forms.items()
        }

    def read(self, digits: str) -> ParsedPhone | None:
        form = self._unambiguous.get(len(digits))
        if form and (match := form[1].fullmatch(digits)):
            return form[0] + digits, match.lastindex is not None
        return self._read_ambiguous(digits)

    def fast_pattern(self, length: int) -> FastPattern | None:
        """Return the pattern for numbers of ``length`` digits, if they have an unambiguous form."""
        code, before, national = self._unambiguous_forms.get(length, ("", "", 0))
        pattern = self._plan.not_fixed_line.get(national)
        return (code, _lines_of(f"{before}(?:{pattern})")) if pattern else None

    def _each_unambiguous_form(self) -> Iterator[tuple[int, tuple[str, str, int]]]:
        """Yield each length of numbers that can be read in one way only, if they are valid and match a beginning.

        Each comes with the calling code missing before the number, the pattern of its beginning, and the length of the
        national number that follows. The beginning excludes every prefix that phonenumbers might remove. Numbers longer
        than any of the region begin with its calling code; of the others, those that do not begin with it are national.
        """
        code = self._plan.code
        not_abroad, not_prefix, not_own_prefix = map(
            _not_beginning_with, (self._international_prefix, self._prefix, self._plan.prefix)
        )
        for length in self._plan.valid:
            with_code = len(code) + length
            if length <= self._longest and with_code <= LONGEST_E164:
                yield length, (code, f"{not_abroad}{not_prefix}(?!{code})", length)
            if self._longest < with_code <= LONGEST_E164:
                yield with_code, ("", f"{not_abroad}{code}{not_prefix}{not_own_prefix}", length)

    def _read_ambiguous(self, digits: str) -> ParsedPhone | None:
        code = self._plan.code
        if self._international_prefix.match(digits):
            return None
        if digits.startswith(code):
            return read_international(digits) if self._is_certainly_after_code(digits) else None
        start = _after_prefix(self._prefix, digits, 0)
        if start is None or (start and not self._is_possible(digits, start)):
            return None
        is_fixed_line = self._plan.is_fixed_line(digits, start)
        if is_fixed_line is None:
            return None if start else read_international(digits)
        phone = code + digits[start:]
        return (phone, is_fixed_line) if len(phone) <= LONGEST_E164 else None

    def _is_certainly_after_code(self, digits: str) -> bool:
        """Return whether digits that begin with the calling code can only mean that code and a national number."""
        after_code = len(self._plan.code)
        if _after_prefix(self._prefix, digits, after_code) != after_code:
            return False
        if len(digits) > self._longest:
            return True
        # Phonenumbers may first take these for a national number. If that is not valid, it reads them after the code.
        return _after_prefix(self._prefix, digits, 0) == 0 and self._plan.is_fixed_line(digits, 0) is None

    def _is_possible(self, digits: str, start: int) -> bool:
        """Return whether phonenumbers removes the national prefix, because the rest is a possible number."""
        return len(digits) - start in self._lengths and self._general.fullmatch(digits, start) is not None


@cache
def _region(region: str) -> _Region:
    return _Region(region)


@cache
def _national_pattern(region: str, length: int) -> FastPattern | None:
    return _region(region).fast_pattern(length)


@cache
def _international_pattern(beginning: str, length: int) -> FastPattern | None:
    plan = _plan_of(beginning)
    pattern = plan.not_fixed_line.get(length - len(plan.code)) if plan else None
    if plan is None or pattern is None or length > LONGEST_E164:
        return None
    return "", _lines_of(f"{plan.code}{_not_beginning_with(plan.prefix)}(?:{pattern})")


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


def _patterns(regions: Sequence[Any], length: int) -> tuple[str, str]:
    """Return patterns of valid national numbers of a length: of all numbers, and of all that are not fixed lines.

    Only fixed lines capture a group in the first pattern. A region with leading digits decides alone about all numbers
    that begin with them; of the other regions, the first one in which a number is valid decides about it.
    """
    valid, not_fixed_line = [], []
    decided = decided_or_fixed_line = ""
    for region in regions:
        leading = region.leading_digits if len(regions) > 1 else None
        begins = f"(?={leading})" if leading else ""
        possible, others, fixed_line = _patterns_by_type(region, length)
        if others or fixed_line:
            types = "|".join(filter(None, [others, fixed_line and f"({fixed_line})"]))
            valid.append(f"{decided}{begins}{possible}(?:{types})")
        if others:
            not_fixed_line.append(f"{decided_or_fixed_line}{begins}{possible}(?:{others})")
        if leading:
            decided += f"(?!{leading})"
            decided_or_fixed_line += f"(?!{leading})"
        elif fixed_line:
            decided_or_fixed_line += f"(?!{possible}(?:{fixed_line}){_END})"
    return "|".join(valid), "|".join(not_fixed_line)


def _patterns_by_type(region: Any, length: int) -> tuple[str, str, str]:
    """Return patterns of a region's numbers of a length: a lookahead for all, others than fixed lines, fixed lines."""
    general = _pattern_of_type(region.general_desc, length)
    if not general:
        return "", "", ""
    fixed_line = _pattern_of_type(region.fixed_line, length)
    # The type of most phones comes first, for speed: these types capture no group, so their order has no meaning.
    others = [fixed_line if region.same_mobile_and_fixed_line_pattern else _pattern_of_type(region.mobile, length)]
    others += [_pattern_of_type(getattr(region, name), length) for name in _TYPES_BEFORE_FIXED_LINE]
    return f"(?=(?:{general}){_END})", "|".join(f"(?:{other})" for other in others if other), fixed_line


def _pattern_of_type(description: Any, length: int) -> str:
    """Return the pattern of one type of number, or empty text if numbers of the type cannot have this length."""
    if description is None or length not in (description.possible_length or [length]):
        return ""
    return description.national_number_pattern or ""


def _compile(pattern: str | None) -> re.Pattern[str]:
    """Compile a pattern of ASCII digits; a missing or empty one matches nothing."""
    return re.compile(pattern, re.ASCII) if pattern else _NEVER


def _lines_of(number: str) -> re.Pattern[str]:
    return re.compile(rf"((?:{number}\n)*+)([^\n]*\n)?", re.ASCII)


def _not_beginning_with(prefix: re.Pattern[str]) -> str:
    """Return a lookahead that excludes numbers with a prefix; empty text without a prefix."""
    return "" if prefix is _NEVER else f"(?!{_without_groups(prefix.pattern)})"


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
