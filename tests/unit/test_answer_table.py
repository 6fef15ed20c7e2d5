"""What an answer says stands in the column of that name."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from serve_app.core.answer_table import answer_schema, answer_table
from tests.fakes.small_graph import small_use_cases

USE_CASES = small_use_cases()
WHOLE: dict[str, Any] = {
    "id": "01A",
    "use_case": "tickets",
    "prediction": {"label": "network", "confidence": 0.9},
    "source": "arbitration",
    "student": {"label": "other", "confidence": 0.3},
    "teacher": {"provider": "p", "model": "m", "label": "network", "confidence": None, "cost_usd": 0.01},
    "decision": {"action": "ROUTE", "target": "network-team"},
    "certificate": {"state": "override", "threshold": 0.7, "by": "kim", "reason": "r", "until": "u"},
    "audited": True,
    "model_version": "3",
    "policy_version": "sha256:1",
    "degraded": False,
    "reason": None,
}
UNANSWERED: dict[str, Any] = {
    **WHOLE,
    "prediction": {"label": None, "confidence": None},
    "student": None,
    "teacher": None,
    "decision": {"action": "REVIEW"},
    "certificate": None,
    "model_version": None,
    "degraded": True,
    "reason": "cold_start",
}


def test_each_part_has_its_column() -> None:
    (row,) = answer_table(USE_CASES["tickets"], [WHOLE]).to_pylist()
    assert row == {
        "id": "01A",
        "use_case": "tickets",
        "label": "network",
        "confidence": 0.9,
        "source": "arbitration",
        "action": "ROUTE",
        "target": "network-team",
        "student_label": "other",
        "student_confidence": 0.3,
        "teacher_label": "network",
        "teacher_confidence": None,
        "teacher_model": "m",
        "teacher_cost_usd": 0.01,
        "certificate_state": "override",
        "certificate_threshold": 0.7,
        "audited": True,
        "model_version": "3",
        "policy_version": "sha256:1",
        "degraded": False,
        "reason": None,
    }


def test_what_an_answer_does_not_say_is_null() -> None:
    table = answer_table(USE_CASES["tickets"], [WHOLE, UNANSWERED])
    second = table.to_pylist()[1]
    said = {name for name, value in second.items() if value is not None}
    assert said == {"id", "use_case", "source", "action", "audited", "policy_version", "degraded", "reason"}
    assert table.schema == answer_schema(USE_CASES["tickets"])


def test_a_score_is_a_column_of_use_cases_that_have_one() -> None:
    said = {**WHOLE, "prediction": {"label": "yes", "confidence": 0.9, "score": 0.8}, "decision": {"action": "ALERT"}}
    assert answer_table(USE_CASES["risk"], [said])["score"].to_pylist() == [0.8]
    assert "score" not in answer_schema(USE_CASES["tickets"]).names


@pytest.mark.parametrize(("interval", "ends"), [([1.0, 2.0], (1.0, 2.0)), (None, (None, None))])
def test_an_interval_is_two_columns(interval: list[float] | None, ends: tuple[float | None, ...]) -> None:
    said = {**UNANSWERED, "prediction": {"value": 1.5, "interval": interval}, "student": {"value": 1.0}}
    said["decision"] = {"action": "BUY", "deviation_pct": -0.2, "market_price": 1.2}
    (row,) = answer_table(USE_CASES["prices"], [said]).to_pylist()
    assert (row["value"], row["interval_low"], row["interval_high"]) == (1.5, *ends)
    assert (row["student_value"], row["deviation_pct"], row["market"]) == (1.0, -0.2, 1.2)


def test_no_answers_are_an_empty_table_of_the_same_columns() -> None:
    empty = answer_table(USE_CASES["risk"], [])
    assert (empty.num_rows, empty.schema) == (0, answer_schema(USE_CASES["risk"]))
    assert all(kind in (pa.string(), pa.float64(), pa.bool_()) for kind in empty.schema.types)
