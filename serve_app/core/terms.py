"""Words and n-grams as 64-bit hashes, whole batches at a time, without a Python object a term.

The hash of a substring is a polynomial in its code points modulo 2^64. With prefix sums
P[i] = sum of c[j]·B^j for j < i, that of the substring [i, j) is (P[j] - P[i])·B^-i: exact integer
arithmetic, so that it depends on the substring alone and neither on its place nor on the batch.
The hash of a string mixes the bits afterwards (the finaliser of splitmix64, Steele et al. 2014).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.intp]

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
_SPACE = 32
_WORD, _CHARS = np.uint64(0), np.uint64(1)


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
    joined = "".join([f" {text} " for text in texts])
    points = np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32)
    row = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])
    kinds = ((_word_spans(points, row, words), _WORD), (_char_spans(points, chars) if chars else (), _CHARS))
    spans = [(start, stop, np.full(len(start), kind)) for found, kind in kinds for start, stop in found]
    start, stop, kind = (np.concatenate([span[part] for span in spans]) for part in range(3))
    hashed = _hashes(points, start, stop) & ~np.uint64(1) | kind
    return Occurrences(row[start], hashed, start, stop, joined)


def of_chars(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Which of them are n-grams of characters: the last bit says so."""
    return np.asarray((hashes & np.uint64(1)) == _CHARS)


def _word_spans(points: npt.NDArray[np.uint32], row: Indices, sizes: tuple[int, int]) -> Iterator[tuple[Indices, ...]]:
    blank = points == _SPACE
    start = np.flatnonzero(blank[:-1] & ~blank[1:]) + 1
    stop = np.flatnonzero(~blank[:-1] & blank[1:]) + 1
    for size in range(sizes[0], sizes[1] + 1):
        last = np.arange(size - 1, max(len(start), size - 1))
        same_row = row[start[last - size + 1]] == row[start[last]]
        yield start[last - size + 1][same_row], stop[last][same_row]


def _char_spans(points: npt.NDArray[np.uint32], sizes: tuple[int, int]) -> Iterator[tuple[Indices, ...]]:
    blanks = np.concatenate(([0], np.cumsum(points == _SPACE)))
    for size in range(max(sizes[0], 2), sizes[1] + 1):
        start = np.arange(max(len(points) - size + 1, 0))
        inner = blanks[start + size - 1] - blanks[start + 1]
        whole = blanks[start + size] - blanks[start]
        kept = start[(inner == 0) & (whole < size)]
        yield kept, kept + size


def _hashes(points: npt.NDArray[np.uint32], start: Indices, stop: Indices) -> Hashes:
    power, inverse = (_powers(base, len(points)) for base in (_BASE, _INVERSE))
    prefix = np.concatenate((np.zeros(1, np.uint64), np.cumsum((points + np.uint64(1)) * power, dtype=np.uint64)))
    return _mixed((prefix[stop] - prefix[start]) * inverse[start])


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, dtype=np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _mixed(value: Hashes) -> Hashes:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)))


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
        leading = (hashes >> np.uint64(64 - self.bits)).astype(np.intp)
        left, right = self.first[leading], self.first[leading + 1]
        at = np.flatnonzero(left < right)
        found_at, found = [at[:0]], [at[:0]]
        for step in range(self.crowd):
            at = at[left[at] + step < right[at]]
            term = left[at] + step
            hit = self.hashes[term] == hashes[at]
            found_at.append(at[hit])
            found.append(term[hit])
        places, terms = np.concatenate(found_at), np.concatenate(found)
        order = np.argsort(places, kind="stable")
        return places[order], terms[order]
