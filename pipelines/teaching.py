"""Where the rows that a student learns from come to a worker from: they are at hand, or they are read as they
are needed, and then a worker holds a sample of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from pipelines.data_root import read_table
from pipelines.dataset import Dataset, Name
from pipelines.fit import Parts, part, why_not
from pipelines.labelled import LabelledRows
from pipelines.outcome import TrainFailure
from pipelines.sampled import Sampled, Stretch, gather, start_of
from serve_app.core.bundle import DataSummary
from serve_app.core.use_case import UseCase


class Teaching(Protocol):
    def parts(self) -> Parts | TrainFailure: ...

    def whole(self) -> bool:
        """Whether ``parts`` has every row."""

    def own(self, bags: Sequence[int], of: int) -> Mapping[int, tuple[Sampled, Sampled]]:
        """By bag, the common rows and its own; nothing where ``parts`` has every row."""


class AtHand:
    """Rows that are in memory already; gold is chosen among them."""

    def __init__(self, use_case: UseCase, labelled: LabelledRows) -> None:
        self._use_case, self._labelled = use_case, labelled

    def parts(self) -> Parts | TrainFailure:
        return part(self._use_case, self._labelled)

    def whole(self) -> bool:
        return True

    def own(self, bags: Sequence[int], of: int) -> Mapping[int, tuple[Sampled, Sampled]]:
        return {}


class Streamed:
    """A dataset of any size. ``batches`` reads its rows to learn from once, in any order. ``most`` rows are
    held for the common sample and as many for each bag asked for, and the batch at hand; ``most_held``
    tells how many there were."""

    def __init__(
        self, use_case: UseCase, dataset: Dataset, batches: Callable[[], Iterable[pa.Table]], most: int
    ) -> None:
        self._use_case, self._dataset, self._batches, self._most = use_case, dataset, batches, most
        self._common: Sampled | None = None
        self._parts: Parts | TrainFailure | None = None
        self.most_held = 0

    def parts(self) -> Parts | TrainFailure:
        if self._parts is None:
            self._parts = self._read()
        return self._parts

    def own(self, bags: Sequence[int], of: int) -> Mapping[int, tuple[Sampled, Sampled]]:
        if self._common is None or self.whole():
            return {}
        stretches = {bag: Stretch(start_of(bag, of), self._most) for bag in bags}
        gather(self._batches(), list(stretches.values()))
        self._held(len(self._common), *stretches.values())
        return {bag: (self._common, self._sampled(stretch)) for bag, stretch in stretches.items()}

    def whole(self) -> bool:
        return self._rows() <= self._most

    def _read(self) -> Parts | TrainFailure:
        if not self._rows():
            return TrainFailure(self._use_case.name, "no rows to learn from")
        stretch = Stretch(0.0, self._most)
        gather(self._batches(), [stretch])
        self._held(0, stretch)
        self._common = self._sampled(stretch)
        learn = self._common.labelled
        return why_not(self._use_case, learn) or Parts(learn, self._gold(), self._summary(learn))

    def _gold(self) -> LabelledRows:
        """No more than is learned from at once: the newest days of a panel may be many rows."""
        if self._dataset.manifest.rows["gold"] <= self._most:
            return self._dataset.read("gold")
        stretch = Stretch(0.0, self._most)
        gather(tables(self._dataset, "gold"), [stretch])
        return self._sampled(stretch).labelled

    def _sampled(self, stretch: Stretch) -> Sampled:
        return stretch.sampled(self._use_case, self._dataset.manifest.horizon_days)

    def _summary(self, learn: LabelledRows) -> DataSummary:
        manifest = self._dataset.manifest
        return DataSummary(
            rows=manifest.rows["learn"],
            digest=manifest.digest,
            labels=dict(sorted(manifest.classes.items())),
            since=None if learn.time is None else str(learn.time.min()),
            until=None if learn.time is None else str(learn.time.max()),
        )

    def _rows(self) -> int:
        return self._dataset.manifest.rows["learn"]

    def _held(self, before: int, *stretches: Stretch) -> None:
        self.most_held = max(self.most_held, before + sum(stretch.most_held for stretch in stretches))


def tables(dataset: Dataset, name: Name) -> Iterator[pa.Table]:
    """File by file."""
    for file in dataset.files(name):
        yield read_table(dataset.filesystem, file)
