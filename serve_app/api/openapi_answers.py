"""The schema of a use case's answers, and an example answer."""

from __future__ import annotations

from typing import Any, get_args

from serve_app.api.openapi_parts import NUMBER, SHARE, STRING, array, closed, or_null
from serve_app.core.answers import Source
from serve_app.core.decision import UNANSWERED, Label, PriceSignal, Route, ScoreBands
from serve_app.core.standing import State
from serve_app.core.use_case import Classification, UseCase

Json = dict[str, Any]

ID = "01JZ8Q4T6V3M5N7P9R1S2T4V6W"


def answer_schema(use_case: UseCase) -> Json:
    return closed(_answer(use_case))


def explained_schema(use_case: UseCase) -> Json:
    """An answer with its explanation; both parts are null while there is no student to explain."""
    narrative = or_null({"type": "object", "description": "The explanation in words, and who wrote it."})
    return closed({**_answer(use_case), "explanation": or_null(_explanation()), "narrative": narrative}, ("narrative",))


def _answer(use_case: UseCase) -> Json:
    return {
        "id": STRING,
        "use_case": {"type": "string", "const": use_case.name},
        "prediction": _prediction(use_case),
        "source": {"type": "string", "enum": list(get_args(Source))},
        "student": or_null(_student(use_case)),
        "teacher": or_null(_teacher()),
        "decision": decision_schema(use_case),
        "certificate": or_null(_certificate()),
        "audited": {
            "type": "boolean",
            "description": "Whether chance chose the row for the teacher to be asked as well.",
        },
        "model_version": or_null(STRING),
        "policy_version": STRING,
        "degraded": {"type": "boolean"},
        "reason": or_null(STRING),
    }


def _certificate() -> Json:
    """Null where the cascade goes by no certificate, or no student answered."""
    own = {"by": STRING, "reason": STRING, "until": STRING}
    known = {"state": {"type": "string", "enum": list(get_args(State))}, "threshold": or_null(SHARE)}
    return {
        **closed({**known, **own}, tuple(own)),
        "description": "What held for the class that the student answered: from which confidence it may answer alone "
        "(null: from none), and whose word that is where an operator overrides it.",
    }


def _prediction(use_case: UseCase) -> Json:
    """All null when nobody could answer."""
    if not isinstance(use_case.target, Classification):
        return closed({"value": or_null(NUMBER), "interval": or_null(_interval())})
    parts = {"label": or_null(_label(use_case.target)), "confidence": or_null(SHARE)}
    return closed({**parts, "score": SHARE} if use_case.target.positive else parts, ("score",))


def _label(target: Classification) -> Json:
    return {"type": "string", "enum": list(target.classes)}


def _interval() -> Json:
    return array(NUMBER, minItems=2, maxItems=2)


def _student(use_case: UseCase) -> Json:
    if not isinstance(use_case.target, Classification):
        return closed({"value": NUMBER, "interval": _interval()})
    return closed({"label": _label(use_case.target), "confidence": SHARE})


def _teacher() -> Json:
    count: Json = {"type": "integer", "minimum": 0}
    amount: Json = {"type": "number", "minimum": 0}
    parts = {
        "provider": STRING,
        "model": STRING,
        "label": or_null(STRING),
        "value": NUMBER,
        "confidence": or_null(SHARE),
        "latency_ms": amount,
        "cost_usd": amount,
        "tokens_in": count,
        "tokens_out": count,
        "cached": {"const": True, "description": "It was given before to the same question, and kept."},
        "saved_usd": {**amount, "description": "What it cost when it was given, where it is cached."},
    }
    return closed(parts, ("value", "cached", "saved_usd"))


def decision_schema(use_case: UseCase) -> Json:
    """An action (REVIEW when nobody could answer), and what its policy adds."""
    match use_case.decision:
        case Route(action=action):
            return _acts([action], {"target": STRING})
        case Label():
            return closed({"action": STRING})
        case PriceSignal(market=market):
            return _acts(["BUY", "SELL", "HOLD"], {"deviation_pct": NUMBER, market: NUMBER})
        case ScoreBands(bands=bands, otherwise=otherwise):
            return _acts([*(band.action for band in bands), otherwise], {"score": SHARE})


def _acts(actions: list[str], details: Json) -> Json:
    every = list(dict.fromkeys([*actions, UNANSWERED]))
    return closed({"action": {"type": "string", "enum": every}, **details}, tuple(details))


def _explanation() -> Json:
    moved = closed({"feature": STRING, "value": {}, "contribution": NUMBER, "terms": array(STRING)}, ("terms",))
    return closed(
        {
            "label": or_null(STRING),
            "base": NUMBER,
            "output": NUMBER,
            "contributions": array(moved),
            "model_version": STRING,
        }
    )


def answer_example(use_case: UseCase) -> Json:
    """As a confident student would answer; the figures are made up."""
    student = _student_example(use_case)
    prediction = {**student, "score": 0.93} if getattr(use_case.target, "positive", None) else student
    return {
        "id": ID,
        "use_case": use_case.name,
        "prediction": prediction,
        "source": "student",
        "student": student,
        "teacher": None,
        "decision": _decision_example(use_case),
        "certificate": None,
        "audited": False,
        "model_version": "3",
        "policy_version": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "degraded": False,
        "reason": None,
    }


def _student_example(use_case: UseCase) -> Json:
    if not isinstance(use_case.target, Classification):
        return {"value": 145.0, "interval": [131.2, 160.4]}
    return {"label": use_case.target.positive or use_case.target.classes[0], "confidence": 0.93}


def _decision_example(use_case: UseCase) -> Json:
    match use_case.decision:
        case Route(action=action, targets=targets, default=default):
            target = targets.get(_student_example(use_case).get("label", ""), default)
            return {"action": action, **({"target": target} if target else {})}
        case Label(actions=actions):
            label = str(_student_example(use_case).get("label"))
            return {"action": actions.get(label, label)}
        case PriceSignal(market=market):
            return {"action": "HOLD", "deviation_pct": 0.034, market: 150.0}
        case ScoreBands(bands=bands):
            return {"action": bands[0].action, "score": 0.93}


def explained_example(use_case: UseCase) -> Json:
    feature = next(iter(use_case.features()))
    moved = {"feature": feature, "value": 1.0, "contribution": 0.8}
    explanation = {"label": None, "base": -0.2, "output": 0.6, "contributions": [moved], "model_version": "3"}
    words = {"text": f"{feature} (1.00) raises it by 0.80", "source": "template"}
    return {**answer_example(use_case), "explanation": explanation, "narrative": words}
