"""A batch as it is written down, and the envelope in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from serve_app.core.answers import (
    Act,
    ClassAnswers,
    NoStudent,
    StudentAnswers,
    TeacherAnswer,
    TeacherFailure,
    TeacherReply,
    ValueAnswers,
)
from serve_app.core.bundle import schema_version
from serve_app.core.cascade import settle
from serve_app.core.events import LoggedPrediction
from serve_app.core.ports import Asked
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.serving import Cascaded
from serve_app.core.use_case import UseCase
from serve_app.core.write_down import Abouts, Written, write_down
from serve_app.core.write_down import answers as answers_alone
from tests.fakes.small_graph import small_use_cases

TICKETS, PRICES, RISK = (small_use_cases()[name] for name in ("tickets", "prices", "risk"))
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IDS = ["a1", "b2", "c3"]
THREE = ClassAnswers(TICKETS.target.classes, np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]]), "7")
TEXTS = Rows({"tech_raw_text": text_column(["vpn", "mail", None]), "solving": text_column(["", "", "x"])})
AGREES = TeacherAnswer("openai", "m", "network", None, 0.7, 12.0, 0.002, 100, 10)
FAILED = TeacherFailure("off_schema", "openai", 9.0, 0.001)


def written(
    use_case: UseCase, rows: Rows, answers: StudentAnswers, replies: dict[int, TeacherReply]
) -> list[LoggedPrediction]:
    positive = getattr(use_case.target, "positive", None)
    verdicts = settle(use_case.cascade, answers, replies, 0.9, positive)
    acts = [Act("ROUTE", "desk", {"figure": float(row)}) for row in range(len(rows))]
    propensity = np.array([float(row in replies) for row in range(len(rows))])
    came = Cascaded(answers, replies, verdicts, acts, propensity, "sha256:policy")
    about = Written(IDS[: len(rows)], AT, 3.5)
    events = write_down(Abouts().of(use_case), list(rows.records()), came, Asked("r", "kim"), about)
    told = answers_alone(Abouts().of(use_case), came, about.ids)
    assert told == [event.answer for event in events], "the same where none is written down"
    return events


def tickets(replies: dict[int, TeacherReply] | None = None) -> list[LoggedPrediction]:
    return written(TICKETS, TEXTS, THREE, {1: AGREES, 2: FAILED} if replies is None else replies)


def test_one_event_a_row_in_order_and_each_its_own() -> None:
    events = tickets()
    assert [event.id for event in events] == IDS
    assert [event.answer["id"] for event in events] == IDS
    assert [event.features for event in events] == list(TEXTS.records())
    assert [event.answer["decision"]["figure"] for event in events] == [0.0, 1.0, 2.0]


def test_an_answer_from_head_to_foot() -> None:
    kept, agreed, failed = (event.answer for event in tickets())
    assert kept == {
        "id": "a1",
        "use_case": "tickets",
        "prediction": {"label": "access", "confidence": 0.9},
        "source": "student",
        "student": {"label": "access", "confidence": 0.9},
        "teacher": None,
        "decision": {"action": "ROUTE", "target": "desk", "figure": 0.0},
        "certificate": None,
        "audited": False,
        "model_version": "7",
        "policy_version": "sha256:policy",
        "degraded": False,
        "reason": None,
    }
    assert (agreed["source"], agreed["prediction"]["label"]) == ("agreement", "network")
    assert agreed["student"] == {"label": "network", "confidence": 0.5}
    assert agreed["teacher"]["confidence"] == 0.7
    assert (failed["source"], failed["teacher"]) == ("student_fallback", None)
    assert (failed["degraded"], failed["reason"]) == (True, "off_schema")


def test_the_log_knows_more_than_the_client_is_told() -> None:
    events = tickets()
    assert [event.student["probabilities"] for event in events] == THREE.probabilities.tolist()
    assert "probabilities" not in events[0].answer["student"]
    assert [event.propensity for event in events] == [0.0, 1.0, 1.0]
    assert {event.latency_ms for event in events} == {3.5}
    assert {(event.request_id, event.user, event.at) for event in events} == {("r", "kim", AT)}
    assert {event.schema_version for event in events} == {schema_version(TICKETS)}


def test_a_call_that_failed_may_have_cost_as_well() -> None:
    assert [event.cost_usd for event in tickets()] == [0.0, 0.002, 0.001]
    assert tickets()[2].teacher is None


def test_what_the_student_would_have_said_is_kept_beside_an_arbitration() -> None:
    event = tickets({0: TeacherAnswer("openai", "m", "other")})[0]
    assert event.answer["source"] == "arbitration"
    assert event.answer["prediction"]["label"] == "other"
    assert event.answer["student"]["label"] == event.student["label"] == "access"
    assert event.teacher == event.answer["teacher"]
    assert event.teacher["label"] == "other"


def test_a_number_has_an_interval() -> None:
    answers = ValueAnswers(np.array([10.0]), np.array([9.0]), np.array([12.0]), "3")
    (event,) = written(PRICES, Rows({"market_price": numeric_column([9.5])}), answers, {})
    assert event.answer["prediction"] == {"value": 10.0, "interval": [9.0, 12.0]}
    assert event.student == event.answer["student"] == event.answer["prediction"]
    assert "label" not in event.answer["prediction"]


def test_a_score_stands_in_the_prediction_of_a_use_case_that_has_one() -> None:
    answers = ClassAnswers(("no", "yes"), np.array([[0.6, 0.4]]), "3")
    (event,) = written(RISK, Rows({"orders": numeric_column([None])}), answers, {})
    assert event.answer["prediction"] == {"label": "no", "confidence": 0.6, "score": 0.4}
    assert event.features == {"orders": None}


@pytest.mark.parametrize("use_case", [TICKETS, PRICES], ids=lambda each: each.name)
def test_where_nobody_answered_everything_is_none(use_case: UseCase) -> None:
    (event,) = written(use_case, Rows({"market_price": numeric_column([9.5])}), NoStudent(1), {})
    assert set(event.answer["prediction"].values()) == {None}
    assert (event.student, event.teacher, event.model_version) == (None, None, None)
    assert event.answer["degraded"]
    assert event.answer["reason"] == "cold_start, no_teacher"


def test_all_of_it_is_plain_json() -> None:
    """Numbers of numpy would not be, and NaN has no place in JSON."""
    for event in tickets():
        kept: dict[str, Any] = {name: value for name, value in asdict(event).items() if name != "at"}
        assert json.loads(json.dumps(kept, allow_nan=False)) == kept
