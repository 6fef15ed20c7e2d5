"""Any decision again: what was answered is made once more from its log, by the rules that made it.

The student's answers are computed anew from the logged features, by the exact version; the teacher's are
those that were recorded. Verdict, decision and answer come from ``cascade``, ``decision`` and
``write_down``, as they did. What chance or the state of the moment decided cannot follow from the log and
is taken from it: whether the row was audited, why the teacher failed, why there was no student, whether
a certificate had been withdrawn or overridden. Those are named as ``given``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np

from serve_app.core import cascade
from serve_app.core.answers import (
    ClassAnswers,
    Failure,
    NoStudent,
    StudentAnswers,
    TeacherAnswer,
    TeacherFailure,
    TeacherReply,
)
from serve_app.core.budget import is_unpaid
from serve_app.core.cascade import CertifiedCascade
from serve_app.core.decision import decide
from serve_app.core.events import LoggedPrediction
from serve_app.core.policy import Policy, read_policy, version_of
from serve_app.core.ports import Asked
from serve_app.core.rows import Rows
from serve_app.core.serving import Cascaded
from serve_app.core.standing import InForce, Override, Standing, Withdrawn, in_force
from serve_app.core.use_case import Regression
from serve_app.core.write_down import About, Written, write_down

ABSENT = "(absent)"

BEFORE = datetime.min.replace(tzinfo=UTC)
"""When an override that the answer names still held: it did at the moment of the answer."""

SIDE = ("student", "teacher", "answer", "model_version", "policy_version", "propensity", "cost_usd", "audit_rate")
"""Of an event: what is compared, in this order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """``path``: dotted, from one side down, as ``answer.decision.target`` or ``student.probabilities[2]``."""

    path: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """Both sides as JSON; ``replayed`` is None where nothing could be computed."""

    recorded: dict[str, Any]
    replayed: dict[str, Any] | None
    given: dict[str, Any]
    first_difference: Difference | None

    def as_dict(self) -> dict[str, Any]:
        return {"match": self.first_difference is None, **asdict(self)}


def replay(logged: LoggedPrediction, answers: StudentAnswers, content: Mapping[str, Any]) -> Replayed:
    """``answers``: of the one logged row, by the version that is logged (``without_student`` where there was
    none); ``content``: of the policy. Raises BadConfig for content that this release cannot read."""
    policy = read_policy(content)
    came = _came(logged, answers, policy, version_of(content))
    about = About(logged.use_case, logged.schema_version, isinstance(policy.target, Regression))
    asked = Asked(logged.request_id or "", logged.user)
    written = Written([logged.id], logged.at, logged.latency_ms)
    (again,) = write_down(about, [logged.features], came, asked, written)
    recorded, replayed = side(logged), side(again)
    return Replayed(recorded, replayed, given(logged), first_difference(recorded, replayed))


def not_computed(logged: LoggedPrediction, path: str, recorded: Any, why: str) -> Replayed:
    """What ``path`` names is not what it was, so that nothing can be computed from it: the version's files
    (``model``), or the logged features."""
    return Replayed(side(logged), None, given(logged), Difference(path, recorded, why))


def without_student(logged: LoggedPrediction) -> NoStudent:
    """For a prediction that names no model version."""
    reason = str(logged.answer.get("reason") or "")
    return NoStudent(1, reason.partition(", ")[0] or NoStudent(1).reason)


def row_of(logged: LoggedPrediction, kinds: Mapping[str, str]) -> Rows:
    """What the student saw. ``kinds``: of its features by name, in its order, as its manifest has them."""
    numeric = [name for name, kind in kinds.items() if kind == "numeric"]
    other = [name for name in kinds if name not in numeric]
    return Rows.from_records([logged.features], numeric, other).select(list(kinds))


def given(logged: LoggedPrediction) -> dict[str, Any]:
    """What is taken from the log because nothing else knows it."""
    reply = _reply(logged)
    failed = reply.reason if isinstance(reply, TeacherFailure) else None
    return {
        "teacher": "failed" if failed else ("not_asked" if reply is None else "answered"),
        "teacher_failure": failed,
        "audit_rate": logged.audit_rate,
        "certificate": logged.answer.get("certificate"),
        "no_student": None if logged.model_version else without_student(logged).reason,
    }


