"""A batch's other encodings, as the OpenAPI document shows them.

Both are described as the array of what stands in them: one item a line of NDJSON, one a row of the Arrow
stream. The columns of such a stream, with their types, stand in ``x-arrow-columns``.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from serve_app.api.batch import MEDIA
from serve_app.api.openapi_parts import STRING, array, closed, or_null, ref
from serve_app.core.answer_table import FLAG, NUMBER, answer_schema, answer_table
from serve_app.core.tables import READ
from serve_app.core.use_case import DateField, InputField, NumericField, UseCase

Json = dict[str, Any]

_WORDS = "By content type: JSON, NDJSON or an Arrow IPC stream. Answered in the same, unless `Accept` asks for another."
_LINES = "One item a line."
_SENT = f"An item is a row, a field a column ({READ}); null is missing. Neither compression nor extension types."
_TOLD = "An item is a row."


def in_every_encoding(operation: Json, use_case: UseCase, max_batch: int, given: Any, answer: Any) -> Json:
    """``operation``, a batch in JSON, with the others beside it."""
    asked, told = operation["requestBody"]["content"], operation["responses"]["200"]["content"]
    rows = array(ref(f"{use_case.name}.Instance"), minItems=1, maxItems=max_batch)
    asked[MEDIA["ndjson"]] = _content(rows, _LINES, given)
    asked[MEDIA["arrow"]] = {**_content(rows, _SENT, given), "x-arrow-columns": _asked(use_case)}
    told[MEDIA["ndjson"]] = _content(array(ref(f"{use_case.name}.Answer")), _LINES, answer)
    (row,) = answer_table(use_case, [answer]).to_pylist()
    answers = _content(array(ref(f"{use_case.name}.AnswerRow")), _TOLD, row)
    told[MEDIA["arrow"]] = {**answers, "x-arrow-columns": {f.name: str(f.type) for f in answer_schema(use_case)}}
    return {**operation, "description": _WORDS}


def answer_row_schema(use_case: UseCase) -> Json:
    """A row of the table of answers."""
    return closed({field.name: or_null(_json_type(field.type)) for field in answer_schema(use_case)})


def _content(schema: Json, words: str, example: Any) -> Json:
    return {"schema": {**schema, "description": words}, "example": [example]}


def _json_type(kind: pa.DataType) -> Json:
    return {NUMBER: {"type": "number"}, FLAG: {"type": "boolean"}}.get(kind, STRING)


def _asked(use_case: UseCase) -> Json:
    return {name: _arrow_type(field) for name, field in use_case.fields.items()}


def _arrow_type(field: InputField) -> str:
    if isinstance(field, NumericField):
        return "double"
    return "date32[day]" if isinstance(field, DateField) else "string"
