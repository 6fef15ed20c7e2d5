"""The same rows as Understudy takes them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping

import pyarrow as pa

from tests.benchmarks.serving.asking import Answer, Ask
from tests.benchmarks.serving.numbers import NAMES
from tests.benchmarks.serving.peer_asks import batches, encoded, rows
from tests.benchmarks.serving.prepared import BATCH, NUMBERS, TEXT, Prepared

ARROW = "application/vnd.apache.arrow.stream"


def _row(prepared: Prepared) -> Ask:
    return rows(
        prepared, f"/api/v1/predict/{NUMBERS}", lambda records: records[0], lambda body: [_one(json.loads(body))]
    )


def _batch(prepared: Prepared) -> Ask:
    return batches(
        prepared, f"/api/v1/predict/{NUMBERS}/batch", lambda records: {"instances": records},
        lambda body: [_one(each) for each in json.loads(body)["predictions"]],
    )  # fmt: skip


def _arrow(prepared: Prepared) -> Ask:
    starts = range(0, len(prepared.numbers.asked) - BATCH + 1, BATCH)
    parts = [slice(start, start + BATCH) for start in starts]
    bodies = [_stream(prepared, part) for part in parts]
    expected = [prepared.numbers.expected[part] for part in parts]
    return Ask(f"/api/v1/predict/{NUMBERS}/batch", bodies, expected, _from_arrow, ARROW)


def _stream(prepared: Prepared, part: slice) -> bytes:
    table = pa.table({name: prepared.numbers.asked[part, column] for column, name in enumerate(NAMES)})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _text(prepared: Prepared) -> Ask:
    expected = [[answer] for answer in prepared.ticket_answers]
    bodies = [encoded(ticket) for ticket in prepared.tickets]
    return Ask(f"/api/v1/predict/{TEXT}", bodies, expected, lambda body: [_one(json.loads(body))])


def _one(answer: Mapping[str, object]) -> Answer:
    """A degraded answer is none that was asked for."""
    if answer["source"] != "student" or answer["degraded"]:
        raise ValueError(f"answered by {answer['source']}")
    found = answer["prediction"]
    assert isinstance(found, dict)
    return found["label"], found["confidence"]


def _from_arrow(body: bytes) -> list[Answer]:
    table = pa.ipc.open_stream(body).read_all()
    return list(zip(table["label"].to_pylist(), table["confidence"].to_pylist(), strict=True))


ASKS: Mapping[str, Callable[[Prepared], Ask]] = {
    "numbers": _row, "batch-json": _batch, "batch-arrow": _arrow, "texts": _text, "numbers-asking": _row,
}  # fmt: skip
