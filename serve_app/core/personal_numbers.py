"""Where e-mail addresses and the numbers that belong to a person stand in a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import phonenumbers
from stdnum import luhn
from stdnum.id import nik

Span = tuple[int, int]

# Neither can start in the middle of a run of its own characters, so that a long run is read once and not from each
# of its characters on.
_EMAIL = re.compile(r"(?<![\w.+%'-])[\w.+%'-]++@(?:[^\W_][\w-]*\.)+[^\W\d_]{2,}")
_DIGITS = re.compile(r"(?<!\d)(?<!\d[.,])\d(?:[ .-]?\d){12,}")
_ENOUGH = re.compile(r"\d(?:[ .-]?\d){12}")  # begins with a digit, which is looked for quickly
_PHONE = re.compile(r"\d(?:[^\w\n@]{0,3}\d){6}")

MOST_TRIES = 1000
"""So many digit groups of a text that are no phone are looked at by region: a page full of figures must not hold up
the others that ask."""

CARD_LENGTHS = range(19, 12, -1)
_ISSUERS = frozenset("23456")


def email_spans(text: str) -> Iterator[Span]:
    if "@" in text:
        yield from (each.span() for each in _EMAIL.finditer(text))


def national_id_spans(text: str) -> Iterator[Span]:
    """Indonesian NIKs: 16 digits that name a district and a day of birth."""
    return _numbers(text, (16,), nik.is_valid)


def card_spans(text: str) -> Iterator[Span]:
    """13 to 19 digits of an issuer of cards whose check digit (Luhn) is right, in groups or not; what may follow
    them, such as an expiry date, is left."""
    return _numbers(text, CARD_LENGTHS, lambda digits: digits[0] in _ISSUERS and luhn.is_valid(digits))


def _numbers(text: str, lengths: Sequence[int], fits: Callable[[str], bool]) -> Iterator[Span]:
    """What ``fits`` among runs of digits, in groups or not. Several numbers may stand side by side: one begins and
    ends where a group does."""
    if _ENOUGH.search(text) is None:
        return
    for found in _DIGITS.finditer(text):
        places = [at for at, char in enumerate(found[0]) if char not in " .-"]
        digits = "".join(found[0][at] for at in places)
        starts = [0, *(n for n in range(1, len(places)) if places[n] > places[n - 1] + 1)]
        ends, after = {*starts[1:], len(digits)}, 0
        for first in starts:
            last = next((first + n for n in lengths if first + n in ends and fits(digits[first : first + n])), 0)
            if first >= after and last:
                yield found.start() + places[first], found.start() + places[last - 1] + 1
                after = last


def phone_spans(text: str, regions: Sequence[str]) -> Iterator[Span]:
    """Valid numbers, written as in one of ``regions`` (ISO 3166) or with their country's code.

    A bare run of digits counts only as the first region writes it: elsewhere such runs are orders and tickets more
    often than phones."""
    if _PHONE.search(text) is None:
        return
    for region in regions:
        for found in phonenumbers.PhoneNumberMatcher(text, region, max_tries=MOST_TRIES):
            if region == regions[0] or not found.raw_string.isdigit():
                yield found.start, found.end
