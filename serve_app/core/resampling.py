"""The statistics behind the gate. Everything random comes from the generator passed in.

A bootstrap draws as many rows as there are, with replacement, many times, and looks at how a figure
varies; of two students on the same rows it draws the rows once for both, so that what is hard for both
cancels out. Bounds are percentiles (B. Efron, R. Tibshirani 1993, "An Introduction to the Bootstrap",
chapters 6, 13 and 16). Rows that are alike, such as a panel's day, are drawn together (A. Davison, D. Hinkley
1997, "Bootstrap Methods and their Application", section 3.8).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, bdtrc, ndtri

from serve_app.core.calibration import BINS

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

_BLOCK = 2_000_000


def macro_f1(truth: Index, best: Index) -> float:
    """Mean over the classes in ``truth`` of F1 = 2·tp / (2·tp + fp + fn)."""
    return float(_macro_f1(np.ones((1, len(truth))), truth, best, np.unique(truth))[0])


def macro_f1_differences(
    truth: Index,
    mine: Index,
    theirs: Index,
    resamples: int,
    rng: np.random.Generator,
    group: npt.NDArray[np.generic] | None = None,
) -> Floats:
    """(resamples,) macro-F1 of ``mine`` less that of ``theirs``, on the same rows drawn again.

    Rows alike in all three are one cell: to draw n rows is to draw the cells' counts from a multinomial
    distribution, the same thing for less. With groups, groups are drawn. A class that is not drawn counts
    as 0 for both."""
    cells, at, counts = np.unique(np.stack((truth, mine, theirs)), axis=1, return_inverse=True, return_counts=True)
    if group is None:
        drawn = rng.multinomial(len(truth), counts / len(truth), size=resamples).astype(np.float64)
    else:
        drawn = sums(np.eye(len(counts))[at.ravel()], group, resamples, rng)
    present = np.unique(truth)
    return _macro_f1(drawn, cells[0], cells[1], present) - _macro_f1(drawn, cells[0], cells[2], present)


def _macro_f1(weights: Floats, truth: Index, best: Index, present: Index) -> Floats:
    """(samples,): ``weights`` (samples, cells) says how often each cell is in each sample."""
    is_true, is_best = truth[:, None] == present, best[:, None] == present
    hits = weights @ (is_true & is_best)
    either = weights @ is_true + weights @ is_best
    return np.asarray((2 * hits / np.maximum(either, 1)).mean(axis=1))


def sums(values: Floats, group: npt.NDArray[np.generic] | None, resamples: int, rng: np.random.Generator) -> Floats:
    """(resamples, columns): the columns of ``values`` (n, columns), summed over n rows drawn again, or over
    as many groups as there are."""
    if group is not None:
        place = np.unique(group, return_inverse=True)[1]
        values = np.stack([np.bincount(place, weights=column) for column in values.T], axis=1)
    count = len(values)
    block = max(1, _BLOCK // count)
    parts = [
        rng.multinomial(count, np.full(count, 1 / count), size=min(block, resamples - start)) @ values
        for start in range(0, resamples, block)
    ]
    return np.concatenate(parts)


def chance_of_more(wins: npt.ArrayLike, losses: npt.ArrayLike) -> Floats:
    """One-sided sign test: how likely at least ``wins`` of the decided rows go one way when either is as
    likely (Q. McNemar 1947, exact). 1 where nothing is decided."""
    won, lost = np.asarray(wins, dtype=np.intp), np.asarray(losses, dtype=np.intp)
    return np.where(won > 0, bdtrc(np.maximum(won - 1, 0), np.maximum(won + lost, 1), 0.5), 1.0)


def chance_of_fewer(hits: int, rows: int, share: float) -> float:
    """How likely at most ``hits`` of ``rows`` are right when ``share`` are."""
    return float(bdtr(hits, rows, share))


def shown_to_lose(losses: Index, wins: Index, alpha: float) -> Mask:
    """(tests,) which of many sign tests show a loss, so that with probability ``alpha`` at most any of those
    without one is shown.

    To divide alpha by the number of tests would hide a lost class among many: most classes have so few
    decided rows that they could never be shown. R. Tarone 1990, "A modified Bonferroni method for discrete
    data": only the tests that could reach alpha / k at all are counted, with k the least number not below
    their count."""
    least = 0.5 ** (losses + wins).astype(np.float64)
    k = next(k for k in range(1, len(losses) + 2) if (least <= alpha / k).sum() <= k)
    return np.asarray(chance_of_more(losses, wins) <= alpha / k)


def calibrated_errors(confidence: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """(resamples,) the expected calibration error that a student with these confidences shows if it is
    calibrated perfectly: even then it is above 0, the more the fewer the rows. Consistency resampling:
    J. Bröcker, L. Smith 2007, "Increasing the reliability of reliability diagrams"; J. Vaicenavicius et al.
    2019, "Evaluating model calibration in classification"."""
    ordered = np.sort(confidence)
    place = np.minimum((ordered * BINS).astype(np.intp), BINS - 1)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    block = max(1, _BLOCK // len(ordered))
    errors = []
    for start in range(0, resamples, block):
        right = rng.random((min(block, resamples - start), len(ordered))) < ordered
        gaps = np.add.reduceat(right - ordered, starts, axis=1)
        errors.append(np.abs(gaps).sum(axis=1) / len(ordered))
    return np.concatenate(errors)


def deviate(confidence: float) -> float:
    """The standard normal's quantile."""
    return float(ndtri(confidence))


def standard_error(values: npt.NDArray[np.generic]) -> float:
    """Of the mean; infinite for a single value."""
    return float(np.std(values.astype(np.float64), ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("inf")
