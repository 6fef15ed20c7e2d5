"""What the promotion gate is given, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from serve_app.core.answers import StudentAnswers

Floats = npt.NDArray[np.float64]
Outcome = Literal["promote", "refuse", "person"]

PERSON = "person"
"""Where a gold row comes from, if it was answered live and a person labelled it."""


@dataclass(frozen=True, slots=True)
class Gold:
    """Rows that judge. ``truth``: (n,) of ``str`` labels or float64; ``origin``: (n,) ``file`` or ``person``.

    ``group`` (n,): rows of one group are alike (the same question, a panel's day) and stand or fall together;
    None where every row is one of its own. ``baseline`` (n,), numbers only: what a student must do better
    than, NaN where unknown; None is the median of the truth."""

    truth: npt.NDArray[Any]
    origin: npt.NDArray[Any]
    group: npt.NDArray[Any] | None = None
    baseline: Floats | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def spread(self) -> float:
        """By how much alike rows widen an error: the root of rows per group, which is right when all rows of
        a group share their fate, and too much otherwise (L. Kish 1965, "Survey Sampling": design effect)."""
        return 1.0 if self.group is None else (len(self) / max(len(np.unique(self.group)), 1)) ** 0.5

    def served(self) -> npt.NDArray[np.bool_]:
        """Rows whose features were logged when they were asked."""
        return np.asarray(self.origin == PERSON)


@dataclass(frozen=True, slots=True)
class Contest:
    """Answers to the same gold rows, in their order. ``champion`` is None on the first, ``anchor`` (the past
    champion that does best on this gold) where it is the champion. ``held_out``: the challenger's figures on
    rows that it held out itself: ``accuracy``; ``doubtful``: the share of the labels it learned from that may be
    wrong, which gold's are not."""

    gold: Gold
    challenger: StudentAnswers
    champion: StudentAnswers | None = None
    anchor: StudentAnswers | None = None
    held_out: Mapping[str, float] = field(default_factory=dict)
    doubtful: float = 0.0


@dataclass(frozen=True, slots=True)
class Reason:
    """``code`` is stable, ``text`` for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """``person``: the gold cannot tell, and only a person can promote."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    figures: Mapping[str, float]

    def codes(self) -> frozenset[str]:
        return frozenset(reason.code for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something against the challenger. ``certain``: it would hold with the gate's confidence, however few
    the rows; ``undecided``: nothing is shown to be wrong, but neither that it is right."""

    code: str
    text: str
    certain: bool = False
    undecided: bool = False

    def reason(self) -> Reason:
        return Reason(self.code, self.text)


Findings = list[Finding]
Figures = dict[str, float]
