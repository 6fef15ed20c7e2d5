"""A student without a model: answers from a table of words. For tests and demonstrations.

The score of a class counts its ``words`` in the row's text fields; numbers answer ``value`` with an
interval of ``spread`` to both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from serve_app.core.answers import ClassAnswers, Contribution, Explanation, StudentAnswers, ValueAnswers
from serve_app.core.calibration import softmax
from serve_app.core.rows import Rows


class MemoryStudent:
    """``words``: class -> the words that speak for it."""

    def __init__(self, words: Mapping[str, Sequence[str]], version: str = "1", weight: float = 2.0) -> None:
        self._words, self._version, self._weight = words, version, weight

    @property
    def version(self) -> str:
        return self._version

    def answer(self, rows: Rows) -> StudentAnswers:
        scores = np.array([[sum(found) for found in self._found(rows, row)] for row in range(len(rows))])
        chances = softmax(scores.reshape(len(rows), len(self._words)).astype(np.float64))
        return ClassAnswers(tuple(self._words), chances, self._version)

    def explain(self, rows: Rows, top: int) -> list[Explanation]:
        best = [int(np.argmax([sum(f) for f in self._found(rows, row)])) for row in range(len(rows))]
        return [self._explanation(rows, row, label, top) for row, label in enumerate(best)]

    def _explanation(self, rows: Rows, row: int, best: int, top: int) -> Explanation:
        effects = dict(zip(rows.names, self._found(rows, row)[best], strict=True))
        ranked = sorted(effects, key=lambda name: (-abs(effects[name]), name))
        record = rows.record(row)
        shown = [Contribution(name, record[name], effects[name]) for name in ranked[:top]]
        if ranked[top:]:
            shown.append(Contribution("(other)", None, sum(effects[name] for name in ranked[top:])))
        label = list(self._words)[best]
        return Explanation(0.0, float(sum(effects.values())), tuple(shown), label, self._version)

    def _found(self, rows: Rows, row: int) -> list[list[float]]:
        """By class and field: the weight of the words found."""
        texts = [str(rows[name][row] or "").lower().split() for name in rows.names]
        return [[self._weight * sum(text.count(w) for w in words) for text in texts] for words in self._words.values()]


class MemoryValueStudent:
    """Answers ``value`` for every row, sure to ``spread`` on both sides."""

    def __init__(self, value: float, spread: float = 1.0, version: str = "1") -> None:
        self._value, self._spread, self._version = value, spread, version

    @property
    def version(self) -> str:
        return self._version

    def answer(self, rows: Rows) -> StudentAnswers:
        value = np.full(len(rows), self._value)
        return ValueAnswers(value, value - self._spread, value + self._spread, self._version)

    def explain(self, rows: Rows, top: int) -> list[Explanation]:
        return [Explanation(self._value, self._value, (), None, self._version) for _ in range(len(rows))]
