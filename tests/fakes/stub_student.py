"""A use case, its bundle, and students that keep their word, crash, hang or lie when loaded from it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from serve_app.core.answers import ClassAnswers
from serve_app.core.bundle import DataSummary, Golden, seal
from serve_app.core.ports import Bundle
from serve_app.core.rows import Rows
from serve_app.core.use_case import UseCase

CLASSES = ("calm", "busy", "lost")
LOADERS = "tests.fakes.stub_student"


def use_case(**changes: Any) -> UseCase:
    raw: dict[str, Any] = {
        "name": "harbour",
        "title": "Ships",
        "fields": {
            "ship": {"kind": "id"},
            "length": {"kind": "numeric", "minimum": 0},
            "flag": {"kind": "categorical", "values": ("no", "dk")},
            "report": {"kind": "text"},
            "fee": {"kind": "numeric", "purpose": "decision"},
        },
        "target": {"kind": "classification", "column": "state", "classes": CLASSES},
        "student": {"kind": "lightgbm"},
        "cascade": {"kind": "fixed"},
        "decision": {"kind": "label"},
    }
    return UseCase.model_validate({**raw, **changes})


def rows() -> Rows:
    records = [
        {"length": 12.5, "flag": "no", "report": "fine, å"},
        {"length": None, "flag": None, "report": 'a "quoted"\nline'},
        {"length": 1e300, "flag": "dk", "report": ""},
    ]
    return Rows.from_records(records, ["length"], ["flag", "report"]).select(["length", "flag", "report"])


class Stub:
    """Softmax over a fixed table of weights."""

    version = "1"

    def __init__(self, weights: list[float]) -> None:
        self._weights = np.array(weights)

    def answer(self, given: Rows) -> ClassAnswers:
        length = np.nan_to_num(given["length"], nan=-1.0)
        words = np.array([len(text or "") for text in given["report"]])
        scores = np.exp(np.outer(np.log1p(np.abs(length)) / 7 + words / 3, self._weights) / 10)
        return ClassAnswers(CLASSES, scores / scores.sum(axis=1, keepdims=True), self.version)

    def explain(self, given: Rows, top: int) -> list[Any]:
        return []


def bundle(
    weights: tuple[float, ...] = (0.1, 0.2, 1 / 3), files: Mapping[str, bytes] | None = None
) -> dict[str, bytes]:
    """A sealed bundle; other weights give another digest."""
    return seal(
        {"weights.json": json.dumps(weights).encode(), **(files or {})},
        family="stub",
        use_case=use_case(),
        metrics={"accuracy": 0.9},
        calibration={"method": "none", "ece": 0.01},
        data=DataSummary(rows=3, digest="sha256:0", labels={"calm": 2, "busy": 1}),
        libraries={"numpy": np.__version__},
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        golden=Golden.of(rows(), Stub(list(weights)).answer(rows())),
    )


def load_student(given: Bundle, version: str) -> Stub:
    print("libraries print what they like")
    return Stub(json.loads(given["weights.json"]))


def load_liar(given: Bundle, version: str) -> Stub:
    """One weight is off by one unit in the last place."""
    first, *others = json.loads(given["weights.json"])
    return Stub([float(np.nextafter(first, 1.0)), *others])


def load_crash(given: Bundle, version: str) -> Stub:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError("unreachable")


def load_exit(given: Bundle, version: str) -> Stub:
    os._exit(0)


def load_hang(given: Bundle, version: str) -> Stub:
    time.sleep(600)
    raise AssertionError("unreachable")


def load_refuse(given: Bundle, version: str) -> Stub:
    raise KeyError("weights")


def load_curious(given: Bundle, version: str) -> Stub:
    """Fails when the parent's secrets are to be seen."""
    if seen := [name for name in os.environ if name.startswith("UNDERSTUDY_")]:
        raise RuntimeError(f"sees {seen}")
    return load_student(given, version)


def load_booster(given: Bundle, version: str) -> Stub:
    """Really loads a LightGBM model, and answers as the stub does."""
    import lightgbm

    lightgbm.Booster(model_str=given["model.txt"].decode())
    return load_student(given, version)
