"""The manifest of a bundle: what the model is, what it was trained on, what its files' digests are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, ValidationError

from serve_app.core.errors import BadBundle
from serve_app.core.events import digest
from serve_app.core.use_case import Target, UseCase

FORMAT = 1
MANIFEST = "manifest.json"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class FileSeal(_Model):
    """``sha256`` in hex, ``size`` in bytes."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: NonNegativeInt


class DataSummary(_Model):
    """What the student was trained on: ``digest`` of the rows, ``labels`` counted (empty for numbers),
    ``since`` and ``until`` when rows have times (ISO)."""

    rows: NonNegativeInt
    digest: str
    labels: dict[str, NonNegativeInt] = {}
    since: str | None = None
    until: str | None = None


class Manifest(_Model):
    """``features``: name -> kind, in the order the student sees them; ``libraries``: name -> version;
    ``calibration``: how it was done and what it came to, as JSON."""

    format: int
    family: str
    use_case: str
    features: dict[str, str]
    target: Target
    schema_version: str
    calibration: dict[str, JsonValue]
    metrics: dict[str, float]
    data: DataSummary
    libraries: dict[str, str]
    created_at: AwareDatetime
    files: dict[str, FileSeal]

    def as_json(self) -> bytes:
        return self.model_dump_json(indent=1).encode()


class _Format(BaseModel):
    """All that is sure to be in the manifest of any format."""

    model_config = ConfigDict(extra="ignore", strict=True)
    format: Annotated[int, Field(ge=1)]


def read_manifest(text: bytes) -> Manifest:
    """Raises BadBundle for a newer format and for anything that is no manifest."""
    try:
        written = _Format.model_validate_json(text)
        if written.format > FORMAT:
            raise BadBundle(f"{MANIFEST}: format {written.format} is newer than {FORMAT}, the newest this can read")
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise BadBundle(f"{MANIFEST}: {first_problem(error)}") from None


def first_problem(error: ValidationError) -> str:
    """The first thing pydantic found, with its place."""
    one = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}"


def schema_version(use_case: UseCase) -> str:
    """``sha256:…`` of all that changes what the student sees or answers, and of nothing else: not of
    bounds, policies or prompts. A setting left at its default does not count, so that a setting
    added later leaves old digests as they are.

    Worked out once for a configuration: every batch that is written down names it."""
    known = _LAST_ASKED.get(use_case.name)
    if known is None or known[0] is not use_case:
        known = _LAST_ASKED[use_case.name] = (use_case, _schema_version(use_case))
    return known[1]


_LAST_ASKED: dict[str, tuple[UseCase, str]] = {}
"""By name. A configuration never changes; an edited one is another object."""


def _schema_version(use_case: UseCase) -> str:
    seen = [[name, _seen(field)] for name, field in use_case.features().items()]
    answered = use_case.target.model_dump(mode="json", exclude={"column"}, exclude_defaults=True)
    return digest({"features": seen, "target": answered})


def feature_kinds(use_case: UseCase) -> dict[str, str]:
    """Name -> kind of what the student sees, in order."""
    return {name: field.kind for name, field in use_case.features().items()}


def check_schema(manifest: Manifest, use_case: UseCase) -> None:
    """Raises BadBundle when the model was made for other features or another target."""
    if manifest.use_case != use_case.name:
        raise BadBundle(f"the model is one of {manifest.use_case!r}, not of {use_case.name!r}")
    if difference := _features(manifest.features, feature_kinds(use_case)):
        raise BadBundle(difference)
    if difference := _target(manifest.target, use_case.target):
        raise BadBundle(difference)
    if manifest.schema_version != schema_version(use_case):
        raise BadBundle("the defaults or allowed values of the features differ from the use case's: train again")


def _seen(field: Any) -> dict[str, Any]:
    part: dict[str, Any] = field.model_dump(mode="json", include={"kind", "default", "values"}, exclude_defaults=True)
    return {**part, "values": sorted(part["values"])} if "values" in part else part


def _features(trained: Mapping[str, str], wanted: Mapping[str, str]) -> str | None:
    if missing := [name for name in wanted if name not in trained]:
        return f"the model does not know the feature {missing[0]!r}"
    if extra := [name for name in trained if name not in wanted]:
        return f"the model needs the feature {extra[0]!r}, which the use case does not have"
    for name, kind in wanted.items():
        if trained[name] != kind:
            return f"the model takes {name!r} as {trained[name]}, the use case as {kind}"
    return None if list(trained) == list(wanted) else f"the model has the features in the order {', '.join(trained)}"


def _target(trained: Target, wanted: Target) -> str | None:
    if trained.kind != wanted.kind:
        return f"the model answers a {trained.kind}, the use case asks for a {wanted.kind}"
    was, now = (target.model_dump(mode="json", exclude={"column"}) for target in (trained, wanted))
    for setting, value in now.items():
        if was[setting] != value:
            return f"the model's {setting} is {was[setting]!r}, the use case's is {value!r}"
    return None
