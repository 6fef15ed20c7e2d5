"""Whether a dataset still is what the use case asks for: it may be edited while a job is under way."""

from __future__ import annotations

from pipelines.dataset import Dataset, Manifest
from pipelines.run import Refusal
from serve_app.core.use_case import Classification, NumericField, UseCase


def unchanged(use_case: UseCase, dataset: Dataset) -> None:
    """Raises Refusal where the use case was edited since its rows were prepared."""
    if not fits(use_case, dataset.manifest):
        told = "its features or its target were edited while the job was under way; start another one"
        raise Refusal("use_case_changed", f"{use_case.name}: {told}")


def fits(use_case: UseCase, manifest: Manifest) -> bool:
    """Whether it was made of the features and the target that the use case has now."""
    features = {n: "numeric" if isinstance(f, NumericField) else "text" for n, f in use_case.features().items()}
    kind = "table" if use_case.feature_table is None else "panel"
    if (features, kind) != (manifest.features, manifest.kind):
        return False
    if isinstance(use_case.target, Classification):
        return not manifest.numeric_label and set(manifest.classes) <= set(use_case.target.classes)
    return manifest.numeric_label
