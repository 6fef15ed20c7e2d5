"""A scored supplier from nothing, in one process and without a server.

    python -m pipelines.demo --suppliers 300 --transactions 600 --seed 123

makes suppliers, sums them up, trains a student on them, and prints the answer for one supplier in
the shape that the use case's own route gives it.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.demo.suppliers import make_suppliers
from pipelines.fit import Fitted, fit
from pipelines.labelled import labelled_rows
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.lightgbm_student import LightGBMStudent
from serve_app.core.answers import TeacherFailure
from serve_app.core.cascade import settle, should_defer
from serve_app.core.decision import decide
from serve_app.core.envelope import envelope, said
from serve_app.core.errors import UnderstudyError
from serve_app.core.narrative import facts, fill
from serve_app.core.policy import policy_version
from serve_app.core.reshape import reshape
from serve_app.core.schema import validate_one
from serve_app.core.use_case import PredictRoute, UseCase

FOLDER = Path(__file__).parents[2] / "configs" / "use_cases" / "supplier_risk"
TOP = 5
SUPPLIER = {
    "annual_revenue": 100000,
    "avg_payment_delay_days": 75,
    "late_payment_share": 0.8,
    "dispute_count": 3,
    "transaction_count": 12,
    "contract_value": 90000,
    "years_in_business": 3,
    "credit_score": 520,
    "contract_text": "The buyer's liability under this agreement is unlimited. This agreement renews automatically.",
}
SHOWN = ("accuracy", "auc", "ece", "rows_learned", "rows_gold")


def summary(frame: pd.DataFrame, label: str) -> dict[str, Any]:
    """What was made: how many, how they are labelled, where values are missing, the usual figures."""
    numbers = frame.select_dtypes("number")
    missing = frame.isna().sum()
    return {
        "suppliers": len(frame),
        "transactions": int(frame["transaction_count"].sum()),
        "labels": frame[label].value_counts().to_dict(),
        "missing": {str(name): int(count) for name, count in missing.items() if count},
        "without_contract": int((frame["contract_text"] == "").sum()),
        "median": {str(name): float(value) for name, value in numbers.median().round(2).items()},
    }


def train(use_case: UseCase, frame: pd.DataFrame) -> Fitted:
    """Raises SystemExit with the reason when there is too little to learn from."""
    fitted = fit(use_case, labelled_rows(use_case, frame))
    if not isinstance(fitted, Fitted):
        raise SystemExit(f"no student could be trained: {fitted.reason}")
    return fitted


def score(use_case: UseCase, student: LightGBMStudent, supplier: Mapping[str, Any], prompt: str) -> Any:
    """The answer for one supplier, with no teacher to ask. Raises InvalidInput for a bad one."""
    rows = validate_one(use_case.fields, supplier)
    answers = student.answer(rows)
    replies = {0: TeacherFailure("no_teacher")} if should_defer(use_case.cascade, answers)[0] else {}
    positive = getattr(use_case.target, "positive", None)
    verdict = settle(use_case.cascade, answers, replies, use_case.teacher.reliability, positive)[0]
    act = decide(use_case.decision, verdict, rows.record(0))
    version, own = policy_version(use_case, prompt), said(answers)[0]
    answer = envelope(str(uuid.uuid4()), use_case.name, answers, own, None, verdict, act, version, regression=False)
    explanation = student.explain(rows, TOP)[0].as_dict()
    return _shaped(use_case, {"input": supplier, "answer": answer, "explanation": explanation})


def _shaped(use_case: UseCase, document: Mapping[str, Any]) -> Any:
    route = next((each for each in use_case.routes if isinstance(each, PredictRoute) and each.explain), None)
    known = facts(document["answer"], document["explanation"]["contributions"])
    text = fill(use_case.narrative.template, known) if use_case.narrative else None
    narrative = {"text": text, "source": "template"}
    return reshape(route.answer if route else {}, {**document, "narrative": narrative}, "answer")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipelines.demo", description=__doc__.splitlines()[0])
    parser.add_argument("--suppliers", type=int, default=300)
    parser.add_argument("--transactions", type=int, default=600, help="over all suppliers, at least one each")
    parser.add_argument("--seed", type=int, default=123)
    parser.add_argument("--supplier", type=json.loads, default=SUPPLIER, help="the supplier to score, as JSON")
    return parser.parse_args(argv)


def _show(title: str, content: Any) -> None:
    print(f"# {title}\n{json.dumps(content, indent=2, ensure_ascii=False)}")


def main(argv: list[str] | None = None) -> None:
    given = _arguments(argv)
    try:
        use_case = load_use_case(FOLDER)
        frame = make_suppliers(given.suppliers, given.transactions, given.seed)
        _show("Generated", summary(frame, use_case.target.column))
        fitted = train(use_case, frame)
        _show("Trained", {name: round(value, 4) for name, value in fitted.metrics.items() if name in SHOWN})
        student = LightGBMStudent.read(fitted.files, use_case.target, f"demo-{given.seed}", 2)
        prompt = (FOLDER / use_case.teacher.prompt).read_text(encoding="utf-8")
        _show("Scored", score(use_case, student, given.supplier, prompt))
    except (UnderstudyError, ValueError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
