"""Those that a challenger is compared with: the champion, and the best champion so far."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from pipelines.evaluate import of_values
from pipelines.gold_rows import GoldRows
from serve_app.adapters.students import load_student
from serve_app.core.answers import ClassAnswers, StudentAnswers, ValueAnswers
from serve_app.core.bundle import check, schema_version
from serve_app.core.errors import BadBundle, NotFound
from serve_app.core.ports import Bundle, Registry, Version
from serve_app.core.resampling import macro_f1
from serve_app.core.swap import PREVIOUS
from serve_app.core.use_case import UseCase

log = logging.getLogger("understudy.judge")

ANCHORS = 5
"""Past champions that are asked again."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A version that answers the use case's present schema."""

    version: Version
    bundle: Bundle

    def answer(self, gold: GoldRows) -> StudentAnswers:
        return load_student(self.bundle, self.version.version).answer(gold.rows)


def rival(registry: Registry, use_case: UseCase, version: Version) -> Rival | str:
    """Or why it is none. Raises RegistryUnavailable."""
    try:
        bundle = registry.fetch(use_case.name, version.version)
        check(bundle, use_case)
    except (BadBundle, NotFound) as error:
        log.info("version %s is no rival: %s", version.version, error)
        return str(error)
    return Rival(version, bundle)


def anchor(registry: Registry, use_case: UseCase, now: Collection[str], gold: GoldRows) -> StudentAnswers | None:
    """The answers of the past champion that does best on this gold; None where there was none. Of all that
    the gate let in, those with the best figures of their own time are asked again now. ``now``: versions
    that are part of this contest anyway."""
    schema = schema_version(use_case)
    past = [
        each
        for each in registry.versions(use_case.name)
        if _was_champion(each) and each.version not in now and each.tags.get("schema_version", schema) == schema
    ]
    best: tuple[float, StudentAnswers] | None = None
    for version in sorted(past, key=_score_then, reverse=True)[:ANCHORS]:
        found = rival(registry, use_case, version)
        if isinstance(found, str):
            continue
        answers = found.answer(gold)
        reached = score(use_case, answers, gold)
        if best is None or reached > best[0]:
            best = reached, answers
    return best[1] if best else None


def score(use_case: UseCase, answers: StudentAnswers, gold: GoldRows) -> float:
    """The higher the better: macro-F1; for numbers the pinball loss, negative."""
    truth = gold.gold.truth
    if isinstance(answers, ClassAnswers):
        at = {label: place for place, label in enumerate(answers.classes)}
        return macro_f1(np.array([at[label] for label in truth], dtype=np.intp), answers.best())
    assert isinstance(answers, ValueAnswers)
    return -of_values(answers, truth.astype(np.float64), use_case.target.interval)["pinball"]  # type: ignore[union-attr]


def _was_champion(version: Version) -> bool:
    tags = version.tags
    passed = tags.get("gate.outcome") == "promote" or tags.get("origin") == "first champion"
    return passed or PREVIOUS in version.aliases


def _score_then(version: Version) -> float:
    """What it came to on gold when it was made."""
    metrics = version.metrics
    return metrics["macro_f1"] if "macro_f1" in metrics else -metrics.get("pinball", float("inf"))
