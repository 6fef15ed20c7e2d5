"""What one worker of a training run does. Workers share out the bags of each student: every bag is grown
whole on one worker, so that the student is the same, byte for byte, on any number of them, and there is
no network of a library's own in which one that stops early leaves the others waiting.

A bag is put into the run's folder as soon as it is grown, and a student as soon as it is finished: workers
that are started again after a loss go on with the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.families import Family, NotInstalled, family
from pipelines.fit import Parts, bundle, finish, jobs
from pipelines.lesson import Prepared, grow, prepare, what_matters
from pipelines.outcome import Outcome, TrainFailure
from pipelines.run_folder import Job, RunFolder
from pipelines.teaching import Teaching
from serve_app.adapters.boosted_student import models
from serve_app.core.use_case import UseCase

log = logging.getLogger(__name__)

Agree = Callable[[list[str]], list[str]]
Finish = Callable[[], Outcome]


@dataclass(frozen=True, slots=True)
class Lot:
    """One student to be grown: ``key`` names it in the run's folder."""

    key: str
    use_case: UseCase
    teaching: Teaching


class Worker:
    """``agree`` gives every worker what the first one says; ``wait`` returns when all have called it, and
    every worker calls it once a student, whatever fails. ``threads``: bags that are grown side by side."""

    def __init__(
        self, rank: int, size: int, folder: RunFolder, wait: Callable[[], None], agree: Agree, threads: int = 1
    ) -> None:
        self._rank, self._size, self._folder = rank, size, folder
        self._wait, self._agree, self._threads = wait, agree, threads
        self._last: tuple[Teaching, str, Prepared] | None = None

    def train(self, keys: Sequence[str], lots: Iterable[Lot]) -> None:
        """``lots``: one for each of ``keys``, in order."""
        left = set(self._agree([key for key in keys if not self._folder.has(key)]))
        for lot in lots:
            if lot.key in left:
                self._train(lot)

    def _train(self, lot: Lot) -> None:
        finished: Finish | None = None
        try:
            finished = self._grow(lot)
        except Exception as error:
            self._folder.put_failed(lot.key, self._rank, _told(lot, error).reason)
        self._wait()
        if self._rank == 0:
            self._folder.put(lot.key, self._outcome(lot, finished))

    def _outcome(self, lot: Lot, finished: Finish | None) -> Outcome:
        reason = self._folder.failed(lot.key)
        if reason is not None or finished is None:
            return TrainFailure(lot.use_case.name, reason or "training failed")
        try:
            return finished()
        except Exception as error:
            return _told(lot, error)

    def _grow(self, lot: Lot) -> Finish:
        """Grows this worker's bags; what is returned puts all bags together, once everyone has met."""
        use_case = lot.use_case
        try:
            made = family(use_case.student.kind)
        except NotInstalled as error:
            failure = TrainFailure(use_case.name, str(error))
            return lambda: failure
        parts = lot.teaching.parts()
        if isinstance(parts, TrainFailure):
            return lambda: parts
        prepared = self._prepared(lot, parts)
        self._grow_bags(lot, made, prepared)

        def together() -> Outcome:
            bags = self._folder.bags(lot.key, jobs(prepared))
            fitted = finish(use_case, made, parts, prepared, bags, self._threads)
            return bundle(use_case, fitted, datetime.now(UTC))

        return together

    def _prepared(self, lot: Lot, parts: Parts) -> Prepared:
        """Families that learn from the same rows share what is made ready of them."""
        matters = what_matters(lot.use_case.student)
        if self._last is None or self._last[0] is not lot.teaching or self._last[1] != matters:
            self._last = (lot.teaching, matters, prepare(lot.use_case, parts.learn))
        return self._last[2]

    def _grow_bags(self, lot: Lot, made: Family, prepared: Prepared) -> None:
        """Where each bag has rows of its own, no more at once than there are threads."""
        left = self._left(lot, prepared)
        step = max(1, len(left) if lot.teaching.whole() else self._threads)
        for first in range(0, len(left), step):
            self._grow_some(lot, made, prepared, left[first : first + step])

    def _left(self, lot: Lot, prepared: Prepared) -> list[list[Job]]:
        """What this worker has to grow and nobody has grown before, by bag."""
        there = self._folder.grown(lot.key, jobs(prepared))
        mine = range(prepared.setup.bags)[self._rank :: self._size]
        left = [[(model, bag) for model in models(prepared.setup) if (model, bag) not in there] for bag in mine]
        return [each for each in left if each]

    def _grow_some(self, lot: Lot, made: Family, prepared: Prepared, left: Sequence[Sequence[Job]]) -> None:
        own = lot.teaching.own([each[0][1] for each in left], prepared.setup.bags)

        def grow_bag(each: Sequence[Job]) -> None:
            bag = each[0][1]
            seen = prepared.seen_of_own(*own[bag], bag) if bag in own else prepared.seen(bag)
            for job in each:
                self._folder.put_bag(lot.key, job, grow(made, lot.use_case.student, prepared, *job, seen))

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(grow_bag, left))


def _told(lot: Lot, error: Exception) -> TrainFailure:
    log.exception("%s: training failed", lot.use_case.name)
    return TrainFailure(lot.use_case.name, f"{type(error).__name__}: {error}")
