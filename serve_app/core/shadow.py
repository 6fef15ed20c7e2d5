"""A challenger beside the champion, on the live rows that both answered. Only the champion was served.

Classes agree or they do not; for numbers the figure is a distance: the mean absolute difference.
Neither agreement with the teacher nor with people is correctness by itself, so both are shown, each
with the rows it rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from serve_app.core.jobs import Shadow
from serve_app.core.ports import Lesson
from serve_app.core.use_case import Classification, UseCase

Said = str | float | None
Shadowed = tuple[Shadow, Lesson]


def comparison(use_case: UseCase, shadowed: Sequence[Shadowed]) -> dict[str, Any]:
    """``{"rows", "measure", "between", "champion", "challenger"}``: ``between`` the two, and each of them
    against ``teacher`` and ``people``, as ``{"rows", "share" | "distance"}`` (None without rows)."""
    classes = isinstance(use_case.target, Classification)
    key, measure = ("label", _share) if classes else ("value", _distance)
    challenger = [_part(shadow.answer, key) for shadow, _ in shadowed]
    champion = [_part(lesson.prediction.student, key) for _, lesson in shadowed]
    teacher = [_part(lesson.prediction.teacher, key) for _, lesson in shadowed]
    people = [_people(lesson, key) for _, lesson in shadowed]
    return {
        "rows": len(shadowed),
        "measure": "agreement" if classes else "difference",
        "between": measure(challenger, champion),
        "champion": {"teacher": measure(champion, teacher), "people": measure(champion, people)},
        "challenger": {"teacher": measure(challenger, teacher), "people": measure(challenger, people)},
    }


def _part(answer: Mapping[str, Any] | None, key: str) -> Said:
    return None if answer is None else answer.get(key)


def _people(lesson: Lesson, key: str) -> Said:
    """What was said last."""
    return getattr(lesson.labels[-1], key) if lesson.labels else None


def _share(ours: Iterable[Said], theirs: Iterable[Said]) -> dict[str, Any]:
    return _figure("share", ours, theirs, lambda one, other: float(one == other))


def _distance(ours: Iterable[Said], theirs: Iterable[Said]) -> dict[str, Any]:
    return _figure("distance", ours, theirs, lambda one, other: abs(float(one) - float(other)))


def _figure(name: str, ours: Iterable[Said], theirs: Iterable[Said], of: Callable[[Any, Any], float]) -> dict[str, Any]:
    """The mean over the rows that both have an answer for."""
    each = [of(one, other) for one, other in zip(ours, theirs, strict=True) if one is not None and other is not None]
    return {"rows": len(each), name: sum(each) / len(each) if each else None}
