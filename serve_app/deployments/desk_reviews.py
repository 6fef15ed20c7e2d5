"""The port ``ReviewDesk``: rows that want a person, handed out one person at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ulid import ULID

from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.audit import Audited
from serve_app.core.errors import LeasedElsewhere
from serve_app.core.events import Label
from serve_app.core.feedback import checked
from serve_app.core.ports import EventLog, Review, Reviews
from serve_app.core.redact import redacted_text
from serve_app.core.review import agreement, queue, seen
from serve_app.core.use_case import UseCase
from serve_app.deployments.acts import Act, Acts, Done
from serve_app.deployments.desk_feedback import keep


class ReviewQueue:
    def __init__(self, catalogue: UseCaseFolder, log: EventLog, reviews: Reviews, acts: Acts) -> None:
        self._catalogue, self._log, self._reviews, self._acts = catalogue, log, reviews, acts

    async def queue(self, use_case: str, by: str, limit: int) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self._queue, self._catalogue.get(use_case), by, limit)

    async def review(self, prediction_id: str, by: str, said: str | float | None, note: str | None) -> dict[str, Any]:
        """A skip is nothing that was said, and not in the audit log."""
        looked, label = await asyncio.to_thread(self._looked, prediction_id, by, said, note)
        if label is None:
            await asyncio.to_thread(self._reviews.add, looked)
        else:
            act = Act("review", by, looked.use_case, {"label_id": label.id}, prediction_id)
            await self._acts.kept(act, partial(self._keep, looked, label))
        return {**asdict(looked), "skipped": said is None}

    async def agreement(self, use_case: str) -> dict[str, Any]:
        reviews = await asyncio.to_thread(self._reviews.reviewed, use_case)
        return agreement(self._catalogue.get(use_case), reviews)

    def _queue(self, use_case: UseCase, by: str, limit: int) -> list[dict[str, Any]]:
        now = datetime.now(UTC)
        newest = self._log.newest(use_case.name, use_case.review.window)
        if not newest:
            return []
        # A part of an id comes before the id: from the first of the window on.
        lessons = self._log.lessons(use_case.name, now, newest[0].id[:-1], len(newest) + 1)
        labels = (label for lesson in lessons for label in lesson.labels)
        ranked = queue(use_case, newest, seen(labels, self._reviews.reviewed(use_case.name)), by)
        wanted = [each.prediction.id for each in ranked]
        until = now + timedelta(seconds=use_case.review.lease_s)
        leases = {each.prediction_id for each in self._reviews.lease(use_case.name, wanted, by, now, until, limit)}
        mine = (each for each in ranked if each.prediction.id in leases)
        return [{**each.as_dict(), "leased_until": until.isoformat()} for each in mine]

    def _looked(
        self, prediction_id: str, by: str, said: str | float | None, note: str | None
    ) -> tuple[Review, Label | None]:
        logged, now = self._log.get(prediction_id), datetime.now(UTC)
        use_case = self._catalogue.get(logged.use_case)
        name, value = (None, None) if said is None else checked(use_case, said)
        held = self._reviews.holder(prediction_id, now)
        if held is not None and held.by != by:
            raise LeasedElsewhere(f"the row is in somebody else's hands until {held.until:%H:%M} UTC")
        review = Review(str(ULID()), prediction_id, logged.use_case, by, now, name, value)
        if said is None:
            return review, None
        return review, Label(review.id, prediction_id, now, by, name, value, redacted_text(use_case, note))

    def _keep(self, looked: Review, label: Label, entry: Callable[[Done], Audited]) -> Done:
        """The label first: what is lost between the two is only that it came from the queue."""
        done = keep(self._log, label, None, entry)
        self._reviews.add(looked)
        return done
