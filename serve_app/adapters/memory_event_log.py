"""The event log in memory, for tests and demonstrations: the same laws, nothing on disk."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from serve_app.adapters.memory_audit import MemoryAudit
from serve_app.adapters.sql_rows import utc
from serve_app.core.audit import Audited
from serve_app.core.errors import StoreUnavailable, UnknownPrediction
from serve_app.core.events import Label, LoggedPrediction
from serve_app.core.jobs import Shadow
from serve_app.core.ledger import Entry, entry_of
from serve_app.core.ports import Lesson, NewLabels

_Event = TypeVar("_Event", LoggedPrediction, Label, Shadow)


class MemoryEventLog:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does. ``audit``: where what
    is told of a label goes."""

    def __init__(self, audit: MemoryAudit | None = None) -> None:
        self.away = False
        self.audit = MemoryAudit() if audit is None else audit
        self._lock = threading.Lock()
        self._predictions: dict[str, LoggedPrediction] = {}
        self._labels: set[str] = set()
        self._given: dict[str, list[Label]] = {}
        self._shadows: dict[tuple[str, str], Shadow] = {}

    def append(self, predictions: Sequence[LoggedPrediction]) -> None:
        kept = [_kept(prediction) for prediction in predictions]
        with self._lock:
            self._reach()
            for prediction in kept:
                self._predictions.setdefault(prediction.id, prediction)

    def get(self, prediction_id: str) -> LoggedPrediction:
        with self._lock:
            self._reach()
            return deepcopy(self._known(prediction_id))

    def add_label(self, label: Label, told: Audited | None = None) -> None:
        with self._lock:
            self._reach()
            self._known(label.prediction_id)
            if told is not None:
                self.audit.append(told)
            if label.id not in self._labels:
                self._labels.add(label.id)
                self._given.setdefault(label.prediction_id, []).append(_kept(label))

    def labels(self, prediction_id: str) -> list[Label]:
        with self._lock:
            self._reach()
            return list(self._labelled(prediction_id))

    def page(
        self, use_case: str, since: datetime | None = None, after: str | None = None, limit: int = 1000
    ) -> list[LoggedPrediction]:
        with self._lock:
            self._reach()
            found = [
                prediction
                for prediction in self._predictions.values()
                if prediction.use_case == use_case
                and (since is None or prediction.at >= utc(since))
                and (after is None or prediction.id > after)
            ]
        return deepcopy(sorted(found, key=lambda prediction: prediction.id)[:limit])

    def newest(self, use_case: str, limit: int = 1000) -> list[LoggedPrediction]:
        with self._lock:
            self._reach()
            found = [each for each in self._predictions.values() if each.use_case == use_case]
        return deepcopy(sorted(found, key=lambda prediction: prediction.id)[-limit:])

    def count(self, use_case: str) -> int:
        with self._lock:
            self._reach()
            return sum(prediction.use_case == use_case for prediction in self._predictions.values())

    def scan(
        self,
        use_case: str,
        since: datetime,
        until: datetime,
        after: str | None = None,
        limit: int = 5000,
        probabilities: bool = False,
        audited: bool = False,
    ) -> list[Entry]:
        known = [one for one in self.page(use_case, since, after, len(self._predictions)) if one.at < utc(until)]
        page = [one for one in known if one.audit_rate is not None or not audited][:limit]
        with self._lock:
            return [entry_of(one, self._labelled(one.id), probabilities) for one in page]

    def lessons(self, use_case: str, until: datetime, after: str | None = None, limit: int = 1000) -> list[Lesson]:
        with self._lock:
            self._reach()
            known = [one for one in self._of(use_case) if one.at <= utc(until) and (after is None or one.id > after)]
            found = [self._lesson(one, utc(until)) for one in sorted(known, key=lambda one: one.id)]
        return deepcopy([one for one in found if one.labels or one.prediction.teacher is not None][:limit])

    def new_labels(self, use_case: str, since: datetime) -> NewLabels:
        with self._lock:
            self._reach()
            mine = self._of(use_case)
            people = sum(any(label.at > utc(since) for label in self._labelled(one.id)) for one in mine)
        return NewLabels(people, sum(one.teacher is not None and one.at > utc(since) for one in mine))

    def add_shadows(self, shadows: Sequence[Shadow]) -> None:
        kept = [_kept(shadow) for shadow in shadows]
        with self._lock:
            self._reach()
            for shadow in kept:
                self._shadows.setdefault((shadow.prediction_id, shadow.model_version), shadow)

    def shadows(self, use_case: str, version: str, limit: int = 10_000) -> list[tuple[Shadow, Lesson]]:
        with self._lock:
            self._reach()
            found = [
                (shadow, self._lesson(self._predictions[shadow.prediction_id]))
                for shadow in self._shadows.values()
                if (shadow.use_case, shadow.model_version) == (use_case, version)
                and shadow.prediction_id in self._predictions
            ]
        found.sort(key=lambda pair: (pair[0].at, pair[0].prediction_id), reverse=True)
        return deepcopy(found[:limit])

    def ping(self) -> None:
        self._reach()

    def close(self) -> None:
        """There is nothing to let go of."""

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the event log is away")

    def _of(self, use_case: str) -> list[LoggedPrediction]:
        return [prediction for prediction in self._predictions.values() if prediction.use_case == use_case]

    def _labelled(self, prediction_id: str, until: datetime | None = None) -> tuple[Label, ...]:
        """Labels up to ``until``, oldest first."""
        given = (one for one in self._given.get(prediction_id, ()) if until is None or one.at <= until)
        return tuple(sorted(given, key=lambda one: (one.at, one.id)))

    def _lesson(self, prediction: LoggedPrediction, until: datetime | None = None) -> Lesson:
        return Lesson(prediction, self._labelled(prediction.id, until))

    def _known(self, prediction_id: str) -> LoggedPrediction:
        if prediction_id not in self._predictions:
            raise UnknownPrediction(f"no prediction has the id {prediction_id!r}")
        return self._predictions[prediction_id]


def _kept(event: _Event) -> _Event:
    """A copy that its caller cannot change. Raises ValueError for a moment without a time zone."""
    return replace(deepcopy(event), at=utc(event.at))
