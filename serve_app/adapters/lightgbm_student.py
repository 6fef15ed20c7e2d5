"""A student of LightGBM trees, kept in LightGBM's own text format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import lightgbm as lgb
import numpy as np

from serve_app.adapters.boosted_student import BoostedStudent
from serve_app.adapters.lightgbm_calls import Bag, library
from serve_app.core.errors import BadBundle
from serve_app.core.student_file import Floats, StudentSetup
from serve_app.core.tfidf import Floats32


class LightGBMStudent(BoostedStudent):
    SUFFIX = ".txt"

    @classmethod
    def _forest(cls, texts: Sequence[bytes], setup: StudentSetup, num_threads: int) -> LightGBMForest:
        try:
            return LightGBMForest([lgb.Booster(model_str=text.decode()) for text in texts])
        except (lgb.basic.LightGBMError, UnicodeDecodeError) as error:
            raise BadBundle(f"the student cannot be read: {error}") from None


class LightGBMForest:
    predictor = "lightgbm"

    def __init__(self, boosters: Sequence[lgb.Booster]) -> None:
        self._boosters = boosters
        functions = library()
        self._bags = [Bag(booster, functions) for booster in boosters]

    def raw(self, matrix: Floats32, threads: int) -> Iterator[Floats]:
        return (bag.raw(matrix, threads) for bag in self._bags)

    def contributions(self, matrix: Floats32) -> Iterator[Floats]:
        for booster in self._boosters:
            part = booster.predict(matrix, pred_contrib=True, num_threads=1)
            yield np.asarray(part, dtype=np.float64).reshape(len(matrix), -1, matrix.shape[1] + 1)
