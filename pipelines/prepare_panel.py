"""Rows of a panel: an item on a day, its label the panel's own future."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import numpy as np

from pipelines.data_root import DataRoot
from pipelines.dataset import part_of
from pipelines.labelled import load
from pipelines.prepare_table import LONG_AGO, Found, said_of
from pipelines.run import Refusal, Run
from pipelines.sources.log import LOGGED, Statement, read_lessons
from serve_app.core.manifest import schema_version
from serve_app.core.provenance import Said, settle
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.use_case import NumericField, PanelMaker, UseCase

Key = tuple[str, str]
"""Item and day."""


def panel_rows(run: Run, use_case: UseCase, root: DataRoot) -> Found:
    """The feature table is made anew when there are new raw data. A row that was asked about has the
    features that were logged then (the last time); a person's number goes before the panel's. Teachers'
    numbers are not learned from: the panel knows better where it knows at all."""
    assert use_case.feature_table is not None
    labelled = load(use_case, run.folder, run.state, root)
    if labelled is None:
        raise Refusal("too_few_rows", "the panel has no day yet whose target is known")
    maker = use_case.feature_table.maker
    keys = list(zip(labelled.rows[maker.item].tolist(), labelled.rows[maker.day].tolist(), strict=True))
    place = {key: row for row, key in enumerate(keys)}
    newest, said, skipped = _spoken_of(run, use_case, root, maker, place)
    rows = _with_logged(use_case, labelled.rows, {place[key]: each for key, each in newest.items()})
    part = part_of(replace(labelled, rows=rows, target=labelled.target.copy()), "panel")
    conflicts = 0
    for key, words in sorted(said.items()):
        row = place[key]
        settled = settle([*words, Said("panel", "panel", LONG_AGO, "", float(labelled.target[row]))])
        conflicts += settled.conflict
        part.labelled.target[row], part.source[row] = settled.label, settled.origin
    return Found(part, conflicts, {**labelled.reasons, **skipped})


def _spoken_of(
    run: Run, use_case: UseCase, root: DataRoot, maker: PanelMaker, place: dict[Key, int]
) -> tuple[dict[Key, Statement], dict[Key, list[Said]], Counter[str]]:
    """By item and day: what was logged last, and what people said."""
    schema = schema_version(use_case)
    newest: dict[Key, Statement] = {}
    said: dict[Key, list[Said]] = defaultdict(list)
    skipped: Counter[str] = Counter()
    for each in read_lessons(root, use_case.name, run.job_id):
        if each["schema_version"] != schema:
            skipped["schema_changed"] += each["origin"] == LOGGED
            continue
        logged = json.loads(each["features"])
        key = (logged.get(maker.item), logged.get(maker.day))
        if key not in place:
            skipped["target_not_known_yet"] += each["origin"] == LOGGED
            continue
        if each["origin"] == LOGGED and (key not in newest or _when(newest[key]) < _when(each)):
            newest[key] = each
        if each["origin"] == "person":
            if (word := said_of(use_case, each)) is None:
                skipped["label_does_not_fit"] += 1
            else:
                said[key].append(word)
    return newest, said, +skipped


def _when(each: Statement) -> tuple[str, str]:
    return each["at"], each["prediction"]


def _with_logged(use_case: UseCase, rows: Rows, logged: dict[int, Statement]) -> Rows:
    places = np.fromiter(logged, dtype=np.intp, count=len(logged))
    records = [json.loads(each["features"]) for each in logged.values()]
    columns: dict[str, Any] = {}
    for name, kind in use_case.features().items():
        cells = [record[name] for record in records]
        columns[name] = rows[name].copy()
        columns[name][places] = numeric_column(cells) if isinstance(kind, NumericField) else text_column(cells)
    return rows.with_columns(columns)
