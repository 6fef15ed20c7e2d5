"""A use case that is edited in the middle of a job is told as that, not as a column that is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.dataset import Dataset, part_of
from pipelines.run import Refusal
from pipelines.same_shape import fits, unchanged
from serve_app.core.use_case import UseCase
from tests.unit.test_dataset import PANEL, labelled, use_case, written

SIZE, NOTE = {"kind": "numeric", "required": False}, {"kind": "text", "required": False}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return written(tmp_path / "made", part_of(labelled(8)))


def classes(*names: str) -> dict[str, Any]:
    return {"kind": "classification", "column": "y", "classes": list(names)}


@pytest.mark.parametrize(
    "edited",
    [use_case(), use_case(title="Other", retraining={"min_rows": 7}), use_case(target=classes("a", "b", "c"))],
    ids=["not at all", "settings", "a class more"],
)
def test_what_does_not_touch_the_rows_may_be_edited(dataset: Dataset, edited: UseCase) -> None:
    unchanged(edited, dataset)


@pytest.mark.parametrize(
    "edited",
    [
        use_case(fields={"size": SIZE, "note": NOTE, "colour": NOTE}),
        use_case(fields={"size": SIZE}),
        use_case(fields={"size": NOTE, "note": NOTE}),
        use_case(target=classes("a", "c")),
        use_case(target={"kind": "regression", "column": "y"}),
        PANEL,
    ],
    ids=["a feature more", "one less", "of another kind", "a class less", "a number", "a panel"],
)
def test_other_features_or_another_target_are_refused(dataset: Dataset, edited: UseCase) -> None:
    assert not fits(edited, dataset.manifest)
    with pytest.raises(Refusal, match="edited while the job was under way") as refused:
        unchanged(edited, dataset)
    assert refused.value.code == "use_case_changed"
