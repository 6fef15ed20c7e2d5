"""The families of a use case as separate challengers, and the choice of the one that is registered.

They are compared by their loss on rows that they have not learned from: never on gold, which must not have
chosen what it is to judge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.dataset import Dataset
from pipelines.outcome import Outcome, TrainFailure
from serve_app.core.bundle import digest_of, read_manifest, schema_version
from serve_app.core.events import digest
from serve_app.core.ports import Bundle, Version
from serve_app.core.registered import certificate_of
from serve_app.core.use_case import UseCase

HELD_OUT = "held_out_"

_DAY = re.compile(r"/day=(\d{4}-\d{2}-\d{2})/")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One family, with the student it came to or why there is none."""

    family: str
    outcome: Outcome

    @property
    def metrics(self) -> Mapping[str, float] | None:
        return None if isinstance(self.outcome, TrainFailure) else read_manifest(self.outcome).metrics

    def told(self) -> dict[str, Any]:
        """As the step gives it."""
        if isinstance(self.outcome, TrainFailure):
            return {"family": self.family, "held_out_loss": None, "failure": self.outcome.reason}
        metrics = self.metrics or {}
        return {"family": self.family, "held_out_loss": metrics["held_out_loss"], "metrics": dict(metrics)}

    def short(self) -> dict[str, Any]:
        """As it is kept with the version: without what there is one of for each class."""
        told = self.told()
        if "metrics" in told:
            told["metrics"] = {name: value for name, value in told["metrics"].items() if not name.startswith("recall.")}
        return told


def families_of(use_case: UseCase) -> list[UseCase]:
    """The use case once for each family that is configured, its own ``student`` first."""
    students = [use_case.student]
    for each in use_case.retraining.families:
        if each not in students:
            students.append(each)
    return [use_case.model_copy(update={"student": student}) for student in students]


def key_of(place: int, use_case: UseCase, dataset: Dataset) -> str:
    """Names a candidate in the run's folder: what was trained with other settings is not gone on with."""
    what = {
        "student": use_case.student.model_dump(mode="json"),
        "schema": schema_version(use_case),
        "rows": [dataset.manifest.digest, use_case.retraining.rows_in_memory],
    }
    return f"{place}-{use_case.student.kind}-{digest(what).removeprefix('sha256:')[:12]}"


def best_of(candidates: Sequence[Candidate]) -> tuple[Candidate, Bundle] | None:
    """The least loss on held-out rows; of equal ones the first. None when every one failed."""
    trained = [each for each in candidates if not isinstance(each.outcome, TrainFailure)]
    if not trained:
        return None
    best = min(trained, key=lambda each: each.told()["held_out_loss"])
    assert not isinstance(best.outcome, TrainFailure)
    return best, best.outcome


def tags_of(
    bundle: Bundle, family: str, candidates: Sequence[Candidate], dataset: Dataset, given: Mapping[str, str]
) -> dict[str, str]:
    """What is kept with the version: where it comes from, what it was chosen from, how good it seemed before
    gold was asked. ``given``: ``job``, ``origin``, ``dataset``, ``parent``."""
    manifest = read_manifest(bundle)
    held_out = {name: value for name, value in manifest.metrics.items() if name.startswith(HELD_OUT)}
    return {
        **given,
        **_days(dataset),
        "schema_version": manifest.schema_version,
        "digest": digest_of(bundle),
        "family": family,
        "label_mix": json.dumps(dataset.manifest.label_mix, sort_keys=True),
        "candidates": json.dumps([each.short() for each in candidates]),
        "held_out": json.dumps(held_out, sort_keys=True),
    }


def _days(dataset: Dataset) -> dict[str, str]:
    """The first and the last day that was learned from, as the dataset's folders name them."""
    days = sorted(found[1] for path in dataset.files("learn") if (found := _DAY.search(path)))
    return {"since": days[0], "until": days[-1]} if days else {}


def output_of(version: Version) -> dict[str, Any]:
    """What the step gives, from the version alone: the same when it is repeated."""
    return {
        "version": version.version,
        "digest": version.digest,
        "family": version.tags["family"],
        "candidates": json.loads(version.tags["candidates"]),
        "certificate": certificate_of(version),
    }
