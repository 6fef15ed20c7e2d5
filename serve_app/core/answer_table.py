"""The answers of a batch as one flat Arrow table: a column for each thing an answer says, null where it
says nothing. The names are the answer's own, with the part they stand in before them where it is not
the prediction's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]

from serve_app.core.decision import PriceSignal, Route
from serve_app.core.use_case import Classification, UseCase

Answer = Mapping[str, Any]

TEXT, NUMBER, FLAG = pa.string(), pa.float64(), pa.bool_()


class AnswerColumn(NamedTuple):
    """Where in an answer it stands: ``name`` of ``part`` (None: of the answer itself), and there at ``end``."""

    kind: pa.DataType
    name: str
    part: str | None = None
    end: int | None = None


def answer_table(use_case: UseCase, answers: Sequence[Answer]) -> pa.Table:
    """One row an answer, in order."""
    known = columns(use_case)
    parts = {part: _parts(answers, part) for part in {column.part for column in known.values()}}
    arrays = [pa.array(_values(parts[column.part], column), column.kind) for column in known.values()]
    return pa.table(arrays, answer_schema(use_case))


def _parts(answers: Sequence[Answer], part: str | None) -> Sequence[Answer]:
    return answers if part is None else [answer[part] or {} for answer in answers]


def _values(parts: Sequence[Answer], column: AnswerColumn) -> list[Any]:
    _, name, _, end = column
    if end is None:
        try:
            return list(map(itemgetter(name), parts))
        except KeyError:  # something that not every answer says
            return [part.get(name) for part in parts]
    return [interval[end] if (interval := part.get(name)) else None for part in parts]


def answer_schema(use_case: UseCase) -> pa.Schema:
    return pa.schema([(name, column.kind) for name, column in columns(use_case).items()])


def columns(use_case: UseCase) -> dict[str, AnswerColumn]:
    return {
        **_own({"id": TEXT, "use_case": TEXT}),
        **_predicted(use_case),
        **_own({"source": TEXT}),
        **_decided(use_case),
        **_said(use_case, "student", {}),
        **_said(use_case, "teacher", {"model": TEXT, "cost_usd": NUMBER}),
        "certificate_state": AnswerColumn(TEXT, "state", "certificate"),
        "certificate_threshold": AnswerColumn(NUMBER, "threshold", "certificate"),
        **_own({"audited": FLAG, "model_version": TEXT, "policy_version": TEXT, "degraded": FLAG, "reason": TEXT}),
    }


def _own(kinds: Mapping[str, pa.DataType]) -> dict[str, AnswerColumn]:
    return {name: AnswerColumn(kind, name) for name, kind in kinds.items()}


def _predicted(use_case: UseCase) -> dict[str, AnswerColumn]:
    if isinstance(use_case.target, Classification):
        kinds = {"label": TEXT, "confidence": NUMBER, **({"score": NUMBER} if use_case.target.positive else {})}
        return {name: AnswerColumn(kind, name, "prediction") for name, kind in kinds.items()}
    ends = {
        f"interval_{end}": AnswerColumn(NUMBER, "interval", "prediction", i) for i, end in enumerate(("low", "high"))
    }
    return {"value": AnswerColumn(NUMBER, "value", "prediction"), **ends}


def _decided(use_case: UseCase) -> dict[str, AnswerColumn]:
    known = {"action": AnswerColumn(TEXT, "action", "decision")}
    match use_case.decision:
        case Route():
            known["target"] = AnswerColumn(TEXT, "target", "decision")
        case PriceSignal(market=market):
            known["deviation_pct"] = AnswerColumn(NUMBER, "deviation_pct", "decision")
            known["market"] = AnswerColumn(NUMBER, market, "decision")
    return known


def _said(use_case: UseCase, who: str, more: Mapping[str, pa.DataType]) -> dict[str, AnswerColumn]:
    own = {"label": TEXT, "confidence": NUMBER} if isinstance(use_case.target, Classification) else {"value": NUMBER}
    return {f"{who}_{name}": AnswerColumn(kind, name, who) for name, kind in {**own, **more}.items()}
