"""A text as dense numbers: scores of a linear model on its TF-IDF, a truncated SVD of the same, lengths.

Trees do badly on sparse terms and well on these. The scores come first in every row, so that
training can put out-of-fold ones in their place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from serve_app.core.terms import Vocabulary
from serve_app.core.text import canonical
from serve_app.core.tfidf import Floats32, Tfidf

LENGTHS = 3


@dataclass(frozen=True, slots=True)
class TextField:
    """``projection``: (terms, scores + components) of float32. ``scores`` is how many of its columns
    are the linear model's."""

    tfidf: Tfidf
    projection: Floats32
    scores: int

    @property
    def width(self) -> int:
        """Columns of ``dense``."""
        return int(self.projection.shape[1]) + LENGTHS

    def dense(self, texts: Sequence[str]) -> Floats32:
        """(texts, width) of float32. ``texts`` are canonical. A row depends on its text alone: sparse
        rows are multiplied one after the other, in the order of their terms."""
        dense = np.empty((len(texts), self.width), dtype=np.float32)
        dense[:, :-LENGTHS] = self.tfidf.project(texts, self.projection)
        dense[:, -LENGTHS:] = lengths(texts)
        return dense

    def words(self, text: str, score: int, top: int) -> list[str]:
        """The words and phrases of one canonical text that moved ``score`` most, most first. Parts
        of words are counted for the word they stand in."""
        effects = self._effects(text, score)
        return sorted(effects, key=lambda word: (-abs(effects[word]), word))[:top]

    def _effects(self, text: str, score: int) -> Mapping[str, float]:
        row = self.tfidf.matrix([text])
        found = self.tfidf.occurrences([text])
        at, term = self.tfidf.vocabulary.find(found.hash)
        weight = np.zeros(len(self.tfidf.vocabulary))
        weight[row.indices] = row.data * self.projection[row.indices, score]
        share = weight[term] / np.maximum(np.bincount(term, minlength=len(weight))[term], 1)
        effects: dict[str, float] = defaultdict(float)
        for start, stop, effect in zip(found.start[at], found.stop[at], share, strict=True):
            effects[_around(found.joined, int(start), int(stop))] += float(effect)
        return effects

    def as_json(self) -> dict[str, Any]:
        return {"words": self.tfidf.words, "chars": self.tfidf.chars, "scores": self.scores}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"hashes": self.tfidf.vocabulary.hashes, "idf": self.tfidf.idf, "projection": self.projection}

    @classmethod
    def read(cls, setup: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> TextField:
        words, chars = tuple(setup["words"]), setup["chars"] and tuple(setup["chars"])
        tfidf = Tfidf(words, chars, Vocabulary.of(arrays["hashes"]), arrays["idf"])
        return cls(tfidf, np.ascontiguousarray(arrays["projection"]), int(setup["scores"]))


def canonical_column(column: npt.NDArray[Any]) -> list[str]:
    """Missing texts are empty ones."""
    return ["" if text is None else canonical(text) for text in column]


def lengths(texts: Sequence[str]) -> Floats32:
    """(texts, 3): characters, words, mean characters a word."""
    chars = np.array([len(text) for text in texts], dtype=np.float32)
    words = np.array([text.count(" ") + 1 if text else 0 for text in texts], dtype=np.float32)
    found = np.empty((len(texts), LENGTHS), dtype=np.float32)
    found[:, 0], found[:, 1], found[:, 2] = chars, words, chars / np.maximum(words, 1)
    return found


def names(field: TextField) -> list[str]:
    """What the columns of ``dense`` are."""
    components = field.projection.shape[1] - field.scores
    return [
        *(f"score_{k}" for k in range(field.scores)),
        *(f"component_{k}" for k in range(components)),
        "characters", "words", "word_length",
    ]  # fmt: skip


def _around(joined: str, start: int, stop: int) -> str:
    """The whole words that [start, stop) touches."""
    inner = joined[start:stop].strip()
    begin = start + len(joined[start:stop]) - len(joined[start:stop].lstrip())
    end = begin + len(inner)
    return joined[joined.rfind(" ", 0, begin + 1) + 1 : joined.find(" ", end)] if inner else ""
