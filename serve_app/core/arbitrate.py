"""Who is to win where student and teacher disagree, by the pair of what they said.

Of the rows of gold where the student said a and the teacher b, and one of them was right, let w be the
share that the student wins. One of two stands as ``otherwise``, for all pairs that gold says little of: the
student only where it is right more often than the teacher over all pairs beyond doubt, else the teacher. A
pair departs from it only where its own rows say so beyond doubt:

    w ~ Beta(m r, m (1 - r)),   student's wins of the pair ~ Binomial(rows, w)
    departs to the student where P(w > 1/2 | rows) >= ``SURE``, to the teacher where P(w < 1/2 | rows) >= ``SURE``

r is the student's share over all pairs, m how alike the pairs are (many rows' worth where they are alike,
few where each is a world of its own), both taken from all pairs together (empirical Bayes: the m of the
greatest marginal likelihood, beta-binomial, of ``LIKENESSES``, and no more than there are rows in all). So
a pair of three rows is judged mostly by the others, and one of three hundred by itself.

Rows where neither was right, or that were no disagreement, tell nothing of who should win. The rows should
be of those that go to arbitration (deferred ones): among rows that the student is sure of it is right more
often, and they are not what is settled here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import betaincc, betaln

from serve_app.core.arbitration import Arbiter, Pair, Winner

SURE = 0.95
"""How sure a departure from ``otherwise`` must be, and ``otherwise`` itself from the teacher."""

LIKENESSES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""What m may be: how many rows of its own outweigh what the other pairs say of one."""

Key = tuple[str, str]


def learn_arbiter(
    student_labels: Sequence[str], teacher_labels: Sequence[str], gold_labels: Sequence[str], sure: float = SURE
) -> Arbiter:
    """All three of the same rows, which are gold and of a kind that is deferred. Pairs that go the way of
    ``otherwise`` are listed with what was seen of them, too."""
    rows, student, teacher = _counted(student_labels, teacher_labels, gold_labels)
    wins, losses = sum(student.values()), sum(teacher.values())
    otherwise: Winner = "student" if _chance(wins + 1, losses + 1) >= sure else "teacher"
    ahead, behind = _prior(student, teacher, rows)
    pairs: dict[str, dict[str, Pair]] = {}
    for own, other in sorted(rows):
        key = own, other
        chance = _chance(ahead + student[key], behind + teacher[key])
        winner: Winner = "student" if chance >= sure else "teacher" if chance <= 1 - sure else otherwise
        pairs.setdefault(own, {})[other] = Pair(winner, rows[key], student[key], teacher[key])
    return Arbiter(pairs, otherwise)


def _counted(
    student_labels: Sequence[str], teacher_labels: Sequence[str], gold_labels: Sequence[str]
) -> tuple[Counter[Key], Counter[Key], Counter[Key]]:
    """By pair: rows, those that the student had right, those that the teacher had right."""
    rows: Counter[Key] = Counter()
    student: Counter[Key] = Counter()
    teacher: Counter[Key] = Counter()
    for own, other, gold in zip(student_labels, teacher_labels, gold_labels, strict=True):
        if own != other:
            rows[own, other] += 1
            student[own, other] += own == gold
            teacher[own, other] += other == gold
    return rows, student, teacher


def _prior(student: Mapping[Key, int], teacher: Mapping[Key, int], pairs: Mapping[Key, int]) -> tuple[float, float]:
    """What is known of a pair before its own rows, as wins and losses of the student."""
    wins = np.array([student[key] for key in pairs], dtype=float)
    losses = np.array([teacher[key] for key in pairs], dtype=float)
    rate = (wins.sum() + 1) / (wins.sum() + losses.sum() + 2)
    likely = [
        float((betaln(m * rate + wins, m * (1 - rate) + losses) - betaln(m * rate, m * (1 - rate))).sum())
        for m in LIKENESSES
    ]
    best = min(LIKENESSES[int(np.argmax(likely))], float(wins.sum() + losses.sum() + 2))
    return best * rate, best * (1 - rate)


def _chance(wins: float, losses: float) -> float:
    """P(w > 1/2) of Beta(wins, losses): that the student is right more often than the teacher."""
    return float(betaincc(wins, losses, 0.5))
