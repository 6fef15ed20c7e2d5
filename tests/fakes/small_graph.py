"""The whole graph in one process and in memory: the real rules around a student that needs no training.

It counts words and adds up numbers, so that its answers differ from row to row and never need a file.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from ulid import ULID

from serve_app.core import cascade
from serve_app.core.answers import ClassAnswers, Contribution, Explanation, NoStudent, StudentAnswers, ValueAnswers
from serve_app.core.decision import decide, decide_alone
from serve_app.core.desks import IdentityDesk
from serve_app.core.envelope import envelope, said
from serve_app.core.errors import UnknownKey, UnknownPrediction, UnknownUseCase
from serve_app.core.feedback import checked
from serve_app.core.policy import policy_version
from serve_app.core.ports import Answered, Asked, Part
from serve_app.core.rows import Rows, numeric_column
from serve_app.core.tariff import Flat, Tariff
from serve_app.core.use_case import Classification, UseCase
from serve_app.deployments.desk_savings import Ledgers
from tests.fakes.local_handle import LocalHandle
from tests.fakes.small_desks import SmallDesks

TICKETS: dict[str, Any] = {
    "name": "tickets",
    "title": "Tickets",
    "fields": {
        "tech_raw_text": {"kind": "text", "max_length": 2000, "example": "cannot log in to the VPN"},
        "solving": {"kind": "text", "max_length": 2000, "default": "", "example": "reset the password"},
        "ticket": {"kind": "id", "required": False},
    },
    "target": {"kind": "classification", "column": "category", "classes": ["access", "network", "other"]},
    "student": {"kind": "lightgbm"},
    "cascade": {"kind": "fixed", "threshold": 0.4},
    "decision": {"kind": "route", "targets": {"network": "network-team"}, "default": "service-desk"},
    "routes": [
        {"kind": "predict", "path": "/predict"},
        {
            "kind": "predict",
            "path": "/api/predict",
            "answer": {"category": "answer.prediction.label", "method": "answer.source"},
        },
    ],
}
PRICES: dict[str, Any] = {
    "name": "prices",
    "title": "Prices",
    "fields": {
        "card_id": {"kind": "id", "purpose": "key", "example": "charizard_ex_199"},
        "date": {"kind": "date", "purpose": "key", "minimum": "2025-01-01", "example": "2025-12-01"},
    },
    "feature_table": {
        "file": "prices.parquet",
        "keys": ["card_id", "date"],
        "columns": {"market_price": {"kind": "numeric"}},
        "maker": {"kind": "panel", "source": "prices.csv", "item": "card_id", "day": "date", "value": "price"},
    },
    "target": {"kind": "regression", "column": "fair_price", "unit": "USD"},
    "student": {"kind": "lightgbm"},
    "cascade": {"kind": "fixed"},
    "decision": {"kind": "price_signal"},
    "routes": [
        {
            "kind": "predict",
            "path": "/fair_price",
            "answer": {
                "card_id": "input.card_id",
                "date": "input.date",
                "market_price": "features.market_price",
                "fair_price": "answer.prediction.value",
                "deviation_pct": "decision.deviation_pct",
                "signal": "decision.action",
            },
        },
        {"kind": "values", "path": "/cards", "field": "card_id", "answer": "cards"},
        {
            "kind": "decide",
            "path": "/signal",
            "inputs": {
                "market_price": {"kind": "numeric", "minimum": 0},
                "fair_price": {"kind": "numeric", "minimum": 0.01},
                "buy_threshold_pct": {"kind": "numeric", "minimum": 0, "maximum": 10, "default": 0.1},
                "sell_threshold_pct": {"kind": "numeric", "minimum": 0, "maximum": 10, "default": 0.15},
            },
            "answer": {
                "signal": "decision.action",
                "deviation_pct": "decision.deviation_pct",
                "market_price": "input.market_price",
                "fair_price": "input.fair_price",
            },
        },
    ],
}
RISK: dict[str, Any] = {
    "name": "risk",
    "title": "Risk",
    "fields": {
        "on_time_rate": {"kind": "numeric", "minimum": 0, "maximum": 1},
        "orders": {"kind": "numeric", "integer": True, "minimum": 0, "maximum": 1000000, "required": False},
        "region": {"kind": "categorical", "values": ["eu", "us", "asia"], "default": "eu"},
        "since": {"kind": "date", "required": False, "example": "2020-05-01"},
        "contract_text": {"kind": "text", "max_length": 5000, "required": False, "example": "penalty for delay"},
    },
    "target": {"kind": "classification", "column": "late", "classes": ["no", "yes"], "positive": "yes"},
    "student": {"kind": "lightgbm"},
    "cascade": {"kind": "certified", "target": 0.9},
    "decision": {
        "kind": "score_bands",
        "bands": [{"action": "ALERT", "at_least": 0.7}, {"action": "WATCH", "at_least": 0.4}],
    },
    "retraining": {"schedule": "0 3 * * 1", "timezone": "Asia/Jakarta"},
    "scoring": {"path": "suppliers.csv", "schedule": "0 4 * * 1", "alert": ["ALERT"]},
    "routes": [
        {"kind": "predict", "path": "/risk/predict", "explain": True, "answer": {
            "risk_score": "answer.prediction.score", "top": "explanation.contributions", "narrative": "narrative.text",
        }},
        {"kind": "explain", "path": "/risk/explain"},
    ],
}  # fmt: skip
PRICE_OF = {"charizard_ex_199": 150.0, "pikachu_25": 12.5}


def small_use_cases() -> dict[str, UseCase]:
    return {each["name"]: UseCase.model_validate(each) for each in (TICKETS, PRICES, RISK)}


class ToyStudent:
    """Answers and explains by the weight of a row: the length of its texts and its numbers."""

    version = "1"

    def __init__(self, use_case: UseCase) -> None:
        self._use_case = use_case

    def answer(self, rows: Rows) -> StudentAnswers:
        target, weight = self._use_case.target, np.array([self._weigh(record) for record in rows.records()])
        if not isinstance(target, Classification):
            value = np.round(rows["market_price"] * 0.97, 2)
            return ValueAnswers(value, value * 0.9, value * 1.1, self.version)
        logits = np.sin(np.outer(weight, 1 + np.arange(len(target.classes))))
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return ClassAnswers(target.classes, odds / odds.sum(axis=1, keepdims=True), self.version)

    def explain(self, rows: Rows, top: int) -> list[Explanation]:
        return [self._explain(record, top) for record in rows.records()]

    def _explain(self, record: Mapping[str, Any], top: int) -> Explanation:
        names = self._use_case.features()
        moved = [Contribution(name, record[name], float(len(str(record[name])))) for name in names]
        largest = tuple(sorted(moved, key=lambda each: -each.contribution)[:top])
        return Explanation(0.0, sum(each.contribution for each in moved), largest, None, self.version)

    def _weigh(self, record: Mapping[str, Any]) -> float:
        return float(sum(len(str(record[name])) for name in self._use_case.features()))


class Free:
    """A teacher that costs nothing."""

    def tariff(self, use_case: str) -> Tariff:
        return Flat(0.0)


class SmallGraph:
    """``log`` holds what was answered. ``failure``: raised by the next calls. ``cold``: use cases that
    have no student yet. ``learning``: the stores and fakes behind jobs, versions and what is operated."""

    def __init__(self, use_cases: Mapping[str, UseCase] | None = None, identity: IdentityDesk | None = None) -> None:
        self.identity = identity
        self.known = dict(use_cases if use_cases is not None else small_use_cases())
        self.log: dict[str, dict[str, Any]] = {}
        self.labels: dict[str, list[dict[str, Any]]] = {}
        self.cold: set[str] = set()
        self.failure: Exception | None = None
        self.state: dict[str, str] = {}
        self.learning = SmallDesks(self)
        self.jobs, self.versions, self.ops = (getattr(self.learning.desks, n) for n in ("jobs", "versions", "ops"))
        self.replays, self.certificates = self.learning.desks.replays, self.learning.desks.certificates
        self.reviews = self.learning.desks.reviews
        self.savings = Ledgers(self, self.learning.stores.log, LocalHandle(self.learning.registry), LocalHandle(Free()))

    def names(self) -> tuple[str, ...]:
        return tuple(self.known)

    def get(self, name: str) -> UseCase:
        return self.use_case(name)

    def use_cases(self) -> Mapping[str, UseCase]:
        return self.known

    def use_case(self, name: str) -> UseCase:
        if name not in self.known:
            near = difflib.get_close_matches(name[:100], self.known, n=1)
            raise UnknownUseCase(
                f"no use case is called {name[:60]!r}" + (f"; did you mean {near[0]}?" if near else "")
            )
        return self.known[name]

    async def predict(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        self._may_fail()
        return self._answered(self.use_case(use_case), self._joined(use_case, rows), asked)

    async def explain(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        answered = await self.predict(use_case, rows, asked)
        explanations = ToyStudent(self.use_case(use_case)).explain(answered.rows, 3)
        words = {"text": "It is what it is.", "source": "template"}
        told = [
            {**answer, "explanation": explanation.as_dict(), "narrative": words}
            for answer, explanation in zip(answered.answers, explanations, strict=True)
        ]
        return replace(answered, answers=told)

    def decide(self, use_case: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return decide_alone(self.use_case(use_case).decision, values).as_dict()

    def values(self, use_case: str, field: str) -> list[str]:
        self._may_fail()
        return sorted(PRICE_OF)

    async def feedback(self, prediction_id: str, label: str | float, by: str, note: str | None) -> dict[str, Any]:
        use_case = self.use_case((await self.prediction(prediction_id))["use_case"])
        name, value = checked(use_case, label)
        said = {
            "id": str(ULID()),
            "prediction_id": prediction_id,
            "label": name,
            "value": value,
            "by": by,
            "note": note,
        }
        self.labels.setdefault(prediction_id, []).append(said)
        return said

    async def prediction(self, prediction_id: str) -> dict[str, Any]:
        self._may_fail()
        if prediction_id not in self.log:
            raise UnknownPrediction("no prediction has such an id")
        return {**self.log[prediction_id], "labels": self.labels.get(prediction_id, [])}

    async def models(self) -> list[dict[str, Any]]:
        return [{"use_case": name, "version": None if name in self.cold else "1"} for name in self.known]

    async def parts(self) -> list[Part]:
        names = ["store", *(f"use_case:{name}" for name in self.known)]
        return [Part(name, self._state(name), "in memory", real=False) for name in names]

    def _state(self, name: str) -> Any:
        cold = name.removeprefix("use_case:") in self.cold
        return self.state.get(name, "cold" if cold else "ready")

    def _may_fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _joined(self, use_case: str, rows: Rows) -> Rows:
        if self.use_case(use_case).feature_table is None:
            return rows
        unknown = sorted(set(rows["card_id"]) - set(PRICE_OF))
        if unknown:
            raise UnknownKey(f"no card_id {unknown[0][:60]!r}")
        return rows.with_columns({"market_price": numeric_column([PRICE_OF[card] for card in rows["card_id"]])})

    def _answered(self, use_case: UseCase, rows: Rows, asked: Asked) -> Answered:
        student = ToyStudent(use_case)
        theirs = NoStudent(len(rows)) if use_case.name in self.cold else student.answer(rows)
        positive = getattr(use_case.target, "positive", None)
        verdicts = cascade.settle(use_case.cascade, theirs, {}, use_case.teacher.reliability, positive)
        answers = [self._envelope(use_case, rows, theirs, row, verdict) for row, verdict in enumerate(verdicts)]
        self._write_down(answers, rows, asked)
        return Answered(answers, rows)

    def _envelope(
        self, use_case: UseCase, rows: Rows, answers: StudentAnswers, row: int, verdict: Any
    ) -> dict[str, Any]:
        act = decide(use_case.decision, verdict, rows.record(row))
        regression = not isinstance(use_case.target, Classification)
        policy, each = policy_version(use_case, ""), said(answers, slice(row, row + 1))[0]
        return envelope(str(ULID()), use_case.name, answers, each, None, verdict, act, policy, regression)

    def _write_down(self, answers: Sequence[dict[str, Any]], rows: Rows, asked: Asked) -> None:
        for row, answer in enumerate(answers):
            about = {"at": datetime.now(UTC), "features": rows.record(row), "answer": answer, **asdict(asked)}
            self.log[answer["id"]] = {"id": answer["id"], "use_case": answer["use_case"], **about}