def side(logged: LoggedPrediction) -> dict[str, Any]:
    """What of an event is compared, as it reads back from the log."""
    whole = asdict(logged)
    kept: dict[str, Any] = json.loads(json.dumps({name: whole[name] for name in SIDE}))
    return kept


def first_difference(recorded: Any, replayed: Any, path: str = "") -> Difference | None:
    """Bit for bit: 1 is not 1.0, and 0.0 is not -0.0."""
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        names = [*recorded, *(name for name in replayed if name not in recorded)]
        pairs = [(_below(path, name), recorded.get(name, ABSENT), replayed.get(name, ABSENT)) for name in names]
    elif isinstance(recorded, list) and isinstance(replayed, list) and len(recorded) == len(replayed):
        pairs = [(f"{path}[{place}]", *both) for place, both in enumerate(zip(recorded, replayed, strict=True))]
    else:
        same = json.dumps(recorded) == json.dumps(replayed)
        return None if same else Difference(path, recorded, replayed)
    found = (first_difference(was, now, where) for where, was, now in pairs)
    return next((each for each in found if each is not None), None)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _came(logged: LoggedPrediction, answers: StudentAnswers, policy: Policy, version: str) -> Cascaded:
    force = _force(logged, answers, policy)
    deferred = cascade.should_defer(policy.cascade, answers, force)
    audited = np.array([logged.audit_rate is not None])
    replies = _replies(logged, policy, bool(deferred[0] or audited[0]))
    verdicts = cascade.settle(policy.cascade, answers, replies, policy.teacher.reliability, policy.positive)
    acts = [decide(policy.decision, verdicts[0], logged.features)]
    propensity, rate = cascade.propensity(policy.cascade, deferred), policy.cascade.audit_rate
    return Cascaded(answers, replies, verdicts, acts, propensity, version, None, audited, rate, force)


def _replies(logged: LoggedPrediction, policy: Policy, asked: bool) -> dict[int, TeacherReply]:
    """Nothing where the rules would not have asked: a log that says otherwise differs. Whose a row is that nobody
    paid for is the policy's to say; of one that was kept before it said so, what was answered tells."""
    reply = _reply(logged) if asked else None
    if reply is None:
        return {}
    if isinstance(reply, TeacherFailure) and is_unpaid(reply) and policy.when_short is not None:
        reply = replace(reply, to_person=policy.when_short == "review")
    return {0: reply}


def _reply(logged: LoggedPrediction) -> TeacherReply | None:
    if logged.teacher is not None:
        return _answer(logged.teacher)
    if logged.answer.get("source") != "student_fallback":
        return None
    reason = str(logged.answer.get("reason") or "")
    why = reason if logged.model_version else reason.partition(", ")[2]
    nobody = all(each is None for each in logged.answer.get("prediction", {}).values())
    to_person = nobody and logged.model_version is not None
    return TeacherFailure(cast(Failure, why), cost_usd=logged.cost_usd, to_person=to_person)


def _answer(told: Mapping[str, Any]) -> TeacherAnswer:
    """As it was recorded. Whatever was put into the log since is left out, and differs."""
    known = {field.name for field in fields(TeacherAnswer)}
    whole = {"provider": "", "model": "", **{name: value for name, value in told.items() if name in known}}
    return TeacherAnswer(**whole)


def _force(logged: LoggedPrediction, answers: StudentAnswers, policy: Policy) -> InForce | None:
    """The certificate is the version's own; how it stood then is in the answer."""
    if not isinstance(policy.cascade, CertifiedCascade) or not isinstance(answers, ClassAnswers):
        return None
    certificate = None if answers.grounds is None else answers.grounds.certificate
    name = answers.classes[int(answers.best()[0])]
    standing = _standing(logged.answer.get("certificate") or {}, name)
    return in_force(certificate, standing, answers.classes, BEFORE)


def _standing(told: Mapping[str, Any], name: str) -> Standing:
    """Of the class that was answered; the others do not matter for this row."""
    if told.get("state") == "withdrawn":
        return Standing(withdrawn={name: Withdrawn("", 0, 0)})
    if told.get("state") != "override" or not {"by", "reason", "until", "threshold"} <= told.keys():
        return Standing()
    return Standing(override=Override(told["by"], told["reason"], told["until"], classes={name: told["threshold"]}))
