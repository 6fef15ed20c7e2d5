"""LightGBM's own C functions for prediction, without what ``Booster.predict`` checks and allocates each time.

A lone row takes the library's single-row path, which keeps its predictor from call to call. Both give the bits
that ``Booster.predict`` gives, and where anything is not as they need it, that is who is asked: it answers, or
says what is wrong.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from typing import Any

import lightgbm as lgb
import numpy as np

from serve_app.core.student_file import Floats
from serve_app.core.tfidf import Floats32

FEW = 4
"""Up to this many rows a call for each is quicker than one for all: measured, 6 against 15 microseconds for
one row, the same for four."""

_RAW, _FROM, _ALL, _ROW_MAJOR, _FLOAT32 = 1, 0, -1, 1, 0  # as c_api.h numbers them
_P, _I, _I32, _S = ctypes.c_void_p, ctypes.c_int, ctypes.c_int32, ctypes.c_char_p
_SIGNATURES = {
    "LGBM_BoosterPredictForMat": (_P, _P, _I, _I32, _I32, _I, _I, _I, _I, _S, _P, _P),
    "LGBM_BoosterPredictForMatSingleRowFastInit": (_P, _I, _I, _I, _I, _I32, _S, _P),
    "LGBM_BoosterPredictForMatSingleRowFast": (_P, _P, _P, _P),
    "LGBM_FastConfigFree": (_P,),
}


def library() -> dict[str, Any] | None:
    """The functions by name; None where this LightGBM has not all of them. A handle of our own to the library
    that is loaded already: the types of the arguments are set on it, and not for everybody."""
    try:
        own = ctypes.CDLL(lgb.basic._LIB._name)
        found = {name: getattr(own, name) for name in _SIGNATURES}
    except (AttributeError, OSError, TypeError):
        return None
    for name, function in found.items():
        function.argtypes, function.restype = _SIGNATURES[name], ctypes.c_int
    return found


class Bag:
    """One booster's raw scores. Safe to be asked by several threads: a predictor is one caller's at a time, and
    there are never more than callers at once."""

    def __init__(self, booster: lgb.Booster, functions: dict[str, Any] | None) -> None:
        self._booster, self._functions = booster, functions
        self._handle = getattr(getattr(booster, "_handle", None), "value", None)
        self._columns, self._scores = booster.num_feature(), booster.num_model_per_iteration()
        self._idle: deque[_LoneRows] = deque()
        if not self._agrees():
            self._functions = None

    def raw(self, matrix: Floats32, threads: int) -> Floats:
        """(n, scores) of float64."""
        if self._functions is None or self._handle is None or not self._is_plain(matrix):
            return self._by_booster(matrix, threads)
        found = self._few(matrix) if len(matrix) <= FEW else self._many(matrix, threads)
        return self._by_booster(matrix, threads) if found is None else found

    def _agrees(self) -> bool:
        """Whether this build of the library gives the booster's bits both ways, on a few rows: what was registered
        was made by the booster."""
        tried = np.linspace(-4, 4, (FEW + 1) * self._columns, dtype=np.float32).reshape(FEW + 1, -1)
        tried[0] = np.nan
        wanted = self._by_booster(tried, 1)
        return all(np.array_equal(self.raw(tried[:count], 1), wanted[:count]) for count in (FEW, FEW + 1))

    def _is_plain(self, matrix: Floats32) -> bool:
        return matrix.dtype == np.float32 and matrix.flags.c_contiguous and matrix.shape[1] == self._columns

    def _few(self, matrix: Floats32) -> Floats | None:
        try:
            lone = self._idle.pop()
        except IndexError:
            lone = _LoneRows(self._functions, self._booster, self._columns, self._scores)
        found = lone.raw(matrix)
        self._idle.append(lone)
        return found

    def _many(self, matrix: Floats32, threads: int) -> Floats | None:
        found, written = np.empty((len(matrix), self._scores)), ctypes.c_int64()
        failed = self._functions["LGBM_BoosterPredictForMat"](
            self._handle, matrix.ctypes.data, _FLOAT32, len(matrix), self._columns, _ROW_MAJOR, _RAW, _FROM, _ALL,
            b"num_threads=%d" % threads, ctypes.byref(written), found.ctypes.data,
        )  # fmt: skip
        return None if failed or written.value != found.size else found

    def _by_booster(self, matrix: Floats32, threads: int) -> Floats:
        """Raises LightGBMError."""
        part = self._booster.predict(matrix, raw_score=True, num_threads=threads)
        return np.asarray(part, dtype=np.float64).reshape(len(matrix), -1)


class _LoneRows:
    """A predictor of the library's, with a place for what goes in and what comes out."""

    def __init__(self, functions: dict[str, Any], booster: lgb.Booster, columns: int, scores: int) -> None:
        self._predict, self._booster = functions["LGBM_BoosterPredictForMatSingleRowFast"], booster
        self._given, self._found = np.zeros((FEW, columns), dtype=np.float32), np.zeros((FEW, scores))
        self._written = ctypes.c_int64()
        self._config = _P()
        failed = functions["LGBM_BoosterPredictForMatSingleRowFastInit"](
            booster._handle, _RAW, _FROM, _ALL, _FLOAT32, columns, b"num_threads=1", ctypes.byref(self._config)
        )
        self._calls = [] if failed else [self._call(row) for row in range(FEW)]
        if not failed:  # the booster is named so that it outlives what was made of it
            weakref.finalize(self, _free, functions["LGBM_FastConfigFree"], self._config.value, booster)

    def _call(self, row: int) -> tuple[int | None, int, int, int]:
        places = self._given[row:].ctypes.data, ctypes.addressof(self._written), self._found[row:].ctypes.data
        return self._config.value, *places

    def raw(self, matrix: Floats32) -> Floats | None:
        """None where the library would not."""
        rows = len(matrix)
        self._given[:rows] = matrix
        for call in self._calls[:rows]:
            if self._predict(*call):
                return None
        return self._found[:rows].copy() if self._calls else None


def _free(free: Any, config: int, booster: lgb.Booster) -> None:
    free(config)
