"""Which code answers for a bundle: chosen by the family in its manifest."""

from __future__ import annotations

from serve_app.core.bundle import read_manifest
from serve_app.core.errors import BadBundle
from serve_app.core.ports import Bundle, Student

LIBRARIES = {"lightgbm": ("lightgbm", "numpy", "scipy"), "xgboost": ("xgboost", "numpy", "scipy")}
"""By family: what a student's bits depend on besides our own code. The first has grown the trees."""


def libraries(bundle: Bundle) -> tuple[str, ...]:
    """Raises BadBundle for a family nobody knows."""
    family = read_manifest(bundle).family
    if family not in LIBRARIES:
        raise BadBundle(f"the family {family!r} is not known; expected {' or '.join(LIBRARIES)}")
    return LIBRARIES[family]


def load_student(bundle: Bundle, version: str, num_threads: int = 1) -> Student:
    """The student of a checked bundle. Raises BadBundle, also when its library is not installed."""
    library = libraries(bundle)[0]
    try:
        if library == "xgboost":
            from serve_app.adapters.xgboost_student import XGBoostStudent

            return XGBoostStudent.from_bundle(bundle, version, num_threads)
        from serve_app.adapters.lightgbm_student import LightGBMStudent

        return LightGBMStudent.from_bundle(bundle, version, num_threads)
    except ModuleNotFoundError as error:
        raise BadBundle(not_installed(str(error.name))) from None


def not_installed(library: str) -> str:
    return f"{library} is not installed: the extra `{library}` brings it"
