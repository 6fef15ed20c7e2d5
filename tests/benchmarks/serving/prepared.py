"""Everything that the servers read, made once a run: the model, questions with their answers, and Understudy's
configuration and registry with both students in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from pipelines.fit import bundle, fit
from pipelines.labelled import load
from pipelines.outcome import TrainFailure
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.lightgbm_student import LightGBMStudent
from serve_app.adapters.registries import move_champion, open_registry
from serve_app.core.answers import ClassAnswers
from serve_app.core.bundle import schema_version
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle
from serve_app.core.redact import redacted
from serve_app.core.rows import Rows, text_column
from serve_app.core.use_case import UseCase
from tests.benchmarks.serving.asking import Answer
from tests.benchmarks.serving.numbers import Numbers, numbers, sealed, use_case
from tests.fakes.running import ROOT

ROWS, TEXTS, BATCH = 4096, 512, 1000
NUMBERS, CASCADE, TEXT = "numbers", "numbers_asking", "it_tickets"
ASKING = 0.2
"""The share of rows that the cascade sends to its teacher."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """``threshold``: below it lie ``ASKING`` of the numbers' confidences; ``tickets``: rows of text, and what
    Understudy's student has to answer; ``data``: all of it as files."""

    data: Path
    numbers: Numbers
    threshold: float
    tickets: list[dict[str, Any]]
    ticket_answers: list[Answer]

    @property
    def model(self) -> Path:
        return self.data / "model.txt"

    @property
    def configs(self) -> Path:
        return self.data / "configs"

    @property
    def state(self) -> Path:
        return self.data / "state"

    @property
    def tickets_csv(self) -> Path:
        return self.configs / "use_cases" / TEXT / "tickets.csv"


def prepare(data: Path) -> Prepared:
    """``data``: an empty folder."""
    made = numbers(ROWS)
    threshold = float(np.quantile([confidence for _, confidence in made.expected], ASKING))
    (data / "model.txt").write_text(made.text, encoding="utf-8")
    _configure(data / "configs", threshold)
    cases = {name: load_use_case(data / "configs" / "use_cases" / name) for name in (NUMBERS, CASCADE, TEXT)}
    text_bundle = _fitted(cases[TEXT], data)
    bundles = {NUMBERS: sealed(made, cases[NUMBERS]), CASCADE: sealed(made, cases[CASCADE]), TEXT: text_bundle}
    _register(data / "state", cases, bundles)
    tickets = _tickets(data / "configs" / "use_cases" / TEXT / "tickets.csv")
    (data / "tickets.json").write_text(json.dumps(tickets), encoding="utf-8")
    return Prepared(data, made, threshold, tickets, _answers(cases[TEXT], text_bundle, tickets))


def _configure(configs: Path, threshold: float) -> None:
    shutil.copytree(ROOT / "configs" / "use_cases" / TEXT, configs / "use_cases" / TEXT)
    shutil.copy(ROOT / "configs" / "platform.yaml", configs / "platform.yaml")
    shipped = yaml.safe_load((configs / "use_cases" / TEXT / "use_case.yaml").read_text(encoding="utf-8"))
    shipped["teacher"]["providers"] = [{"kind": "none"}]
    shipped["cascade"] = {"kind": "fixed", "threshold": 0.0}
    shipped["retraining"] = {"enabled": False, "drift": {"retrain": False}}
    _write(configs, TEXT, shipped)
    _write(configs, NUMBERS, use_case(NUMBERS, 0.0, {"kind": "none"}))
    _write(configs, CASCADE, use_case(CASCADE, threshold, {"kind": "openai"}))


def _write(configs: Path, name: str, content: Mapping[str, Any]) -> None:
    folder = configs / "use_cases" / name
    folder.mkdir(exist_ok=True)
    (folder / "use_case.yaml").write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
    if not (folder / "prompt.md").exists():
        (folder / "prompt.md").write_text("yes or no?\n", encoding="utf-8")


def _fitted(case: UseCase, data: Path) -> dict[str, bytes]:
    labelled = load(case, data / "configs" / "use_cases" / TEXT, data / "state")
    assert labelled is not None
    fitted = fit(case, labelled)
    assert not isinstance(fitted, TrainFailure), fitted.reason
    return bundle(case, fitted, datetime(2026, 1, 1, tzinfo=UTC))


def _register(state: Path, cases: Mapping[str, UseCase], bundles: Mapping[str, Bundle]) -> None:
    """With what tells a start that they fit: it would train others else, on the cores that are being measured."""
    registry = open_registry(Platform(state=str(state)))
    for name, made in bundles.items():
        tags = {"origin": "benchmark", "schema_version": schema_version(cases[name])}
        version = registry.register(name, made, {}, tags).version
        move_champion(registry, name, version)


def _tickets(path: Path) -> list[dict[str, Any]]:
    table = pd.read_csv(path, keep_default_na=False).sample(TEXTS, random_state=7)
    return table[["tech_raw_text", "solving"]].to_dict("records")


def _answers(case: UseCase, made: Bundle, tickets: list[dict[str, Any]]) -> list[Answer]:
    """As it is served: redacted first."""
    rows = Rows({name: text_column([row[name] for row in tickets]) for name in ("tech_raw_text", "solving")})
    found = LightGBMStudent.from_bundle(made, "1").answer(redacted(case, rows))
    assert isinstance(found, ClassAnswers)
    best = found.probabilities.argmax(axis=1)
    return [(found.classes[k], float(found.probabilities[row, k])) for row, k in enumerate(best)]
