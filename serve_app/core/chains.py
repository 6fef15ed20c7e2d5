"""How one level is spent on many tests, so that the chance of any false rejection is at most the level.

Each chain (a class) walks down its steps (thresholds). It has a budget, laid down in ``DEPOSITS`` equal
parts along the walk; the first lies at its first step. A step is tested at what lies there plus what was
carried on from the step before, if that passed; a step that fails keeps what it had. Deposits further down
cost a walk that goes well nothing, since they are picked up on the way, and let one that stumbles go on
(the fallback procedure, Wiens and Dmitrienko 2005). The whole budget of a chain of which every step has
passed goes in equal parts to the others, each at its first step that has not passed.

Proof, by the sequential rejection principle (Goeman and Solari 2010, Annals of Statistics 38): let a(i, R)
be the level of step i when the steps R have passed.
    1. For any R the a(i, R) over all i not in R sum to at most the level: each deposit is counted at one
       step at most, and each chain that is done gives away what it had and no more.
    2. If R grows, a(i, R) does not shrink for any i not in R: more is carried on, more chains are done and
       fewer share, and the first step that has not passed stays the first.
Let F be the false steps. Until the first of them is rejected only R outside F has passed, so by 2 each
false i was tested at no more than a(i, everything outside F), and these sum to at most the level by 1. The
p-values may depend on each other in any way; the deposits and the order of steps must not depend on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DEPOSITS = 5


def laid_down(budget: float, steps: int) -> Floats:
    """(steps,): where along its walk a chain finds which part of its budget."""
    deposits = np.zeros(steps)
    if steps:
        places = np.linspace(0, steps, DEPOSITS, endpoint=False).astype(np.intp)
        np.add.at(deposits, places, budget / DEPOSITS)
    return deposits


def walked(deposits: Sequence[Floats], values: Sequence[Floats]) -> list[tuple[Bools, Floats]]:
    """Of each chain which steps pass, and the highest level that each was tested at. ``values``: the p-values
    in the order of the walk, shaped as ``deposits``; a chain without steps takes no part."""
    found = [(np.zeros(len(each), dtype=bool), np.zeros(len(each))) for each in values]
    while True:
        before = sum(int(passed.sum()) for passed, _ in found)
        spare = _spare(deposits, [passed for passed, _ in found])
        found = [_walk(*each, spare) for each in zip(deposits, values, found, strict=True)]
        if sum(int(passed.sum()) for passed, _ in found) == before:
            return found


def _spare(deposits: Sequence[Floats], passed: Sequence[Bools]) -> float:
    """What each chain that is not done has from those that are."""
    done = [bool(each.all()) for each in passed]
    budgets = [float(each.sum()) for each in deposits]
    return sum(budget for budget, ended in zip(budgets, done, strict=True) if ended) / max(done.count(False), 1)


def _walk(deposits: Floats, values: Floats, before: tuple[Bools, Floats], spare: float) -> tuple[Bools, Floats]:
    if before[0].all():
        return before
    passed, levels = before[0].copy(), before[1].copy()
    carried, gift = 0.0, spare
    for step in range(len(values)):
        carried += deposits[step]
        if not passed[step]:
            carried, gift = carried + gift, 0.0
            levels[step] = max(levels[step], carried)
            passed[step] = values[step] <= carried
        carried = carried if passed[step] else 0.0
    return passed, levels
