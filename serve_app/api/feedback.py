"""What people say of a prediction, and the prediction as it was logged."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from serve_app.api.body import members
from serve_app.api.dependencies import ThisCall
from serve_app.api.replies import reply
from serve_app.core.cells import number_problem, text_problem
from serve_app.core.errors import FieldError, InvalidInput, UnknownPrediction
from serve_app.core.misfits import shown
from serve_app.core.use_case import NumericField, TextField

router = APIRouter(prefix="/api/v1")

LABEL = TextField(kind="text", max_length=1000)
NUMBER = NumericField(kind="numeric")
NOTE = TextField(kind="text", max_length=2000, required=False)
ID = r"^[0-9A-Za-z_-]{1,64}$"


@router.post("/feedback/{prediction_id}")
async def feedback(prediction_id: str, call: ThisCall) -> Response:
    await call.may_see(known(prediction_id))
    body = members(await call.json(), ["label"], ["note"])
    label, note = label_of(body["label"]), note_of(body.get("note"))
    by = call.asked.user or "anonymous"
    return reply(await call.graph.feedback(known(prediction_id), label, by, note))


@router.get("/predictions/{prediction_id}")
async def prediction(prediction_id: str, call: ThisCall) -> Response:
    await call.may_see(known(prediction_id))
    return reply(await call.graph.prediction(known(prediction_id)))


def known(prediction_id: str) -> str:
    """No id looks otherwise, and what is no id need not reach the database."""
    if not re.fullmatch(ID, prediction_id):
        raise UnknownPrediction("no prediction has such an id")
    return prediction_id


def label_of(label: Any) -> str | float:
    """A class's name or a number: which of the two, the prediction's target decides."""
    if isinstance(label, str):
        return str(_fitting("label", label, text_problem(LABEL, label)))
    number: float = _fitting("label", label, number_problem(NUMBER, label) and "a class or a number")
    return number


def note_of(note: Any) -> str | None:
    fitting: str | None = _fitting("note", note, text_problem(NOTE, note))
    return fitting


def _fitting(name: str, value: Any, problem: str | None) -> Any:
    if problem is not None:
        raise InvalidInput("the feedback does not fit", [FieldError(name, shown(value), problem)])
    return value
