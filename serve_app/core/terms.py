"""Words and n-grams as 64-bit hashes, whole batches at a time, without a Python object a term.

The hash of a substring is a polynomial in its code points modulo 2^64. With prefix sums
P[i] = sum of c[j]·B^j for j < i, that of the substring [i, j) is (P[j] - P[i])·B^-i: exact integer
arithmetic, so that it depends on the substring alone and neither on its place nor on the batch.
The hash of a string mixes the bits afterwards (the finaliser of splitmix64, Steele et al. 2014).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.intp]
Blanks = npt.NDArray[np.bool_]
Spans = tuple[Indices, Indices, Hashes]
"""Where n-grams of one size begin and end, and the sum that each is hashed from."""

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
_SPACE = 32
_ZERO, _CHARS = np.zeros(1, np.uint64), np.uint64(1)


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Every n-gram of a batch: its text's ``row``, its ``hash``, and where in ``joined`` it stands."""

    row: Indices
    hash: Hashes
    start: Indices
    stop: Indices
    joined: str

    def __len__(self) -> int:
        return len(self.hash)


def occurrences(texts: Sequence[str], words: tuple[int, int], chars: tuple[int, int] | None) -> Occurrences:
    """n-grams of ``words`` words, and of ``chars`` characters within a word and the blanks around it.

    ``texts`` are canonical: words with one space between them."""
    joined = f" {'  '.join(texts)} " if texts else ""
    points = _points(joined)
    row = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])
    blank, value = points == _SPACE, points.astype(np.uint64) + np.uint64(1)
    of_words = list(_words(blank, value, row, words))
    found = [*of_words, *(_chars(blank, value, chars) if chars else ())]
    start, stop, sums = (np.concatenate([each[part] for each in found]) for part in range(3))
    hashed = _mixed(sums) & ~np.uint64(1)
    hashed[sum(len(each[0]) for each in of_words) :] |= _CHARS
    return Occurrences(row[start], hashed, start, stop, joined)


def of_chars(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Which of them are n-grams of characters: the last bit says so."""
    return np.asarray((hashes & np.uint64(1)) == _CHARS)


def _points(joined: str) -> npt.NDArray[Any]:
    """The code points, in as few bytes as hold them: mostly one each."""
    if joined.isascii():
        return np.frombuffer(joined.encode(), dtype=np.uint8)
    return np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32)


def _words(blank: Blanks, value: Hashes, row: Indices, sizes: tuple[int, int]) -> Iterator[Spans]:
    """Every text has a blank before and behind it, so that words begin and end in turn."""
    edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1
    start, stop = edges[::2], edges[1::2]
    power, inverse = _powers(len(value))
    prefix = np.concatenate((_ZERO, np.cumsum(value * power, dtype=np.uint64)))
    before, behind, of = prefix[start], prefix[stop], row[start]
    for size in range(sizes[0], sizes[1] + 1):
        count, last = max(len(start) - size + 1, 0), size - 1
        same = slice(None) if size == 1 else of[:count] == of[last:]
        begin = start[:count][same]
        yield begin, stop[last:][same], (behind[last:][same] - before[:count][same]) * inverse[begin]


def _chars(blank: Blanks, value: Hashes, sizes: tuple[int, int]) -> Iterator[Spans]:
    """Sums grow by one character a size; so does what must not be blank: all between the first and the last."""
    sums, inner = value, ~(blank[:-1] & blank[1:])
    for size in range(2, sizes[1] + 1):
        if len(value) < size:
            return
        sums = sums[:-1] + value[size - 1 :] * _UP[size - 1]
        if size > 2:
            within = ~blank[size - 2 : -1]
            inner = within if size == 3 else inner[:-1] & within
        if size >= sizes[0]:
            start = np.flatnonzero(inner)
            yield start, start + size, sums[start]


def _powers(count: int) -> tuple[Hashes, Hashes]:
    """Of the base, and of its inverse: those that most batches need are kept."""
    if count <= len(_KEPT[0]):
        return _KEPT[0][:count], _KEPT[1][:count]
    return _raised(_BASE, count), _raised(_INVERSE, count)


def _raised(base: int, count: int) -> Hashes:
    factors = np.full(count, base, dtype=np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


_KEPT = _raised(_BASE, 2**15), _raised(_INVERSE, 2**15)
_UP = [np.uint64(pow(_BASE, exponent, 2**64)) for exponent in range(64)]


def _mixed(value: Hashes) -> Hashes:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)))


FEW = 1_000
"""Hashes up to this many are looked up one and all by halving."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The known terms: ``hashes`` sorted, without the words themselves. A term is its place in them."""

    hashes: Hashes
    first: Indices
    bits: int
    crowd: int

    @classmethod
    def of(cls, hashes: Hashes) -> Vocabulary:
        """``first[b]`` is where the hashes with the leading bits ``b`` begin: a look-up need only
        compare the ``crowd`` or fewer that share its leading bits."""
        bits = int(np.clip(len(hashes).bit_length() + 1, 8, 22))
        leading = (hashes >> np.uint64(64 - bits)).astype(np.intp)
        first = np.searchsorted(leading, np.arange(2**bits + 1))
        return cls(hashes, first, bits, int(np.diff(first).max()))

    def __len__(self) -> int:
        return len(self.hashes)

    def find(self, hashes: Hashes) -> tuple[Indices, Indices]:
        """``(at, term)``: the places in ``hashes`` that are known, sorted, and the term of each."""
        return self._halving(hashes) if len(hashes) <= FEW else self._in_buckets(hashes)

    def _halving(self, hashes: Hashes) -> tuple[Indices, Indices]:
        """One search for all: of few hashes the steps over the buckets would cost more than they save."""
        if not len(self.hashes):
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        term = np.minimum(self.hashes.searchsorted(hashes), len(self.hashes) - 1)
        at = np.flatnonzero(self.hashes[term] == hashes)
        return at, term[at]

    def _in_buckets(self, hashes: Hashes) -> tuple[Indices, Indices]:
        leading = (hashes >> np.uint64(64 - self.bits)).astype(np.intp)
        left, right = self.first[leading], self.first[leading + 1]
        at = np.flatnonzero(left < right)
        found_at, found = [at[:0]], [at[:0]]
        for step in range(self.crowd):
            if step:
                at = at[left[at] + step < right[at]]
            term = left[at] + step
            hit = self.hashes[term] == hashes[at]
            found_at.append(at[hit])
            found.append(term[hit])
        places, terms = np.concatenate(found_at), np.concatenate(found)
        order = np.argsort(places, kind="stable")
        return places[order], terms[order]
