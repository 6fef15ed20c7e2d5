"""The same rows in each peer's own JSON, and where the answers stand in what it sends back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.benchmarks.serving.asking import Answer, Ask, by_probability
from tests.benchmarks.serving.numbers import NAMES
from tests.benchmarks.serving.prepared import BATCH, Prepared

Records = list[dict[str, float]]
Wrapped = Callable[[Records], Any]
Read = Callable[[bytes], list[Answer]]

ASKED = 512
"""Distinct requests of one row; there are as many batches as there are rows for."""


def rows(prepared: Prepared, path: str, wrapped: Wrapped, read: Read) -> Ask:
    return _ask(prepared, path, wrapped, read, [slice(row, row + 1) for row in range(ASKED)])


def batches(prepared: Prepared, path: str, wrapped: Wrapped, read: Read) -> Ask:
    starts = range(0, len(prepared.numbers.asked) - BATCH + 1, BATCH)
    return _ask(prepared, path, wrapped, read, [slice(start, start + BATCH) for start in starts])


def _ask(prepared: Prepared, path: str, wrapped: Wrapped, read: Read, parts: Sequence[slice]) -> Ask:
    bodies = [encoded(wrapped(prepared.numbers.records(part))) for part in parts]
    return Ask(path, bodies, [prepared.numbers.expected[part] for part in parts], read)


def encoded(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def labelled(found: Iterable[dict[str, Any]]) -> list[Answer]:
    return [(each["label"], each["confidence"]) for each in found]


def fastapi_row(prepared: Prepared) -> Ask:
    return rows(prepared, "/predict", lambda records: records[0], lambda body: labelled([json.loads(body)]))


def fastapi_batch(prepared: Prepared) -> Ask:
    return batches(prepared, "/predict/batch", _instances, lambda body: labelled(json.loads(body)["predictions"]))


def fastapi_text(prepared: Prepared) -> Ask:
    from tests.benchmarks.serving.peers import texts_model

    texts_model(prepared.data)
    expected = json.loads((prepared.data / "texts_expected.json").read_text(encoding="utf-8"))
    bodies = [encoded(ticket) for ticket in prepared.tickets]
    return Ask("/predict", bodies, [[(label, p)] for label, p in expected], lambda b: labelled([json.loads(b)]))


def instances_row(prepared: Prepared) -> Ask:
    """BentoML batches lists only: a row is a list of one."""
    return rows(prepared, "/predict", _instances, lambda body: labelled(json.loads(body)))


def instances_batch(prepared: Prepared) -> Ask:
    return batches(prepared, "/predict", _instances, lambda body: labelled(json.loads(body)))


def litserve_row(prepared: Prepared) -> Ask:
    return rows(prepared, "/predict", _instances, lambda body: labelled(json.loads(body)["predictions"]))


def litserve_batch(prepared: Prepared) -> Ask:
    return batches(prepared, "/predict", _instances, lambda body: labelled(json.loads(body)["predictions"]))


def tensor_row(prepared: Prepared) -> Ask:
    """The Open Inference Protocol has no names for a row's members: numbers in their order."""
    return rows(prepared, "/v2/models/numbers/infer", _tensor, _from_tensor)


def tensor_batch(prepared: Prepared) -> Ask:
    return batches(prepared, "/v2/models/numbers/infer", _tensor, _from_tensor)


def mlflow_row(form: str) -> Callable[[Prepared], Ask]:
    return lambda prepared: rows(prepared, "/invocations", lambda r: _mlflow(form, r), _from_mlflow)


def mlflow_batch(form: str) -> Callable[[Prepared], Ask]:
    return lambda prepared: batches(prepared, "/invocations", lambda r: _mlflow(form, r), _from_mlflow)


def _instances(records: Records) -> dict[str, Records]:
    return {"instances": records}


def _tensor(records: Records) -> dict[str, Any]:
    values = [value for record in records for value in record.values()]
    shape = [len(records), len(NAMES)]
    return {"inputs": [{"name": "rows", "shape": shape, "datatype": "FP64", "data": values}]}


def _from_tensor(body: bytes) -> list[Answer]:
    return by_probability(json.loads(body)["outputs"][0]["data"])


def _mlflow(form: str, records: Records) -> dict[str, Any]:
    values = [list(record.values()) for record in records]
    return {form: {"columns": list(NAMES), "data": values} if form == "dataframe_split" else values}


def _from_mlflow(body: bytes) -> list[Answer]:
    return by_probability(json.loads(body)["predictions"])
