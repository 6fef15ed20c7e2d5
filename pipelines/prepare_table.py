"""Rows of a use case without a panel: those of files, and those that were asked about."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pipelines.data_root import DataRoot
from pipelines.dataset import Part
from pipelines.labelled import LabelledRows, load
from pipelines.run import Run
from pipelines.sources.log import Statement, read_lessons
from pipelines.split import lines
from serve_app.core.manifest import schema_version
from serve_app.core.provenance import Said, settle
from serve_app.core.rows import Column, Rows, text_column
from serve_app.core.use_case import Classification, NumericField, Regression, UseCase

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """``conflicts``: rows of which not everybody said the same; ``skipped``: by reason."""

    part: Part
    conflicts: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Asked:
    """All statements about one row of features, wherever they were made."""

    features: dict[str, Any]
    day: str
    said: list[Said] = field(default_factory=list)

    def teacher(self) -> str | None:
        """What the teacher said of it last."""
        told = [each for each in self.said if each.origin == "teacher"]
        return str(max(told, key=lambda each: (each.at, each.id)).label) if told else None


def table_rows(run: Run, use_case: UseCase, root: DataRoot) -> Found:
    """A row of the log once, whoever asked it how often. Rows of files as often as they stand there: two
    things measured alike are still two things, and no conflict; a person's word on such a row is one
    among theirs."""
    features = list(use_case.features())
    own = load(use_case, run.folder, run.state, root) or _none(use_case)
    asked, skipped = asked_about(use_case, read_lessons(root, use_case.name, run.job_id))
    skipped.update(own.reasons)
    at: dict[str, list[int]] = defaultdict(list)
    own_lines = lines(own.rows, features)
    for row, line in enumerate(own_lines):
        at[line].append(row)
    labels = own.target.tolist()
    kept = np.ones(len(own), dtype=bool)
    learned: list[tuple[_Asked, str | float, str]] = []
    conflicts = 0
    for line, each in sorted(asked.items()):
        rows = at.get(line, [])
        settled = settle([*each.said, *(_of_file(row, labels[row]) for row in rows)])
        conflicts += settled.conflict
        if settled.origin == "file":
            continue
        kept[rows] = False
        if settled.label is None:
            skipped["people_disagree"] += 1
        else:
            learned.append((each, settled.label, settled.origin))
    part = _part(use_case, own, np.flatnonzero(kept), learned, run.until)
    if isinstance(use_case.target, Classification):
        whose = [asked.get(own_lines[row]) for row in np.flatnonzero(kept)] + [each for each, _, _ in learned]
        part = replace(part, teacher=_texts([None if each is None else each.teacher() for each in whose]))
    return Found(part, conflicts, dict(skipped))


def asked_about(use_case: UseCase, statements: Any) -> tuple[dict[str, _Asked], Counter[str]]:
    """By line of features, what was said; and by reason, how many statements cannot be used."""
    features, schema = list(use_case.features()), schema_version(use_case)
    found: dict[str, _Asked] = {}
    skipped: Counter[str] = Counter()
    for each in statements:
        if each["schema_version"] != schema:
            skipped["schema_changed"] += 1
            continue
        said = said_of(use_case, each)
        if said is None:
            skipped["label_does_not_fit"] += 1
            continue
        logged = json.loads(each["features"])
        record = {name: logged[name] for name in features}
        asked = found.setdefault(json.dumps(record, sort_keys=True), _Asked(record, each["at"][:10]))
        asked.day = min(asked.day, each["at"][:10])
        asked.said.append(said)
    return found, skipped


def said_of(use_case: UseCase, each: Statement) -> Said | None:
    """None for a label outside the target."""
    target = use_case.target
    label = each["label"] if isinstance(target, Classification) else each["value"]
    if not _fits(target, label):
        return None
    return Said(each["origin"], each["by"], datetime.fromisoformat(each["said_at"]), each["id"], label)


def _fits(target: Classification | Regression, label: Any) -> bool:
    if isinstance(target, Classification):
        return label in target.classes
    return label is not None and bool(np.isfinite(label)) and (target.scale != "log" or label > 0)


def _of_file(row: int, label: str | float) -> Said:
    """Each row of a file is a word of its own: somebody wrote it."""
    return Said("file", f"row {row}", LONG_AGO, str(row), label)


def _part(
    use_case: UseCase,
    own: LabelledRows,
    kept: np.ndarray[Any, Any],
    learned: Sequence[tuple[_Asked, str | float, str]],
    until: datetime,
) -> Part:
    """Rows of files belong to the day on which they were read."""
    numeric = [name for name, each in use_case.features().items() if isinstance(each, NumericField)]
    other = [name for name in use_case.features() if name not in numeric]
    logged = Rows.from_records([each.features for each, _, _ in learned], numeric, other)
    columns = {name: np.concatenate([own.rows[name][kept], logged[name]]) for name in use_case.features()}
    labels = [label for _, label, _ in learned]
    said = text_column(labels) if isinstance(use_case.target, Classification) else np.array(labels, dtype=np.float64)  # type: ignore[arg-type]
    target = np.concatenate([own.target[kept], said])
    source = _texts(["file"] * len(kept) + [origin for _, _, origin in learned])
    today = until.astimezone(UTC).date().isoformat()
    return Part(
        LabelledRows(Rows(columns), target), source, _texts([today] * len(kept) + [e.day for e, _, _ in learned])
    )


def _texts(values: Sequence[str | None]) -> Column:
    return text_column(list(values))


def _none(use_case: UseCase) -> LabelledRows:
    classes = isinstance(use_case.target, Classification)
    columns = {
        n: np.empty(0, dtype=np.float64 if isinstance(f, NumericField) else object)
        for n, f in use_case.features().items()
    }
    return LabelledRows(Rows(columns), np.empty(0, dtype=object if classes else np.float64))
