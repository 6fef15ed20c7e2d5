"""The event log in memory, for tests and demonstrations: the same laws, nothing on disk."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from serve_app.adapters.sql_rows import utc
from serve_app.core.errors import StoreUnavailable, UnknownPrediction
from serve_app.core.events import Label, LoggedPrediction

_Event = TypeVar("_Event", LoggedPrediction, Label)


class MemoryEventLog:
    """Set ``away`` to make every call raise StoreUnavailable, as a database that is down does."""

    def __init__(self) -> None:
        self.away = False
        self._lock = threading.Lock()
        self._predictions: dict[str, LoggedPrediction] = {}
        self._labels: dict[str, Label] = {}

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

    def add_label(self, label: Label) -> None:
        with self._lock:
            self._reach()
            self._known(label.prediction_id)
            self._labels.setdefault(label.id, _kept(label))

    def labels(self, prediction_id: str) -> list[Label]:
        with self._lock:
            self._reach()
            found = [label for label in self._labels.values() if label.prediction_id == prediction_id]
        return sorted(found, key=lambda label: (label.at, label.id))

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

    def count(self, use_case: str) -> int:
        with self._lock:
            self._reach()
            return sum(prediction.use_case == use_case for prediction in self._predictions.values())

    def ping(self) -> None:
        self._reach()

    def close(self) -> None:
        """There is nothing to let go of."""

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("the event log is away")

    def _known(self, prediction_id: str) -> LoggedPrediction:
        if prediction_id not in self._predictions:
            raise UnknownPrediction(f"no prediction has the id {prediction_id!r}")
        return self._predictions[prediction_id]


def _kept(event: _Event) -> _Event:
    """A copy that its caller cannot change. Raises ValueError for a moment without a time zone."""
    return replace(deepcopy(event), at=utc(event.at))
