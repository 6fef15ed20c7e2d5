"""The model artefact: plain files, each named in a manifest with its SHA-256, and golden rows.

    manifest.json   what this model is, and the digest and size of every other file
    golden.json     a few rows with the student's exact answers
    *.txt           LightGBM models in their text format
    *.json, *.npz   what turns rows into numbers, and the calibration

Nothing in it is ever unpickled. The bundle's digest is that of its manifest, which vouches for all
the rest. Digests are checked before anything is loaded: a truncated LightGBM file aborts the
process, and one with a flipped digit loads and predicts wrongly.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue, ValidationError

from serve_app.core.errors import BadBundle
from serve_app.core.golden import Golden, same
from serve_app.core.manifest import (
    FORMAT,
    MANIFEST,
    DataSummary,
    FileSeal,
    Manifest,
    check_schema,
    feature_kinds,
    first_problem,
    schema_version,
)
from serve_app.core.manifest import read_manifest as manifest_from
from serve_app.core.npz import check_npz
from serve_app.core.ports import Bundle, Student
from serve_app.core.use_case import UseCase

__all__ = [
    "FORMAT",
    "DataSummary",
    "Golden",
    "Manifest",
    "check",
    "check_answers",
    "digest_of",
    "enclose",
    "read_manifest",
    "same",
    "schema_version",
    "seal",
]

GOLDEN = "golden.json"
SUFFIXES = (".txt", ".json", ".npz")
MAX_BYTES = 512 * 1024 * 1024
MAX_FILES = 100

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")


def seal(
    files: Bundle,
    *,
    family: str,
    use_case: UseCase,
    metrics: Mapping[str, float],
    calibration: Mapping[str, JsonValue],
    data: DataSummary,
    libraries: Mapping[str, str],
    created_at: datetime,
    golden: Golden,
) -> dict[str, bytes]:
    """``files`` with golden rows and manifest. Raises BadBundle for what ``check`` would refuse."""
    if taken := sorted({MANIFEST, GOLDEN} & set(files)):
        raise BadBundle(f"{taken[0]}: this name is the bundle's own")
    contents = {**files, GOLDEN: golden.as_json()}
    try:
        manifest = Manifest(
            format=FORMAT,
            family=family,
            use_case=use_case.name,
            features=feature_kinds(use_case),
            target=use_case.target,
            schema_version=schema_version(use_case),
            calibration=dict(calibration),
            metrics=dict(metrics),
            data=data,
            libraries=dict(libraries),
            created_at=created_at,
            files={name: _seal(content) for name, content in sorted(contents.items())},
        )
    except ValidationError as error:
        raise BadBundle(f"{MANIFEST}: {first_problem(error)}") from None
    sealed = {**contents, MANIFEST: manifest.as_json()}
    check(sealed, use_case)
    return sealed


def enclose(bundle: Bundle, use_case: UseCase, files: Bundle) -> dict[str, bytes]:
    """``bundle`` with ``files`` besides, sealed again: for a student that is not registered yet, since with another
    digest it is another one. Raises BadBundle."""
    manifest = check(bundle, use_case)
    own = {name: content for name, content in bundle.items() if name not in (MANIFEST, GOLDEN)}
    return seal(
        {**own, **files},
        family=manifest.family,
        use_case=use_case,
        metrics=manifest.metrics,
        calibration=manifest.calibration,
        data=manifest.data,
        libraries=manifest.libraries,
        created_at=manifest.created_at,
        golden=Golden.from_json(bundle[GOLDEN]),
    )


def digest_of(bundle: Bundle) -> str:
    """``sha256:…`` of the manifest. Raises BadBundle when there is none."""
    return f"sha256:{_sha256(_manifest_text(bundle))}"


def read_manifest(bundle: Bundle) -> Manifest:
    """The manifest alone; the files it names are not looked at. Raises BadBundle."""
    return manifest_from(_manifest_text(bundle))


def check(bundle: Bundle, use_case: UseCase | None, max_bytes: int = MAX_BYTES) -> Manifest:
    """The manifest of a bundle whose every byte is vouched for and which, given ``use_case``, answers
    its schema. Raises BadBundle, saying what is wrong. Loads no model."""
    check_size(bundle, max_bytes)
    for name in bundle:
        check_name(name)
    manifest = read_manifest(bundle)
    _check_files(bundle, manifest)
    Golden.from_json(bundle[GOLDEN]).check_rows(manifest.features)
    if use_case is not None:
        check_schema(manifest, use_case)
    return manifest


def check_answers(bundle: Bundle, student: Student) -> None:
    """Raises BadBundle unless ``student``, loaded from ``bundle``, answers its golden rows bit for bit.
    For a bundle that ``check`` let through; whoever loads one calls this before it answers anybody."""
    golden = Golden.from_json(bundle[GOLDEN])
    rows = golden.as_rows(read_manifest(bundle).features)
    if difference := same(golden, student.answer(rows)):
        raise BadBundle(f"the model does not answer as it did when it was made: {difference}")


def check_size(bundle: Bundle, max_bytes: int = MAX_BYTES) -> None:
    if not bundle:
        raise BadBundle("the bundle is empty")
    if len(bundle) > MAX_FILES:
        raise BadBundle(f"the bundle has {len(bundle)} files, more than {MAX_FILES}")
    size = sum(len(content) for content in bundle.values())
    if size > max_bytes:
        raise BadBundle(f"the bundle has {size} bytes, more than {max_bytes}")


def check_name(name: str) -> None:
    """Raises BadBundle for a name that could leave its folder, hide in it, or be a pickle."""
    if "/" in name or "\\" in name:
        raise BadBundle(f"{name!r}: a file of a bundle lies in no folder")
    if name.startswith("."):
        raise BadBundle(f"{name!r}: a file of a bundle is not hidden")
    if not _NAME.fullmatch(name):
        raise BadBundle(f"{name[:120]!r}: a file's name is at most 100 letters, digits, '_', '.' and '-'")
    if not name.endswith(SUFFIXES):
        raise BadBundle(f"{name!r}: only {', '.join(SUFFIXES)} files belong in a bundle")


def _manifest_text(bundle: Bundle) -> bytes:
    if MANIFEST not in bundle:
        raise BadBundle(f"{MANIFEST} is missing")
    return bundle[MANIFEST]


def _check_files(bundle: Bundle, manifest: Manifest) -> None:
    present, named = set(bundle) - {MANIFEST}, set(manifest.files)
    if missing := sorted((named | {GOLDEN}) - present):
        raise BadBundle(f"{missing[0]} is missing")
    if extra := sorted(present - named):
        raise BadBundle(f"{extra[0]} is not named in {MANIFEST}")
    for name, sealed in manifest.files.items():
        _check_file(name, bundle[name], sealed)


def _check_file(name: str, content: bytes, sealed: FileSeal) -> None:
    if len(content) != sealed.size:
        raise BadBundle(f"{name} has {len(content)} bytes, not {sealed.size}")
    if _sha256(content) != sealed.sha256:
        raise BadBundle(f"{name} has changed: its SHA-256 is not the one in {MANIFEST}")
    if name.endswith(".npz"):
        check_npz(content, name)


def _seal(content: bytes) -> FileSeal:
    return FileSeal(sha256=_sha256(content), size=len(content))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
