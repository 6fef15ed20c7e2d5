"""A student of XGBoost trees, kept as XGBoost's JSON.

XGBoost sums in float32: what its contributions lack of the score is counted to the base.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xgboost as xgb

from serve_app.adapters.boosted_student import BoostedStudent
from serve_app.core.errors import BadBundle
from serve_app.core.student_file import ClassSetup, Floats, StudentSetup
from serve_app.core.tfidf import Floats32


class XGBoostStudent(BoostedStudent):
    SUFFIX = ".json"

    @classmethod
    def _forest(cls, texts: Sequence[bytes], setup: StudentSetup, num_threads: int) -> XGBoostForest:
        try:
            return XGBoostForest(texts, _begun(setup), num_threads)
        except (xgb.core.XGBoostError, ValueError) as error:
            raise BadBundle(f"the student cannot be read: {str(error).strip().splitlines()[-1][:300]}") from None


class XGBoostForest:
    """``begun``: how many scores of another model boosting began from; XGBoost's own base score, which it
    began from where there are none, is then left out.

    A booster's threads are set when it is read: to set them for a call would change it under another
    thread's feet, so that there is one set of boosters for each number."""

    predictor = "xgboost"

    def __init__(self, texts: Sequence[bytes], begun: int | None, num_threads: int) -> None:
        self._begun = begun
        self._boosters = {threads: [_booster(text, threads) for text in texts] for threads in {1, num_threads}}

    def raw(self, matrix: Floats32, threads: int) -> Iterator[Floats]:
        boosters = self._boosters[threads]
        asked = self._asked(matrix, boosters[0], threads)
        for booster in boosters:
            yield _scores(booster, asked)

    def contributions(self, matrix: Floats32) -> Iterator[Floats]:
        asked = self._asked(matrix, self._boosters[1][0], 1)
        for booster in self._boosters[1]:
            scores = _scores(booster, asked)
            parts = np.asarray(booster.predict(asked, pred_contribs=True), dtype=np.float64)
            parts = parts.reshape(*scores.shape, -1)
            parts[..., -1] += scores - parts.sum(axis=-1)
            yield parts

    def _asked(self, matrix: Floats32, like: xgb.Booster, threads: int) -> xgb.DMatrix:
        types = like.feature_types
        start = None if self._begun is None else np.zeros((len(matrix), self._begun))
        return xgb.DMatrix(
            matrix, base_margin=start, feature_types=types, enable_categorical=bool(types), nthread=threads
        )


def _begun(setup: StudentSetup) -> int | None:
    if not isinstance(setup, ClassSetup) or setup.prior is None:
        return None
    return 1 if len(setup.labels) == 2 else len(setup.labels)


def _booster(text: bytes, threads: int) -> xgb.Booster:
    booster = xgb.Booster()
    booster.load_model(bytearray(text))
    booster.set_param({"nthread": threads})
    first = np.zeros((1, booster.num_features()), dtype=np.float32)
    booster.predict(xgb.DMatrix(first, feature_types=booster.feature_types, enable_categorical=True, nthread=1))
    return booster  # the first call has settled it: from here on it is only read


def _scores(booster: xgb.Booster, asked: xgb.DMatrix) -> Floats:
    found = np.asarray(booster.predict(asked, output_margin=True), dtype=np.float64)
    return found.reshape(asked.num_row(), -1)
