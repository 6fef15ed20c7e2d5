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
        parts = [self._chunk(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK)]
        return sparse.vstack(parts, format="csr") if parts else self._chunk([])

    def occurrences(self, texts: Sequence[str]) -> Occurrences:
        return occurrences(texts, self.words, self.chars)

    def _chunk(self, texts: Sequence[str]) -> sparse.csr_matrix:
        counts = self.counts(texts)
        counts.data = _DAMPED[np.minimum(counts.data, len(_DAMPED) - 1)] * self.idf[counts.indices]
        return _unit(counts)

    def counts(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """(texts, terms) of int64: how often each term stands in each text."""
        found = self.occurrences(texts)
        at, term = self.vocabulary.find(found.hash)
        key, count = np.unique(found.row[at] * len(self.vocabulary) + term, return_counts=True)
        row, column = np.divmod(key, max(len(self.vocabulary), 1))
        starts = np.searchsorted(row, np.arange(len(texts) + 1))
        return sparse.csr_matrix((count, column, starts), shape=(len(texts), len(self.vocabulary)))


def _unit(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows scaled to length 1; an empty row stays empty."""
    squares = sparse.csr_matrix((matrix.data**2, matrix.indices, matrix.indptr), shape=matrix.shape)
    length = np.sqrt(squares @ np.ones(matrix.shape[1], dtype=np.float32))
    matrix.data = (matrix.data / np.repeat(length, np.diff(matrix.indptr))).astype(np.float32)
    return matrix


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
