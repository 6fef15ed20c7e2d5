"""How far what is asked now has moved from what the champion learned from, and whether the teacher
contradicts it more than it did.

PSI says that the questions have changed (``core/drift.py``); ADWIN that the answers have: it keeps a
window of the newest disagreements and lets go of the older ones as soon as both differ by more than
chance (A. Bifet, R. Gavaldà 2007, "Learning from time-changing data with adaptive windowing").
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from serve_app.core.drift import Psi, Scores, psi
from serve_app.core.errors import NotFound
from serve_app.core.events import LoggedPrediction
from serve_app.core.ports import EventLog, Registry, Version
from serve_app.core.rows import Rows
from serve_app.core.swap import CHAMPION
from serve_app.core.use_case import Drift, UseCase

log = logging.getLogger("understudy.pipelines")

REFERENCE = "drift.json"


class Looks:
    """``registry`` opens the registry; the reference of a champion is fetched once. Blocks. Raises
    StoreUnavailable, RegistryUnavailable."""

    def __init__(self, events: EventLog, registry: Callable[[], Registry]) -> None:
        self._events, self._registry = events, registry
        self._known: dict[str, tuple[str, dict[str, Any]]] = {}

    def look(self, use_case: UseCase) -> dict[str, Any] | None:
        """The figures, None while there is no champion."""
        registry = self._registry()
        champion = registry.aliased(use_case.name, CHAMPION)
        if champion is None:
            return None
        newest = self._events.newest(use_case.name, use_case.retraining.drift.window)
        return drift(use_case, champion.version, self._reference(registry, champion), newest)

    def _reference(self, registry: Registry, champion: Version) -> dict[str, Any]:
        """Empty where a champion has none, as those of an older Understudy."""
        kept = self._known.get(champion.use_case)
        if kept is not None and kept[0] == champion.version:
            return kept[1]
        try:
            read = json.loads(registry.fetch(champion.use_case, champion.version).get(REFERENCE, b"{}"))
        except (NotFound, ValueError) as error:
            log.warning("%s: the reference of version %s cannot be read: %s", *_named(champion), error)
            read = {}
        self._known[champion.use_case] = champion.version, read
        return dict(read)


def drift(
    use_case: UseCase, version: str, reference: Mapping[str, Any], newest: Sequence[LoggedPrediction]
) -> dict[str, Any]:
    """The figures as JSON, over those of ``newest`` that ``version`` answered: what an older one said is
    nothing to hold against it. ``why`` is empty where nothing has drifted."""
    settings = use_case.retraining.drift
    rows = [each for each in newest if each.model_version == version]
    index = _psi(use_case, reference, rows)
    found = disagreement(rows, settings.adwin_delta)
    enough = len(rows) >= settings.least
    why = _why(index, found, settings, _moving(use_case)) if enough else []
    return {
        "version": version,
        "rows": len(rows),
        "least": settings.least,
        "features": dict(index.features),
        "score_psi": index.score,
        "mix_psi": index.mix,
        "adwin": found,
        "threshold": settings.psi,
        "drifted": bool(why),
        "why": why,
    }


def disagreement(rows: Sequence[LoggedPrediction], delta: float) -> dict[str, Any]:
    """``rate``: of the newest window, ``width`` rows wide, that is of one piece; ``detected``: it was
    lower before. Of rows that both student and teacher answered, oldest first."""
    both = [differs for each in rows if (differs := disagrees(each.student, each.teacher)) is not None]
    if not both:
        return {"rate": None, "width": 0, "rows": 0, "detected": False}
    from river.drift import ADWIN  # with pandas and scikit-learn 110 MB, which a quiet Understudy does without

    detector, total, detected = ADWIN(delta=delta), 0.0, False
    for seen, differs in enumerate(both, 1):
        detector.update(float(differs))
        total += differs
        if detector.drift_detected:  # also when they come to agree, which is no reason to learn anew
            detected = detector.estimation > total / seen
    return {
        "rate": float(detector.estimation),
        "width": int(detector.width),
        "rows": len(both),
        "detected": detected,
    }


def disagrees(student: Mapping[str, Any] | None, teacher: Mapping[str, Any] | None) -> bool | None:
    """None where one of them did not answer. A number disagrees outside the student's interval."""
    if student is None or teacher is None:
        return None
    if "interval" in student:
        value = teacher.get("value")
        low, high = student["interval"]
        return None if value is None else not low <= value <= high
    return None if teacher.get("label") is None else bool(student.get("label") != teacher["label"])


def _psi(use_case: UseCase, reference: Mapping[str, Any], rows: Sequence[LoggedPrediction]) -> Psi:
    if not rows:
        return Psi()
    fields = use_case.features()
    # Only what every row has: a field that was added since has nothing to be compared with.
    names = [name for name in fields if all(name in each.features for each in rows)]
    numeric = [name for name in names if fields[name].kind == "numeric"]
    other = [name for name in names if fields[name].kind != "numeric"]
    columns = Rows.from_records([each.features for each in rows], numeric, other)
    return psi(use_case, reference, columns, Scores.logged([each.student for each in rows]))


def _moving(use_case: UseCase) -> set[str]:
    """Dates go on with the calendar: their figure is shown, and is no reason to learn anew every day."""
    return {name for name, field in use_case.features().items() if field.kind == "date"}


def _why(index: Psi, found: Mapping[str, Any], settings: Drift, moving: set[str]) -> list[str]:
    named = {**index.features, "(score)": index.score, "(classes)": index.mix}
    judged = {name: value for name, value in named.items() if value is not None and name not in moving}
    over = {name: value for name, value in judged.items() if value > settings.psi}
    why = [f"PSI of {name} is {value:.3f}, above {settings.psi:g}" for name, value in over.items()]
    if found["detected"]:
        why.append(f"student and teacher disagree more than before: {found['rate']:.3f} of {found['width']} rows")
    return why


def _named(version: Version) -> tuple[str, str]:
    return version.use_case, version.version
