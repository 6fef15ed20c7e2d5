"""The families of trees: who grows them, who answers with them, and which libraries' versions a bundle names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.trees import Bag, Growing, Sample
from serve_app.adapters.boosted_student import BoostedStudent
from serve_app.adapters.students import not_installed


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    grow: Callable[[Sample, Sample, Growing], Bag]
    student: type[BoostedStudent]

    @property
    def libraries(self) -> tuple[str, ...]:
        return (self.name, "numpy", "scipy", "scikit-learn")


class NotInstalled(Exception):
    """A family whose library is not there."""


def family(kind: str) -> Family:
    """Raises NotInstalled. A library is imported only for who asks for its family."""
    try:
        return _xgboost() if kind == "xgboost" else _lightgbm()
    except ModuleNotFoundError as error:
        raise NotInstalled(not_installed(str(error.name))) from None


def _lightgbm() -> Family:
    from pipelines.trees_lightgbm import grow
    from serve_app.adapters.lightgbm_student import LightGBMStudent

    return Family("lightgbm", grow, LightGBMStudent)


def _xgboost() -> Family:
    from pipelines.trees_xgboost import grow
    from serve_app.adapters.xgboost_student import XGBoostStudent

    return Family("xgboost", grow, XGBoostStudent)
