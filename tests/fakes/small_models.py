"""Use cases that are only folders, with students trained in this process and registered: small enough for a test.

stones   three classes, numbers, a category and a text; one class has a threshold of its own
boats    a price, with BUY / SELL / HOLD; deferred where the interval is wide
knots    two classes with score bands, a narrative, and the default teacher: none
foams    no labelled rows: a cold start with a teacher
sands    a cold start without one
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipelines.fit import bundle, fit
from pipelines.labelled import LabelledRows
from pipelines.outcome import TrainFailure
from serve_app.core.bundle import Golden, read_manifest, seal
from serve_app.core.manifest import MANIFEST
from serve_app.core.ports import Bundle
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.use_case import UseCase

AT = datetime(2026, 1, 2, tzinfo=UTC)
STUDENT = {"kind": "lightgbm", "rounds": 12, "bags": 2, "calibration": "temperature",
           "text": {"components": 4, "char_ngrams": None}}  # fmt: skip
ASKED = {"prompt": "prompt.md", "providers": [{"kind": "openai"}, {"kind": "none"}], "reliability": 0.9}
STONES = ("pebble", "cobble", "boulder")
WORDS = {"pebble": "small smooth", "cobble": "middling rough", "boulder": "huge heavy"}

USE_CASES: Mapping[str, dict[str, Any]] = {
    "stones": {
        "fields": {
            "stone": {"kind": "id", "required": False},
            "weight": {"kind": "numeric", "minimum": 0},
            "colour": {"kind": "categorical", "values": ["red", "green", "blue"], "required": False},
            "note": {"kind": "text", "required": False},
            "shelf": {"kind": "categorical", "purpose": "decision", "required": False},
        },
        "target": {"kind": "classification", "column": "kind_of_stone", "classes": list(STONES)},
        "teacher": ASKED,
        "cascade": {"kind": "fixed", "threshold": 0.8, "per_class": {"pebble": 0.9}},
        "decision": {"kind": "route", "targets": {"boulder": "crane"}, "default": "hand"},
    },
    "boats": {
        "fields": {
            "length": {"kind": "numeric", "minimum": 0},
            "market_price": {"kind": "numeric", "minimum": 0},
        },
        "target": {"kind": "regression", "column": "fair_price", "unit": "USD", "scale": "log"},
        "student": {**STUDENT, "rounds": 60, "params": {"learning_rate": 0.2}},
        "teacher": ASKED,
        "cascade": {"kind": "fixed", "defer_when_wider_than": 0.6},
        "decision": {"kind": "price_signal"},
    },
    "knots": {
        "fields": {"turns": {"kind": "numeric"}, "rope": {"kind": "categorical"}},
        "target": {"kind": "classification", "column": "slips", "classes": ["no", "yes"], "positive": "yes"},
        "cascade": {"kind": "fixed", "threshold": 0.7},
        "decision": {"kind": "score_bands", "bands": [{"action": "ALERT", "at_least": 0.7},
                                                      {"action": "WATCH", "at_least": 0.3}]},
        "narrative": {"template": "{action}: {contributions}."},
    },
    "foams": {
        "fields": {"height": {"kind": "numeric"}},
        "target": {"kind": "classification", "column": "sort", "classes": ["spray", "head"]},
        "teacher": ASKED,
        "cascade": {"kind": "fixed"},
        "decision": {"kind": "label", "actions": {"spray": "WIPE"}},
    },
    "sands": {
        "fields": {"grain": {"kind": "numeric"}},
        "target": {"kind": "classification", "column": "sort", "classes": ["coarse", "fine"]},
        "cascade": {"kind": "fixed"},
        "decision": {"kind": "label"},
    },
}  # fmt: skip


def write_use_case(configs: Path, name: str, raw: Mapping[str, Any] | None = None) -> Path:
    """The folder of a use case, as a person would make it."""
    folder = configs / "use_cases" / name
    folder.mkdir(parents=True)
    (folder / "prompt.md").write_text("Name the kind.\n", encoding="utf-8")
    whole = {"name": name, "title": name.capitalize(), "student": STUDENT, **(USE_CASES[name] if raw is None else raw)}
    (folder / "use_case.yaml").write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    return folder


def stones(count: int, seed: int) -> LabelledRows:
    """By weight and words; near 3.3 and 6.6 nobody can be sure. Some values are missing."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0, 10, count)
    kind = np.array(STONES)[np.digitize(weight + rng.normal(0, 0.7, count), [3.3, 6.6])]
    note = [None if rng.random() < 0.8 else WORDS[str(each)] for each in kind]
    colour = [None if rng.random() < 0.1 else str(rng.choice(["red", "green", "blue"])) for _ in kind]
    rows = Rows({"weight": weight, "colour": text_column(colour), "note": text_column(note)})
    return LabelledRows(rows, kind.astype(object))


def boats(count: int, seed: int) -> LabelledRows:
    """Worth a hundred a metre, the short ones to a cent, the long ones with much noise."""
    rng = np.random.default_rng(seed)
    length = rng.uniform(1, 30, count)
    fair = 100 * length * np.exp(rng.normal(0, np.where(length > 15, 0.4, 0.01)))
    market = 100 * length * np.exp(rng.normal(0, 0.3, count))
    return LabelledRows(Rows({"length": length, "market_price": market}), fair)


def knots(count: int, seed: int) -> LabelledRows:
    rng = np.random.default_rng(seed)
    turns = rng.integers(0, 9, count).astype(np.float64)
    slips = np.where(turns + rng.normal(0, 1, count) < 4, "yes", "no")
    rope = text_column([str(rng.choice(["hemp", "nylon"])) for _ in turns])
    return LabelledRows(Rows({"turns": numeric_column(turns.tolist()), "rope": rope}), slips.astype(object))


LABELLED = {"stones": stones, "boats": boats, "knots": knots}


def trained(use_case: UseCase, seed: int = 1, count: int = 300) -> dict[str, bytes]:
    """A sealed bundle; another seed gives another student."""
    fitted = fit(use_case, LABELLED[use_case.name](count, seed))
    assert not isinstance(fitted, TrainFailure), fitted.reason
    return bundle(use_case, fitted, AT)


def lying(use_case: UseCase, good: Bundle) -> dict[str, bytes]:
    """``good`` sealed again over golden answers that its model does not give: every digest holds."""
    manifest = read_manifest(good)
    golden = Golden.from_json(good["golden.json"])
    swapped = golden.answers.model_copy(update={"probabilities": golden.answers.probabilities[::-1]})
    return seal(
        {name: content for name, content in good.items() if name not in (MANIFEST, "golden.json")},
        family=manifest.family, use_case=use_case, metrics=manifest.metrics, calibration=manifest.calibration,
        data=manifest.data, libraries=manifest.libraries, created_at=AT,
        golden=golden.model_copy(update={"answers": swapped}),
    )  # fmt: skip
