"""What speaks against a challenger that answers classes."""

from __future__ import annotations

import numpy as np

from serve_app.core import promotion_alone as alone
from serve_app.core import promotion_rivals as rivals
from serve_app.core.answers import ClassAnswers
from serve_app.core.promotion_alone import SURE
from serve_app.core.promotion_marks import Case, marked
from serve_app.core.resampling import macro_f1
from serve_app.core.ruling import Contest, Figures, Finding, Findings
from serve_app.core.use_case import Gate


def against(
    gate: Gate, classes: tuple[str, ...], contest: Contest, rng: np.random.Generator
) -> tuple[Findings, Figures]:
    """``classes``: the target's; every label and every answer is one of them."""
    answers = contest.challenger
    assert isinstance(answers, ClassAnswers)
    if not np.isfinite(answers.probabilities).all():
        return [Finding("not_finite", "some of its probabilities are not numbers", certain=True)], {}
    case = marked(gate, classes, contest, answers)
    found: Findings = []
    figures = _plain_figures(case)
    for more, numbers in (
        rivals.worse(case, rng),
        rivals.lost_classes(case),
        alone.constant(case),
        alone.diverged(case),
        alone.overconfident(case),
        alone.miscalibrated(case, rng),
        alone.majority(case),
        alone.optimism(case),
        alone.served(case),
    ):
        found, figures = [*found, *more], {**figures, **numbers}
    return found, figures


def _plain_figures(case: Case) -> Figures:
    mine, served = case.challenger, case.contest.gold.served()
    low, middle, high = np.quantile(mine.confidence, (0.1, 0.5, 0.9))
    figures = {
        "gold_rows": float(len(mine)),
        "gold_served": float(served.sum()),
        "accuracy": float(mine.right.mean()),
        "macro_f1": macro_f1(mine.truth, mine.best),
        "ece": case.ece,
        "confidence_mean": float(mine.confidence.mean()),
        "confidence_p10": float(low),
        "confidence_p50": float(middle),
        "confidence_p90": float(high),
        "sure_share": float((mine.confidence >= SURE).mean()),
    }
    for name, rival in (("champion", case.champion), ("anchor", case.anchor)):
        if rival is not None:
            figures[f"{name}_accuracy"] = float(rival.right.mean())
            figures[f"{name}_macro_f1"] = macro_f1(rival.truth, rival.best)
    return figures
