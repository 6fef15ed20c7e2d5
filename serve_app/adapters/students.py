"""Which code answers for a bundle: chosen by the family in its manifest."""

from __future__ import annotations

from serve_app.core.bundle import read_manifest
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Bundle, Student


def load_student(bundle: Bundle, version: str, num_threads: int = 1) -> Student:
    """The student of a checked bundle. Raises BadBundle for a family nobody knows."""
    family = read_manifest(bundle).family
    if family == "lightgbm":
        from serve_app.adapters.lightgbm_student import LightGBMStudent

        return LightGBMStudent.from_bundle(bundle, version, num_threads)
    raise BadBundle(f"the family {family!r} is not known; expected lightgbm")
