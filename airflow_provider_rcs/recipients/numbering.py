"""Plain digits read as phones by patterns made of phonenumbers' metadata: as it would, wherever that is certain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

LONGEST_E164 = 15


_LONGEST_CALLING_CODE = 3


_TYPES_THAT_COME_BEFORE_FIXED_LINE = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)


ParsedPhone = tuple[str, bool]
"""A phone as E.164 digits, and whether it is a fixed line, which means that it cannot be a mobile."""


FastPattern = tuple[str, re.Pattern[str]]
"""The code that is missing before some numbers, and a pattern of lines of these numbers and the line behind them."""


_NEVER = re.compile("(?!)")


_END = r"(?!\d)"


def read_international(digits: str) -> ParsedPhone | None:
    """Read digits that begin with a country calling code.

    :param digits: ASCII digits, at least one.
    :return: the phone as E.164 digits, and whether it is a fixed line; ``None`` where phonenumbers has to be asked.
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
    """Return what reads digits that are a national number of the region, or begin with a country calling code.

    It takes and returns what :func:`read_international` does.
    """
    return _region(region).read


def fast_pattern_for(digits: str, region: str | None) -> FastPattern:
    """Return how numbers that look like this one are read at a glance.

    :param digits: ASCII digits, at least one.
    :param region: region of national numbers, if there is one.
    :return: the code that may be missing; and a pattern that captures lines, as many as there are, of numbers that the
        readers take for phones as they stand after the code, and for no fixed lines; and the line behind them.
    """
    if region:
        way = _national_way(region, len(digits))
    else:
        way = _international_way(digits[:_LONGEST_CALLING_CODE], len(digits))
    return way or no_fast_pattern()


@cache
def no_fast_pattern() -> FastPattern:
    """Return how nothing is read at a glance."""
    return "", _lines_of(_NEVER.pattern)


class _Plan:
    """The numbers behind one country calling code, which several regions may share."""

    def __init__(self, code: int) -> None:
        regions = _metadata_of(code)
        self.code = str(code)
        self.prefix = _compiled(regions[0].national_prefix_for_parsing)
        lengths = {length for region in regions for length in region.general_desc.possible_length}
        patterns = {length: _patterns(regions, length) for length in lengths}
        self.valid = {length: valid for length, (valid, _) in patterns.items() if valid}
        self.no_fixed_line = {length: pattern for length, (_, pattern) in patterns.items() if pattern}
        self._compiled = {length: _compiled(pattern) for length, pattern in self.valid.items()}

    def is_fixed_line(self, digits: str, start: int) -> bool | None:
        """Return whether the national number that begins at a place is a fixed line; ``None`` if it is not valid."""
        pattern = self._compiled.get(len(digits) - start)
        match = pattern.fullmatch(digits, start) if pattern else None
        return None if match is None else match.lastindex is not None


class _Region:
    """How numbers are written in one region."""

    def __init__(self, region: str) -> None:
        from phonenumbers.phonemetadata import PhoneMetadata

        metadata: Any = PhoneMetadata.metadata_for_region(region)
        general = metadata.general_desc
        self._plan = _plan(metadata.country_code)
        self._international_prefix = _compiled("|".join({"00", metadata.international_prefix or "00"}))
        self._prefix = _compiled(metadata.national_prefix_for_parsing)
        self._general = _compiled(general.national_number_pattern)
        self._lengths = set(general.possible_length) - set(general.possible_length_local_only)
        self._longest = max(*general.possible_length, *general.possible_length_local_only, 0)
        self._usual_ways = dict(self._each_usual_way())
        self._usual = {
            length: (code, _compiled(f"{before}(?:{self._plan.valid[national]})"))
            for length, (code, before, national) in self._usual_ways.items()
        }

    def read(self, digits: str) -> ParsedPhone | None:
        usual = self._usual.get(len(digits))
        if usual and (match := usual[1].fullmatch(digits)):
            return usual[0] + digits, match.lastindex is not None
        return self._read_unusual(digits)

    def way(self, length: int) -> FastPattern | None:
        """Return how numbers of so many digits are read at a glance."""
        code, before, national = self._usual_ways.get(length, ("", "", 0))
        pattern = self._plan.no_fixed_line.get(national)
        return (code, _lines_of(f"{before}(?:{pattern})")) if pattern else None

    def _each_usual_way(self) -> Iterator[tuple[int, tuple[str, str, int]]]:
        """Return, by length, the code that is missing before a number, what begins it, and the digits that follow.

        What begins it is a pattern, behind which numbers of so many digits are read at a glance, if they are valid.
        They are those from which no prefix can be taken off. Digits that are longer than any number of the region
        begin with its code; among the others, those that do not begin like it are a number of the region.
        """
        code = self._plan.code
        not_abroad, not_prefix, not_own_prefix = map(
            _unless, (self._international_prefix, self._prefix, self._plan.prefix)
        )
        for length in self._plan.valid:
            with_code = len(code) + length
            if length <= self._longest and with_code <= LONGEST_E164:
                yield length, (code, f"{not_abroad}{not_prefix}(?!{code})", length)
            if self._longest < with_code <= LONGEST_E164:
                yield with_code, ("", f"{not_abroad}{code}{not_prefix}{not_own_prefix}", length)

    def _read_unusual(self, digits: str) -> ParsedPhone | None:
        code = self._plan.code
        if self._international_prefix.match(digits):
            return None
        if digits.startswith(code):
            return read_international(digits) if self._is_after_code(digits) else None
        start = _after_prefix(self._prefix, digits, 0)
        if start is None or (start and not self._is_possible(digits, start)):
            return None
        is_fixed_line = self._plan.is_fixed_line(digits, start)
        if is_fixed_line is None:
            return None if start else read_international(digits)
        phone = code + digits[start:]
        return (phone, is_fixed_line) if len(phone) <= LONGEST_E164 else None

    def _is_after_code(self, digits: str) -> bool:
        """Whether digits that begin like the region's calling code can only be a number after it, as it stands."""
        after_code = len(self._plan.code)
        if _after_prefix(self._prefix, digits, after_code) != after_code:
            return False
        if len(digits) > self._longest:
            return True
        # Phonenumbers may take these for a national number first; if that is not valid, they are read after the code.
        return _after_prefix(self._prefix, digits, 0) == 0 and self._plan.is_fixed_line(digits, 0) is None

    def _is_possible(self, digits: str, start: int) -> bool:
        """Whether phonenumbers takes the national prefix off, because what follows can be a number."""
        return len(digits) - start in self._lengths and self._general.fullmatch(digits, start) is not None


