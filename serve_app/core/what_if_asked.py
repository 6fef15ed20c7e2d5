"""What may be asked of a past period: which part of the policy is another one, and what that makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from pydantic import ValidationError

from serve_app.core.asked import VERSION, Member, members
from serve_app.core.cascade import Arbitration, Cascade, CertifiedCascade, FixedCascade
from serve_app.core.errors import FieldError, InvalidInput
from serve_app.core.misfits import shown
from serve_app.core.override import CLASSES, THRESHOLD
from serve_app.core.period import EXPECTED, SINCE, moment
from serve_app.core.use_case import Budget, Classification, UseCase

Json = dict[str, Any]

CHANGES = ("threshold", "per_class", "target", "arbitration", "budget")
DEFERRING = ("threshold", "per_class", "target")
"""Changes of which rows are deferred; under the others each is deferred as it was."""

_LONGEST = 40
_DOLLARS: Json = {"type": "number", "minimum": 0}
_BUDGET: Json = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("per_day_usd", "per_month_usd", "per_user_day_usd"), _DOLLARS),
        "when_short": {"type": "string", "enum": ["student", "review"]},
        "value": {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}},
    },
    "minProperties": 1,
    "additionalProperties": False,
}


def _target_problem(value: Any) -> str | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1
    return None if fits else "a share between 0 and 1, neither of them included"


def _rule_problem(value: Any) -> str | None:
    return None if value in get_args(Arbitration) else f"one of: {', '.join(get_args(Arbitration))}"


def _moment_problem(value: Any) -> str | None:
    fits = isinstance(value, str) and len(value) <= _LONGEST
    return None if fits else EXPECTED


def _budget_problem(value: Any) -> str | None:
    if not isinstance(value, dict) or not value:
        return f"an object with some of: {', '.join(_BUDGET['properties'])}"
    try:
        Budget.model_validate(value)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        return f"{'.'.join(map(str, first['loc']))[:80]}: {first['msg']}"
    return None


_TIME = Member({"type": "string", "minLength": 1, "maxLength": _LONGEST}, _moment_problem)

WHAT_IF: Mapping[str, Member] = {
    "use_case": VERSION,  # a text of up to 64 characters
    "since": _TIME,
    "until": _TIME,
    "threshold": THRESHOLD,
    "per_class": CLASSES,
    "target": Member({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, _target_problem),
    "arbitration": Member({"type": "string", "enum": list(get_args(Arbitration))}, _rule_problem),
    "budget": Member(_BUDGET, _budget_problem),
}


@dataclass(frozen=True, slots=True)
class Question:
    """``changes``: those of ``CHANGES`` that were given."""

    use_case: str
    since: datetime
    until: datetime
    changes: Mapping[str, Any]

    @property
    def defers(self) -> bool:
        return any(name in self.changes for name in DEFERRING)

    @property
    def budget(self) -> Budget | None:
        return Budget.model_validate(self.changes["budget"]) if "budget" in self.changes else None


def question_of(body: Any, now: datetime) -> Question:
    """Raises InvalidInput, naming every misfit."""
    asked = members(body, WHAT_IF, ["use_case"])
    since, until = period({name: asked[name] for name in ("since", "until") if name in asked}, now)
    changes = {name: asked[name] for name in CHANGES if name in asked}
    if not changes:
        raise InvalidInput("nothing is changed", [FieldError("body", "no change", f"one of: {', '.join(CHANGES)}")])
    if "target" in changes and not changes.keys().isdisjoint(("threshold", "per_class")):
        expected = "a target or thresholds: a target comes with thresholds of its own"
        raise InvalidInput("two changes exclude each other", [FieldError("target", shown(changes["target"]), expected)])
    return Question(asked["use_case"], since, until, changes)


def period(given: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """``since`` and ``until`` where they are given. Raises InvalidInput."""
    found = {"since": moment(given.get("since", SINCE), now), "until": moment(given["until"], now) if "until" in given
             else now}  # fmt: skip
    misfits = [FieldError(name, shown(given[name]), EXPECTED) for name, value in found.items() if value is None]
    since, until = found["since"], found["until"]
    if since is not None and until is not None and since >= until:
        misfits = [FieldError("since", since.isoformat(), f"a moment before until ({until.isoformat()})")]
    if misfits or since is None or until is None:
        raise InvalidInput("there is no such period", misfits)
    return since, until


def cascade_of(use_case: UseCase, changes: Mapping[str, Any]) -> Cascade:
    """The use case's own, with the changes. Raises InvalidInput where they make no sense for it."""
    policy, target = use_case.cascade, use_case.target
    if "arbitration" in changes:
        policy = policy.model_copy(update={"arbitration": changes["arbitration"]})
    if changes.keys().isdisjoint(DEFERRING):
        return policy
    if not isinstance(target, Classification):
        raise _senseless(changes, "another arbitration or budget: numbers have neither thresholds nor targets")
    if "target" in changes:
        return _certified(policy, float(changes["target"]))
    unknown = [name for name in changes.get("per_class", {}) if name not in target.classes][:20]
    if unknown:
        expected = f"one of: {', '.join(target.classes)}"
        raise InvalidInput("there are no such classes", [FieldError(f"per_class.{n[:60]}", n[:60], expected)
                                                         for n in unknown])  # fmt: skip
    if isinstance(policy, CertifiedCascade) and "threshold" not in changes:
        raise _senseless(changes, "a threshold as well, for the classes that per_class does not name")
    return _fixed(policy, changes)


def _fixed(policy: Cascade, changes: Mapping[str, Any]) -> FixedCascade:
    kept = (
        {} if isinstance(policy, CertifiedCascade) else {"threshold": policy.threshold, "per_class": policy.per_class}
    )
    if "threshold" in changes:  # of every class, unless per_class says otherwise
        kept = {"threshold": changes["threshold"], "per_class": {}}
    named = {"per_class": changes["per_class"]} if "per_class" in changes else {}
    both = {"arbitration": policy.arbitration, "audit_rate": policy.audit_rate}
    return FixedCascade.model_validate({"kind": "fixed", **both, **kept, **named})


def _certified(policy: Cascade, target: float) -> CertifiedCascade:
    if isinstance(policy, CertifiedCascade):
        return policy.model_copy(update={"target": target})
    rates = {"audit_rate": policy.audit_rate} if policy.audit_rate > 0 else {}
    told = {"kind": "certified", "target": target, "arbitration": policy.arbitration, **rates}
    return CertifiedCascade.model_validate(told)


def _senseless(changes: Mapping[str, Any], expected: str) -> InvalidInput:
    name = next(name for name in DEFERRING if name in changes)
    return InvalidInput("that cannot be asked of this use case", [FieldError(name, shown(changes[name]), expected)])
