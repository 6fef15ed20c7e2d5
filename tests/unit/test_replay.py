"""A decision made again: what follows from the log, what is given, what differs first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from serve_app.core import cascade
from serve_app.core.answers import (
    ClassAnswers,
    NoStudent,
    StudentAnswers,
    TeacherAnswer,
    TeacherFailure,
    TeacherReply,
    ValueAnswers,
)
from serve_app.core.budget import unpaid
from serve_app.core.bundle import schema_version
from serve_app.core.certificate import Certificate, ClassCertificate
from serve_app.core.decision import decide
from serve_app.core.errors import BadConfig
from serve_app.core.events import LoggedPrediction
from serve_app.core.grounds import Grounds
from serve_app.core.policy import policy_of, read_policy, version_of
from serve_app.core.ports import Asked
from serve_app.core.replay import Difference, first_difference, given, replay, row_of, without_student
from serve_app.core.rows import Rows, numeric_column, text_column
from serve_app.core.serving import Cascaded
from serve_app.core.standing import Override, Standing, Withdrawn, in_force
from serve_app.core.use_case import UseCase
from serve_app.core.write_down import Abouts, Written, write_down
from tests.fakes.small_graph import PRICES, RISK, TICKETS

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
SURE = ClassAnswers(("access", "network", "other"), np.array([[0.9, 0.1 + 2**-55, 0.0]]), "7")
UNSURE = ClassAnswers(("access", "network", "other"), np.array([[0.35, 0.33, 0.32]]), "7")
TEXT = Rows({"tech_raw_text": text_column(["vpn"]), "solving": text_column([None])})
SAYS = TeacherAnswer("openai", "m", "network", None, 0.7, 12.0, 0.002, 100, 10)
FAILED = TeacherFailure("off_schema", "openai", 9.0, 0.001)
CERTIFIED: dict[str, Any] = {"kind": "certified", "target": 0.9, "audit_rate": 0.02}


def case(raw: dict[str, Any] = TICKETS, **changes: Any) -> UseCase:
    return UseCase.model_validate({**raw, **changes})


def logged(
    use_case: UseCase, answers: StudentAnswers, reply: TeacherReply | None = None, rows: Rows = TEXT, **more: Any
) -> LoggedPrediction:
    """As the cascade and the ingress make it. ``more``: ``audited``, ``standing``."""
    audited = np.array([more.get("audited", False)])
    force = None
    if use_case.cascade.kind == "certified" and isinstance(answers, ClassAnswers):
        certificate = answers.grounds.certificate if answers.grounds else None
        force = in_force(certificate, more.get("standing", Standing()), answers.classes, AT)
    deferred = cascade.should_defer(use_case.cascade, answers, force)
    replies = {0: reply} if reply is not None else {}
    positive = getattr(use_case.target, "positive", None)
    verdicts = cascade.settle(use_case.cascade, answers, replies, use_case.teacher.reliability, positive)
    acts = [decide(use_case.decision, verdicts[0], rows.record(0))]
    came = Cascaded(
        answers, replies, verdicts, acts, cascade.propensity(use_case.cascade, deferred),
        version_of(policy_of(use_case, "Ask.").content()), None, audited, use_case.cascade.audit_rate, force,
    )  # fmt: skip
    return write_down(Abouts().of(use_case), list(rows.records()), came, Asked("r", "kim"), Written(["a1"], AT, 3.5))[0]


def again(made: LoggedPrediction, answers: StudentAnswers, use_case: UseCase, **content: Any) -> Difference | None:
    return replay(made, answers, {**policy_of(use_case, "Ask.").content(), **content}).first_difference


@pytest.mark.parametrize(
    ("answers", "reply", "audited"),
    [
        (SURE, None, False), (SURE, SAYS, True), (SURE, FAILED, True), (UNSURE, SAYS, False), (UNSURE, FAILED, False),
        (UNSURE, replace(SAYS, label="access"), True), (NoStudent(1), SAYS, False), (NoStudent(1), FAILED, False),
        (NoStudent(1, "schema_changed"), TeacherFailure("no_teacher"), False),
    ],
)  # fmt: skip
def test_what_was_answered_comes_out_again(answers: StudentAnswers, reply: TeacherReply | None, audited: bool) -> None:
    made = logged(case(), answers, reply, audited=audited)
    student = without_student(made) if isinstance(answers, NoStudent) else answers
    came = replay(made, student, policy_of(case(), "Ask.").content())
    assert came.first_difference is None
    assert came.recorded == came.replayed
    assert came.as_dict()["match"] is True


@pytest.mark.parametrize("answers", [UNSURE, NoStudent(1)], ids=["student", "cold start"])
@pytest.mark.parametrize("when_short", ["student", "review"])
def test_a_row_that_nobody_paid_for_is_whose_the_policy_says(answers: StudentAnswers, when_short: str) -> None:
    use_case, other = case(budget={"when_short": when_short}), "review" if when_short == "student" else "student"
    made = logged(use_case, answers, unpaid("budget", use_case.budget))
    assert again(made, answers, use_case) is None
    changed = again(made, answers, use_case, when_short=other)
    assert changed is not None
    assert (changed.path == "answer.policy_version") is isinstance(answers, NoStudent)
    before = {name: value for name, value in policy_of(use_case, "Ask.").content().items() if name != "when_short"}
    version = version_of(before)  # as it was kept by a release in which it was not part of the policy
    old = replace(made, policy_version=version, answer={**made.answer, "policy_version": version})
    assert replay(old, answers, before).first_difference is None


def test_numbers_and_scores_come_out_again() -> None:
    price = ValueAnswers(np.array([145.0]), np.array([131.2]), np.array([160.4]), "2")
    rows = Rows({"card_id": text_column(["c"]), "date": text_column(["2025-12-01"])})
    rows = rows.with_columns({"market_price": numeric_column([150.0])})
    wide = case(PRICES, cascade={"kind": "fixed", "defer_when_wider_than": 0.1})
    for reply in (None, FAILED, TeacherAnswer("openai", "m", None, 300.0), TeacherAnswer("openai", "m", None, 140.0)):
        assert again(logged(wide, price, reply, rows), price, wide) is None
    risk = ClassAnswers(("no", "yes"), np.array([[0.25, 0.75]]), "1")
    assert again(logged(case(RISK), risk, None, TEXT), risk, case(RISK)) is None


def certified(threshold: float | None) -> ClassAnswers:
    one = {"access": threshold, "network": None, "other": None}
    classes = {name: ClassCertificate(each, 100, 1, 0.05) for name, each in one.items()}
    return replace(SURE, grounds=Grounds(Certificate(0.9, "teacher", 0.05, 1, 0.03, 300, classes)))


WITHDRAWN = Standing("7", {"access": Withdrawn("2026-01-01T00:00:00+00:00", 40, 9)})
OVERRIDE = Standing("7", {}, Override("kim", "stocktaking", "2026-02-01T00:00:00+00:00", 0.5))


@pytest.mark.parametrize(
    ("threshold", "standing", "reply"),
    [(0.8, Standing(), None), (0.95, Standing(), SAYS), (None, Standing(), SAYS), (0.8, WITHDRAWN, SAYS),
     (None, OVERRIDE, None), (0.95, OVERRIDE, None)],
)  # fmt: skip
def test_a_certificate_as_it_stood_then_comes_out_again(
    threshold: float | None, standing: Standing, reply: TeacherReply | None
) -> None:
    use_case, answers = case(cascade=CERTIFIED), certified(threshold)
    made = logged(use_case, answers, reply, standing=standing)
    assert made.answer["certificate"] is not None
    assert again(made, answers, use_case) is None
    assert given(made)["certificate"] == made.answer["certificate"]


def test_a_threshold_that_the_certificate_does_not_name_differs() -> None:
    use_case, answers = case(cascade=CERTIFIED), certified(0.95)
    made = logged(use_case, certified(0.8))
    found = again(made, answers, use_case)
    assert found is not None
    assert (found.path, found.recorded, found.replayed) == ("answer.certificate.threshold", 0.8, 0.95)


def test_a_row_that_the_rules_would_have_deferred_differs() -> None:
    stricter = {"cascade": {**policy_of(case(), "Ask.").content()["cascade"], "threshold": 0.95}}
    found = again(logged(case(), SURE), SURE, case(), **stricter)
    assert found is not None
    assert found.path == "answer.policy_version"
    hidden = logged(case(cascade={"kind": "fixed", "threshold": 0.95}), SURE)
    fitting = replace(hidden, propensity=0.0)
    found = again(fitting, SURE, case(cascade={"kind": "fixed", "threshold": 0.95}))
    assert found == Difference("propensity", 0.0, 1.0)


def test_an_answer_of_a_teacher_that_nobody_would_have_asked_differs() -> None:
    made = logged(case(), SURE, SAYS, audited=True)
    found = again(replace(made, audit_rate=None), SURE, case())
    assert found is not None
    assert found.path == "teacher"


def test_an_answer_that_was_put_into_the_log_since_differs() -> None:
    made = logged(case(), UNSURE, SAYS)
    assert made.teacher is not None
    for teacher, path in (({**made.teacher, "more": 1}, "teacher.more"), ({"label": "network"}, "teacher.provider")):
        found = again(replace(made, teacher=teacher), UNSURE, case())
        assert found is not None
        assert found.path == path


@pytest.mark.parametrize(
    ("recorded", "replayed", "path"),
    [
        ({"a": [1.0, 2.0]}, {"a": [1.0, 2.0 + 2**-51]}, "a[1]"), ({"a": 1}, {"a": 1.0}, "a"),
        ({"a": 0.0}, {"a": -0.0}, "a"),
        ({"a": 1}, {}, "a"), ({}, {"a": 1}, "a"), ([1], [1, 2], ""), ({"a": {"b": None}}, {"a": {"b": False}}, "a.b"),
    ],
)  # fmt: skip
def test_bit_for_bit(recorded: Any, replayed: Any, path: str) -> None:
    found = first_difference(recorded, replayed)
    assert found is not None
    assert found.path == path
    assert first_difference(recorded, recorded) is None


def test_what_the_student_saw_is_made_of_its_manifest() -> None:
    made = logged(case(), SURE)
    made = replace(made, features={"n": None, "extra": 1, "tech_raw_text": "vpn", "m": 2.5})
    row = row_of(made, {"tech_raw_text": "text", "n": "numeric", "m": "numeric"})
    assert row.names == ("tech_raw_text", "n", "m")
    assert row.record(0) == {"tech_raw_text": "vpn", "n": None, "m": 2.5}


def test_a_policy_reads_back_as_it_was_and_holds_no_secret() -> None:
    for raw in (TICKETS, PRICES, RISK):
        policy = policy_of(case(raw), "Ask.")
        assert read_policy(policy.content()) == policy
        assert "key" not in {name for name in policy.content()["teacher"] if name != "providers"}
    with pytest.raises(BadConfig, match="cannot be read"):
        read_policy({"cascade": {}})


def test_the_schema_version_is_the_logs_own() -> None:
    made = replace(logged(case(), SURE), schema_version="sha256:of then")
    assert again(made, SURE, case()) is None
    assert made.schema_version != schema_version(case())