@cache
def _region(region: str) -> _Region:
    return _Region(region)


@cache
def _national_way(region: str, length: int) -> FastPattern | None:
    return _region(region).way(length)


@cache
def _international_way(beginning: str, length: int) -> FastPattern | None:
    plan = _plan_of(beginning)
    pattern = plan.no_fixed_line.get(length - len(plan.code)) if plan else None
    if plan is None or pattern is None or length > LONGEST_E164:
        return None
    return "", _lines_of(f"{plan.code}{_unless(plan.prefix)}(?:{pattern})")


@cache
def _plan_of(beginning: str) -> _Plan | None:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    if beginning.startswith("0"):
        return None
    codes = [int(beginning[:length]) for length in range(1, len(beginning) + 1)]
    known = [code for code in codes if code in COUNTRY_CODE_TO_REGION_CODE]
    return _plan(known[0]) if known else None


@cache
def _plan(code: int) -> _Plan:
    return _Plan(code)


def _metadata_of(code: int) -> list[Any]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.phonemetadata import PhoneMetadata

    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    return [PhoneMetadata.metadata_for_region_or_calling_code(code, region) for region in regions]


def _patterns(regions: Sequence[Any], length: int) -> tuple[str, str]:
    """Return patterns of the valid national numbers of a length: of all, and of those that are no fixed lines.

    In the first one, only fixed lines capture something. A region with leading digits decides alone on every number
    that begins with them; among the others the first decides for which the number is valid.
    """
    valid, no_fixed_line = [], []
    decided = decided_or_fixed_line = ""
    for region in regions:
        leading = region.leading_digits if len(regions) > 1 else None
        begins = f"(?={leading})" if leading else ""
        possible, others, fixed_line = _kinds(region, length)
        if others or fixed_line:
            kinds = "|".join(filter(None, [others, fixed_line and f"({fixed_line})"]))
            valid.append(f"{decided}{begins}{possible}(?:{kinds})")
        if others:
            no_fixed_line.append(f"{decided_or_fixed_line}{begins}{possible}(?:{others})")
        if leading:
            decided += f"(?!{leading})"
            decided_or_fixed_line += f"(?!{leading})"
        elif fixed_line:
            decided_or_fixed_line += f"(?!{possible}(?:{fixed_line}){_END})"
    return "|".join(valid), "|".join(no_fixed_line)


def _kinds(region: Any, length: int) -> tuple[str, str, str]:
    """Return patterns of a region's numbers of a length: what is ahead of all, no fixed lines, and fixed lines."""
    general = _fitting(region.general_desc, length)
    if not general:
        return "", "", ""
    fixed_line = _fitting(region.fixed_line, length)
    # What most phones are comes first: among those that capture nothing, the order tells nothing.
    others = [fixed_line if region.same_mobile_and_fixed_line_pattern else _fitting(region.mobile, length)]
    others += [_fitting(getattr(region, name), length) for name in _TYPES_THAT_COME_BEFORE_FIXED_LINE]
    return f"(?=(?:{general}){_END})", "|".join(f"(?:{other})" for other in others if other), fixed_line


def _fitting(description: Any, length: int) -> str:
    """Return the pattern of one type of number, if numbers of the type can have this length; else nothing."""
    if description is None or length not in (description.possible_length or [length]):
        return ""
    return description.national_number_pattern or ""


def _compiled(pattern: str | None) -> re.Pattern[str]:
    """Compile a pattern of ASCII digits; none, or an empty one, matches nothing."""
    return re.compile(pattern, re.ASCII) if pattern else _NEVER


def _lines_of(number: str) -> re.Pattern[str]:
    return re.compile(rf"((?:{number}\n)*+)([^\n]*\n)?", re.ASCII)


def _unless(prefix: re.Pattern[str]) -> str:
    """Return what refuses numbers that begin with a prefix, in a pattern of them; nothing, where there is no prefix."""
    return "" if prefix is _NEVER else f"(?!{_without_groups(prefix.pattern)})"


def _without_groups(pattern: str) -> str:
    """Return the pattern with nothing captured, so that what is captured beside it can be told."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)


def _after_prefix(prefix: re.Pattern[str], digits: str, start: int) -> int | None:
    """Return where the number begins after a national prefix; ``None`` if the prefix is more than simply taken off."""
    if prefix is _NEVER:
        return start
    match = prefix.match(digits, start)
    if match is None:
        return start
    return match.end() if match.lastindex is None else None
