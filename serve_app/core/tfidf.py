"""TF-IDF over hashed n-grams: (1 + ln tf)·idf, each row scaled to length 1.

A row of the matrix depends on its text alone, to the last bit: counts are integers, logarithms come
from a table, and lengths and products are summed in the order of the terms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from serve_app.core.csr import Csr
from serve_app.core.terms import Hashes, Occurrences, Vocabulary, occurrences, of_chars

Floats32 = npt.NDArray[np.float32]

CHUNK = 2_000
"""Texts whose n-grams are in memory at once."""

_DAMPED = np.array([0.0, *(1 + math.log(count) for count in range(1, 4096))], dtype=np.float32)
"""1 + ln(count) by count."""


@dataclass(frozen=True, slots=True)
class Tfidf:
    """``idf``: (terms,) float32, in the order of ``vocabulary``."""

    words: tuple[int, int]
    chars: tuple[int, int] | None
    vocabulary: Vocabulary
    idf: Floats32

    def matrix(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """(texts, terms) of float32. ``texts`` are canonical."""
        parts = [self._weights(chunk).matrix(len(self.vocabulary)) for chunk in _chunks(texts)]
        return sparse.vstack(parts, format="csr")

    def project(self, texts: Sequence[str], projection: Floats32) -> Floats32:
        """(texts, columns) of float32: ``matrix(texts) @ projection``."""
        parts = [self._weights(chunk).times(projection) for chunk in _chunks(texts)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def occurrences(self, texts: Sequence[str]) -> Occurrences:
        return occurrences(texts, self.words, self.chars)

    def counts(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """(texts, terms) of int64: how often each term stands in each text."""
        return self._counts(texts).matrix(len(self.vocabulary))

    def _counts(self, texts: Sequence[str]) -> Csr:
        """By sorting numbers of which the high bits are the text and the low ones the term."""
        found = self.occurrences(texts)
        at, term = self.vocabulary.find(found.hash)
        bits = len(self.vocabulary).bit_length()
        key = (found.row[at] << bits) | term
        key.sort()
        new = np.ones(len(key) + 1, dtype=bool)
        np.not_equal(key[1:], key[:-1], out=new[1:-1])
        place = np.flatnonzero(new)
        key = key[place[:-1]]
        starts = np.searchsorted(key >> bits, np.arange(len(texts) + 1))
        return Csr(starts, key & ((1 << bits) - 1), np.diff(place))

    def _weights(self, texts: Sequence[str]) -> Csr:
        """Each row scaled to length 1; an empty one stays empty."""
        counts = self._counts(texts)
        value = _DAMPED[np.minimum(counts.value, len(_DAMPED) - 1)] * self.idf[counts.column]
        length = np.sqrt(Csr(counts.starts, counts.column, value).squares())
        scaled = (value / np.repeat(length, np.diff(counts.starts))).astype(np.float32)
        return Csr(counts.starts, counts.column, scaled)


def _chunks(texts: Sequence[str]) -> list[Sequence[str]]:
    """At least one."""
    return [texts[start : start + CHUNK] for start in range(0, max(len(texts), 1), CHUNK)]


def learn(
    texts: Sequence[str], words: tuple[int, int], chars: tuple[int, int] | None, max_terms: int, min_texts: int = 2
) -> Tfidf:
    """The terms found in most texts, in at least ``min_texts``: ``max_terms`` of words and as many of
    characters; idf = ln((1 + n) / (1 + texts with it)) + 1."""
    hashes, found_in = _document_frequencies(texts, words, chars)
    common = found_in >= min(min_texts, max(len(texts) // 2, 1))
    hashes, found_in = hashes[common], found_in[common]
    frequent = np.lexsort((hashes, -found_in))
    chosen = of_chars(hashes[frequent])
    kept = np.sort(np.concatenate((frequent[~chosen][:max_terms], frequent[chosen][:max_terms])))
    idf = np.log((1 + len(texts)) / (1 + found_in[kept])) + 1
    return Tfidf(words, chars, Vocabulary.of(hashes[kept]), idf.astype(np.float32))


def _document_frequencies(
    texts: Sequence[str], words: tuple[int, int], chars: tuple[int, int] | None
) -> tuple[Hashes, npt.NDArray[np.intp]]:
    seen = [np.zeros(0, dtype=np.uint64)]
    for start in range(0, len(texts), CHUNK):
        found = occurrences(texts[start : start + CHUNK], words, chars)
        order = np.lexsort((found.row, found.hash))
        row, hashed = found.row[order], found.hash[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (row[1:] != row[:-1]) | (hashed[1:] != hashed[:-1])
        seen.append(hashed[new])
    return np.unique(np.concatenate(seen), return_counts=True)
