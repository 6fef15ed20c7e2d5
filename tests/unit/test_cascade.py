"""The cascade: who is asked, who wins, and what that is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from serve_app.core.answers import (
    ClassAnswers,
    Failure,
    NoStudent,
    TeacherAnswer,
    TeacherFailure,
    TeacherReply,
    ValueAnswers,
    Verdict,
)
from serve_app.core.arbitration import Arbiter, Pair
from serve_app.core.cascade import (
    Arbitration,
    CertifiedCascade,
    FixedCascade,
    agreement,
    chosen,
    propensity,
    settle,
    should_defer,
    thresholds,
)
from serve_app.core.grounds import Grounds
from serve_app.core.standing import NEVER, InForce

CLASSES = ("access", "network", "other")
ARBITRATIONS: tuple[Arbitration, ...] = get_args(Arbitration)
FAILURES: tuple[Failure, ...] = get_args(Failure)


def policy(**changes: Any) -> FixedCascade:
    return FixedCascade.model_validate({"kind": "fixed", **changes})


def classes(*chances: tuple[float, ...], names: tuple[str, ...] = CLASSES) -> ClassAnswers:
    return ClassAnswers(names, np.array(chances), "7")


def values(*each: tuple[float, float, float]) -> ValueAnswers:
    """(low, value, high) a row."""
    low, value, high = np.array(each).T
    return ValueAnswers(value, low, high, "7")


def says(label: str | None = None, confidence: float | None = None, value: float | None = None) -> TeacherAnswer:
    return TeacherAnswer("fake", "m", label, value, confidence)


def settled(reply: TeacherReply | None, chances: tuple[float, ...] = (0.6, 0.3, 0.1), **changes: Any) -> Verdict:
    (verdict,) = settle(policy(**changes), classes(chances), {} if reply is None else {0: reply}, 0.9)
    return verdict


# Who is asked.


def test_a_row_exactly_at_the_threshold_is_kept() -> None:
    answers = classes((0.8, 0.1, 0.1), (np.nextafter(0.8, 0), 0.1, 0.1), (0.1, 0.1, 0.8))
    assert should_defer(policy(threshold=0.8), answers).tolist() == [False, True, False]


def test_a_class_may_have_a_threshold_of_its_own() -> None:
    strict = policy(threshold=0.5, per_class={"network": 0.9, "other": 0.0})
    assert thresholds(strict, CLASSES).tolist() == [0.5, 0.9, 0.0]
    answers = classes((0.6, 0.3, 0.1), (0.3, 0.6, 0.1), (0.05, 0.9, 0.05), (0.3, 0.3, 0.4))
    assert should_defer(strict, answers).tolist() == [False, True, False, False]


@pytest.mark.parametrize(("threshold", "deferred"), [(0.0, False), (1.0, True)])
def test_the_ends_of_the_scale_defer_nothing_and_everything_short_of_certain(threshold: float, deferred: bool) -> None:
    answers = classes((0.4, 0.3, 0.3), (0.99, 0.005, 0.005))
    assert should_defer(policy(threshold=threshold), answers).tolist() == [deferred, deferred]
    assert not should_defer(policy(threshold=1.0), classes((1.0, 0.0, 0.0))).any()


def test_a_wide_interval_is_deferred_relative_to_its_value() -> None:
    answers = values((90, 100, 110), (80, 100, 120.5), (-120, -100, -75), (-110, -100, -90), (0, 0, 0.1), (0, 0, 0))
    assert should_defer(policy(defer_when_wider_than=0.4), answers).tolist() == [False, True, True, False, True, False]
    assert not should_defer(policy(), answers).any(), "without a width no number is deferred"


def test_without_a_student_every_row_is_deferred() -> None:
    assert should_defer(policy(threshold=0.0), NoStudent(3)).tolist() == [True, True, True]
    assert propensity(policy(audit_rate=0.1), should_defer(policy(), NoStudent(2))).tolist() == [1.0, 1.0]


def test_an_empty_batch_is_no_trouble() -> None:
    empty = ClassAnswers(CLASSES, np.empty((0, 3)), "7")
    assert should_defer(policy(), empty).tolist() == []
    assert settle(policy(), empty, {}, 0.9) == []


@given(
    rows=st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=1, max_size=8),
    low=st.floats(0, 1),
    high=st.floats(0, 1),
)
def test_a_higher_threshold_never_asks_for_less(rows: list[list[float]], low: float, high: float) -> None:
    chances = np.array(rows)
    answers = ClassAnswers(CLASSES, chances / chances.sum(axis=1, keepdims=True), "7")
    less = should_defer(policy(threshold=min(low, high)), answers)
    more = should_defer(policy(threshold=max(low, high)), answers)
    assert not (less & ~more).any()


# Who wins.


def test_a_row_that_was_kept_is_the_students_word_for_word() -> None:
    assert settled(None) == Verdict("student", "access", 0.6)


def test_agreement_is_worth_more_than_either_opinion() -> None:
    verdict = settled(says("access"))
    assert (verdict.source, verdict.label, verdict.degraded) == ("agreement", "access", False)
    assert verdict.confidence == pytest.approx(0.6 * 0.9 / (0.6 * 0.9 + 0.4 * 0.1 / 2))


@pytest.mark.parametrize(
    ("rule", "student", "stated", "label", "confidence"),
    [
        ("teacher_wins", 0.95, None, "network", 0.9),
        ("teacher_wins", 0.95, 0.2, "network", 0.2),
        ("student", 0.4, None, "access", 0.4),
        ("higher_confidence", 0.95, None, "access", 0.95),
        ("higher_confidence", 0.85, None, "network", 0.9),
        ("higher_confidence", 0.9, None, "network", 0.9),
        ("higher_confidence", 0.85, 0.8, "access", 0.85),
        ("higher_confidence", 0.95, 1.0, "access", 0.95),
    ],
)
def test_the_rule_that_is_configured_arbitrates(
    rule: str, student: float, stated: float | None, label: str, confidence: float
) -> None:
    rest = (1 - student) / 2
    verdict = settled(says("network", stated), (student, rest, rest), arbitration=rule)
    assert verdict == Verdict("arbitration", label, confidence, reason=rule)


def test_a_stated_confidence_may_lower_the_trust_in_a_teacher_and_never_lifts_it() -> None:
    assert settled(says("network", 0.3)).confidence == 0.3
    assert settled(says("network", 1.0)).confidence == 0.9
    assert settled(says("access", 1.0)) == settled(says("access"))


@pytest.mark.parametrize("reason", FAILURES)
@pytest.mark.parametrize("rule", ARBITRATIONS)
def test_whatever_fails_the_students_answer_stands(reason: Failure, rule: str) -> None:
    verdict = settled(TeacherFailure(reason), arbitration=rule)
    assert verdict == Verdict("student_fallback", "access", 0.6, degraded=True, reason=reason)


REPLIES = st.one_of(
    st.builds(TeacherFailure, reason=st.sampled_from(FAILURES)),
    st.builds(says, label=st.sampled_from(CLASSES), confidence=st.none() | st.floats(0, 1)),
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[ClassAnswers, dict[int, TeacherReply]]:
    rows = draw(st.lists(st.lists(st.floats(0.001, 1), min_size=3, max_size=3), min_size=1, max_size=10))
    chances = np.array(rows) / np.array(rows).sum(axis=1, keepdims=True)
    asked = draw(st.lists(st.integers(0, len(rows) - 1), unique=True))
    return ClassAnswers(CLASSES, chances, "7"), {row: draw(REPLIES) for row in asked}


@given(batch=batches(), rule=st.sampled_from(ARBITRATIONS), reliability=st.floats(0.34, 0.99))
def test_every_row_gets_one_verdict_and_nobody_invents_a_label(batch: Any, rule: str, reliability: float) -> None:
    answers, replies = batch
    verdicts = settle(policy(arbitration=rule), answers, replies, reliability, positive="network")
    assert len(verdicts) == len(answers)
    for row, verdict in enumerate(verdicts):
        own, reply = CLASSES[answers.best()[row]], replies.get(row)
        said = reply.label if isinstance(reply, TeacherAnswer) else own
        assert verdict.label in (own, said)
        assert 0 <= verdict.confidence <= 1
        assert 0 <= verdict.score <= 1
        assert verdict.degraded is isinstance(reply, TeacherFailure)
        if verdict.degraded or reply is None:
            assert verdict.label == own
            assert verdict.confidence == answers.probabilities[row].max()
        if verdict.source == "agreement" and reply.confidence is None:
            assert verdict.confidence >= answers.probabilities[row].max() - 1e-12


@given(batch=batches(), order=st.randoms())
def test_a_rows_verdict_does_not_depend_on_its_batch(batch: Any, order: Any) -> None:
    answers, replies = batch
    whole = settle(policy(), answers, replies, 0.9)
    for row in range(len(answers)):
        alone = ClassAnswers(CLASSES, answers.probabilities[row : row + 1], "7")
        assert settle(policy(), alone, {0: replies[row]} if row in replies else {}, 0.9) == [whole[row]]


# The score of the positive class.

TWO = ("no", "yes")


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        (None, 0.4),
        (TeacherFailure("timeout"), 0.4),
        (says("yes"), 0.9),
        (says("no"), 1 - agreement(0.6, 0.9, 2)),
    ],
)
def test_the_score_is_the_chance_of_the_positive_class(reply: TeacherReply | None, score: float) -> None:
    replies = {} if reply is None else {0: reply}
    (verdict,) = settle(policy(), classes((0.6, 0.4), names=TWO), replies, 0.9, positive="yes")
    assert verdict.score == pytest.approx(score, abs=1e-15)


def test_without_a_positive_class_there_is_no_score() -> None:
    assert settled(says("access")).score is None


# Numbers.


@pytest.mark.parametrize(
    ("reply", "rule", "expected"),
    [
        (None, "teacher_wins", Verdict("student", value=100.0, interval=(90.0, 120.0))),
        (says(value=90.0), "teacher_wins", Verdict("agreement", value=100.0, interval=(90.0, 120.0))),
        (says(value=120.0), "teacher_wins", Verdict("agreement", value=100.0, interval=(90.0, 120.0))),
        (says(value=120.1), "teacher_wins", Verdict("arbitration", value=120.1, reason="teacher_wins")),
        (says(value=89.9), "higher_confidence", Verdict("arbitration", value=89.9, reason="higher_confidence")),
        (says(value=1.0), "student",
         Verdict("arbitration", value=100.0, interval=(90.0, 120.0), reason="student")),
        (TeacherFailure("empty"), "teacher_wins",
         Verdict("student_fallback", value=100.0, interval=(90.0, 120.0), degraded=True, reason="empty")),
    ],
)  # fmt: skip
def test_a_number(reply: TeacherReply | None, rule: str, expected: Verdict) -> None:
    replies = {} if reply is None else {0: reply}
    assert settle(policy(arbitration=rule), values((90, 100, 120)), replies, 0.9) == [expected]


def test_verdicts_are_plain_json_numbers() -> None:
    (kept,) = settle(policy(), values((90, 100, 120)), {}, 0.9)
    assert type(kept.value) is float
    assert [type(end) for end in kept.interval] == [float, float]
    assert type(settled(None).confidence) is float


# A cold start.


def test_a_cold_start_with_a_teacher_is_the_teachers() -> None:
    (verdict,) = settle(policy(), NoStudent(1), {0: says("yes", 0.7)}, 0.9, positive="yes")
    assert verdict == Verdict("teacher", "yes", 0.7, 0.7, reason="cold_start")
    (verdict,) = settle(policy(), NoStudent(1), {0: says(value=3.5)}, 0.9)
    assert verdict == Verdict("teacher", value=3.5, reason="cold_start")


def test_a_cold_start_without_one_is_a_persons() -> None:
    first, second = settle(policy(), NoStudent(2), {1: TeacherFailure("timeout")}, 0.9)
    assert first == Verdict("student_fallback", degraded=True, reason="cold_start, no_teacher")
    assert second == Verdict("student_fallback", degraded=True, reason="cold_start, timeout")


# What agreement is worth.

SHARES = st.floats(0.001, 0.999)


@given(student=SHARES, classes_=st.integers(2, 50), above=st.floats(1e-3, 0.999))
def test_agreement_never_lowers_the_confidence_with_a_teacher_better_than_chance(
    student: float, classes_: int, above: float
) -> None:
    chance = 1 / classes_
    teacher = chance + (1 - chance) * above
    assert agreement(student, teacher, classes_) >= student - 1e-12


@given(student=SHARES, classes_=st.integers(2, 50))
def test_a_teacher_that_guesses_changes_nothing(student: float, classes_: int) -> None:
    assert agreement(student, 1 / classes_, classes_) == pytest.approx(student)


@given(student=SHARES, teacher=SHARES, more=SHARES, classes_=st.integers(2, 50))
def test_agreement_is_a_chance_and_grows_with_both(student: float, teacher: float, more: float, classes_: int) -> None:
    both = agreement(student, teacher, classes_)
    assert 0 <= both <= 1
    better = max(teacher, more)
    assert agreement(student, better, classes_) >= both - 1e-12
    assert agreement(max(student, more), teacher, classes_) >= both - 1e-12


@pytest.mark.parametrize(("student", "teacher", "expected"), [(1.0, 0.9, 1.0), (0.0, 0.9, 0.0), (1.0, 0.0, 1.0)])
def test_agreement_with_somebody_who_is_certain(student: float, teacher: float, expected: float) -> None:
    assert agreement(student, teacher, 3) == expected


@pytest.mark.parametrize(("student", "teacher", "count"), [(0.55, 0.8, 2), (0.4, 0.7, 3), (0.3, 0.6, 6)])
def test_agreement_is_calibrated_where_errors_are_independent(student: float, teacher: float, count: int) -> None:
    """Both err on their own, evenly over the other classes: of the rows on which they agree, so many are right."""
    rng = np.random.default_rng(3)
    rows = 200_000
    own, theirs = _opinions(rng, student, count, rows), _opinions(rng, teacher, count, rows)
    agreed = own == theirs
    assert (own[agreed] == 0).mean() == pytest.approx(agreement(student, teacher, count), abs=0.005)


def _opinions(rng: np.random.Generator, right: float, count: int, rows: int) -> np.ndarray:
    """Class 0 is the truth."""
    return np.where(rng.random(rows) < right, 0, rng.integers(1, count, rows))


@settings(max_examples=20)
@given(field=st.sampled_from(["threshold", "per_class"]), wrong=st.sampled_from([-0.01, 1.01, float("nan")]))
def test_a_threshold_is_a_share(field: str, wrong: float) -> None:
    with pytest.raises(ValidationError):
        policy(**{field: {"access": wrong} if field == "per_class" else wrong})


def test_a_certified_cascade_goes_by_what_is_in_force() -> None:
    certified = CertifiedCascade(kind="certified", audit_rate=0.25)
    answers = ClassAnswers(("a", "b"), np.array([[0.9, 0.1], [0.6, 0.4], [0.1, 0.9]]), "3")
    force = InForce(np.array([0.7, NEVER]), ("certified", "not_certified"))
    deferred = should_defer(certified, answers, force)
    assert deferred.tolist() == [False, True, True]
    assert should_defer(certified, answers).tolist() == [True, True, True], "nobody can say what holds"
    assert propensity(certified, deferred).tolist() == [0.25, 1.0, 1.0]


def test_chance_alone_chooses_what_is_audited() -> None:
    draws = np.array([0.0, 0.2499, 0.25, 0.99])
    assert chosen(CertifiedCascade(kind="certified", audit_rate=0.25), draws).tolist() == [True, True, False, False]
    assert not chosen(policy(), draws).any(), "a fixed cascade audits nothing unless it is told to"


def test_a_learned_rule_goes_by_the_pair_of_classes() -> None:
    arbiter = Arbiter({"a": {"b": Pair("student", 40, 30, 5)}})
    learned = policy(threshold=0.99, arbitration="learned")
    answers = ClassAnswers(("a", "b"), np.array([[0.9, 0.1], [0.1, 0.9]]), "3", Grounds(None, arbiter))
    replies = {0: TeacherAnswer("openai", "m", "b"), 1: TeacherAnswer("openai", "m", "a")}
    said = settle(learned, answers, replies, 0.9)
    assert [(each.label, each.reason) for each in said] == [("a", "learned"), ("a", "learned")]
    alone = settle(learned, replace(answers, grounds=None), replies, 0.9)
    assert [each.label for each in alone] == ["b", "a"], "until gold says something, the teacher wins"
