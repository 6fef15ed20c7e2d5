"""Preparing: what people and the teacher said of which features, settled, and parted into what is learned
from and gold; and, beside both, the rows that chance chose for audit, which nobody learns from.

Features are those that were logged when the question was asked, to the bit, and never made again: a
student must learn from what it would have seen. Rows of files are read by the code that reads requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pipelines.audit import Audit, audited
from pipelines.data_root import DataRoot
from pipelines.dataset import Part, write
from pipelines.gold import share_of
from pipelines.prepare_panel import panel_rows
from pipelines.prepare_table import Found, table_rows
from pipelines.run import Came, Outputs, Refusal, Run
from pipelines.split import lines, places
from serve_app.core.provenance import PEOPLE, RANK
from serve_app.core.use_case import UseCase

KEPT_DATASETS = 10
"""Of a use case: the newest, for looking at what a version was trained on."""


@dataclass(frozen=True, slots=True)
class Parted:
    learn: Part
    gold: Part
    skipped: dict[str, int] = field(default_factory=dict)


def prepare(run: Run, came: Came) -> Outputs:
    """Needs ``collect`` of the same job. Raises Refusal for too few rows to learn from."""
    use_case, root = run.configured(), DataRoot(run.platform)
    panel = use_case.feature_table is not None
    found = (panel_rows if panel else table_rows)(run, use_case, root)
    parted = _by_time(use_case, found.part) if panel else _by_ring(run, use_case, found.part)
    audit = audited(use_case, root, run.job_id)
    parted = _clear_of(parted, audit, list(use_case.features()))
    least = use_case.retraining.min_rows
    if len(parted.learn) < least:
        told = f"{len(parted.learn)} rows to learn from; retraining.min_rows asks for {least}"
        raise Refusal("too_few_rows", f"{told}{_why(_all_skipped(found, parted))}")
    root.delete_folder(use_case.name, "processed", run.job_id)
    path = root.path(use_case.name, "processed", run.job_id)
    horizon = found.part.labelled.horizon_days
    manifest = write(root.filesystem, path, use_case, parted.learn, parted.gold, horizon, audit).manifest
    root.keep_newest(KEPT_DATASETS, use_case.name, "processed", but=run.under_way())
    return {
        "dataset": root.address(use_case.name, "processed", run.job_id),
        "learn_rows": manifest.rows["learn"],
        "gold_rows": manifest.rows["gold"],
        "audit_rows": len(audit),
        "label_mix": {origin: manifest.label_mix.get(origin, 0) for origin in RANK},
        "conflicts": found.conflicts,
        "skipped": dict(sorted(_all_skipped(found, parted).items())),
        "digest": manifest.digest,
    }


def _by_ring(run: Run, use_case: UseCase, part: Part) -> Parted:
    """Below the share nobody learns, whoever labelled the row; gold is what people labelled of it."""
    by_people = np.isin(part.source.astype(str), list(PEOPLE))
    place = places(lines(part.labelled.rows, list(use_case.features())), "gold")
    below = place < share_of(run.platform, use_case, int(by_people.sum()))
    waiting = int((below & ~by_people).sum())
    learn, gold = part.take(np.flatnonzero(~below)), part.take(np.flatnonzero(below & by_people))
    return Parted(learn, gold, {"kept_for_gold": waiting} if waiting else {})


def _by_time(use_case: UseCase, part: Part) -> Parted:
    learn, gold = part.labelled.split_by_time(use_case.retraining.gold_share)
    between = len(part) - len(learn) - len(gold)
    return Parted(part.take(learn), part.take(gold), {"reaches_into_gold": between} if between else {})


def _clear_of(parted: Parted, audit: Audit, features: list[str]) -> Parted:
    """Nobody learns from an audited row, nor from another with the same features: a student that knows them
    by heart would be more right on them than on what it will be asked."""
    if not len(audit):
        return parted
    known = set(lines(audit.rows, features))
    kept = np.array([line not in known for line in lines(parted.learn.labelled.rows, features)], dtype=bool)
    left_out = int((~kept).sum())
    skipped = {**parted.skipped, **({"audited": left_out} if left_out else {})}
    return replace(parted, learn=parted.learn.take(np.flatnonzero(kept)), skipped=skipped)


def _all_skipped(found: Found, parted: Parted) -> Counter[str]:
    return Counter(found.skipped) + Counter(parted.skipped)


def _why(skipped: Mapping[str, int]) -> str:
    told = ", ".join(f"{count} {reason}" for reason, count in Counter(skipped).most_common(5))
    return f" (skipped: {told})" if told else ""
