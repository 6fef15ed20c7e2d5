"""What a certificate rests on: rows that chance chose from the live stream, and whether student and
reference agree on them. Nothing else is evidence: rows that went to the teacher because the student was
unsure say nothing of the rows that it was sure of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One entry a row, all (n,): ``answered`` the place among the classes of what the student said,
    ``confidence`` how sure it was, ``agrees`` whether the reference said the same. A uniform random sample
    of the live rows, none of which the student has learned from."""

    answered: Index
    confidence: Floats
    agrees: Bools

    def __len__(self) -> int:
        return len(self.answered)

    def take(self, rows: Bools | Index) -> Evidence:
        return Evidence(self.answered[rows], self.confidence[rows], self.agrees[rows])


def thin(rates: Floats, draws: Floats) -> Bools:
    """Which of the audited rows to keep, so that what is left is uniform where the rate of the audit was
    changed meanwhile: each with the chance least rate / its own rate. ``rates``: (n,) in (0, 1], under which
    each row was chosen; ``draws``: (n,) uniform in [0, 1), of nothing but chance."""
    if not len(rates):
        return np.zeros(0, dtype=bool)
    return np.asarray(draws * rates < rates.min())
