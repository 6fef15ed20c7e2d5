"""Batches in three encodings, by content type: a JSON document, NDJSON (an instance a line) and an Arrow
IPC stream. The same rows, the same refusals and the same answers in each.

A web page of another origin can send none of the three without asking first, for the reason that
``body.check_media`` gives: only texts and forms are free of that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson
from starlette.datastructures import Headers

from serve_app.api.arrow import read_table, write_table
from serve_app.api.body import check_coding, check_media, many, media_of, members, parse, parsed
from serve_app.api.errors import InvalidJson, TooDeep
from serve_app.core.answer_table import answer_table
from serve_app.core.errors import FieldError, InvalidInput, UnsupportedMedia
from serve_app.core.platform import Limits
from serve_app.core.rows import Rows
from serve_app.core.schema import validate
from serve_app.core.tables import rows_from_table
from serve_app.core.use_case import UseCase

Kind = Literal["json", "ndjson", "arrow"]

MEDIA: Mapping[Kind, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "arrow": "application/vnd.apache.arrow.stream",
}


def sent_kind(headers: Headers) -> Kind:
    """Raises UnsupportedMedia for what is none of the three."""
    kind, _ = media_of(headers)
    if kind == MEDIA["arrow"]:
        check_coding(headers)
        return "arrow"
    if kind == MEDIA["ndjson"]:
        check_media(headers, kind)
        return "ndjson"
    try:
        check_media(headers)
    except UnsupportedMedia as refusal:
        raise UnsupportedMedia(
            f"{refusal.detail} (a batch may also be {MEDIA['ndjson']} or {MEDIA['arrow']})"
        ) from None
    return "json"


def wanted_kind(accept: str, own: Kind) -> Kind:
    """What ``Accept`` likes best; ``own``, the kind that was sent, where it likes that as well or none of them."""
    if accept in ("", "*/*"):
        return own
    ranges = _ranges(accept)
    liking = {kind: _liking(ranges, MEDIA[kind]) for kind in (own, *MEDIA)}
    best = max(liking, key=lambda kind: liking[kind])
    return best if liking[best] > 0 else own


def _ranges(accept: str) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for part in accept.lower().split(","):
        media, *parameters = (each.strip() for each in part.split(";"))
        given = [each[2:] for each in parameters if each.startswith("q=")]
        ranges[media] = _quality(given[0]) if given else 1.0
    return ranges


def _quality(given: str) -> float:
    return float(given) if re.fullmatch(r"[01](\.\d{0,3})?", given, re.ASCII) else 0.0


def _liking(ranges: Mapping[str, float], media: str) -> float:
    """By the most exact range that takes it in."""
    return next((ranges[each] for each in (media, "application/*", "*/*") if each in ranges), 0.0)


def read_rows(use_case: UseCase, kind: Kind, raw: bytes, limits: Limits) -> Rows:
    if kind == "arrow":
        return rows_from_table(use_case.fields, read_table(raw, limits))
    if kind == "ndjson":
        return _of_lines(use_case, _lines(raw, limits), limits)
    return parsed(raw, limits.max_depth, lambda body: _batch(use_case, body, limits))


def _batch(use_case: UseCase, body: Any, limits: Limits) -> Rows:
    instances = members(body, ["instances"])["instances"]
    return validate(use_case.fields, many("instances", instances, limits.max_batch))


def _lines(raw: bytes, limits: Limits) -> list[bytes]:
    """One an instance; blank lines are passed over, as the last one is."""
    lines = [line for line in raw.split(b"\n") if line.strip()]
    if not lines:
        raise InvalidJson("the body is empty")
    if len(lines) > limits.max_batch:
        expected = f"1 to {limits.max_batch} instances, one a line"
        raise InvalidInput(f"the body holds {len(lines)}", [FieldError("body", f"holds {len(lines)}", expected)])
    return lines


def _of_lines(use_case: UseCase, lines: Sequence[bytes], limits: Limits) -> Rows:
    """As ``body.parsed``: only where something is refused are the lines looked at one by one."""
    try:
        return validate(use_case.fields, list(map(orjson.loads, lines)))
    except (orjson.JSONDecodeError, InvalidInput):
        for row, line in enumerate(lines):
            _check_line(row, line, limits.max_depth)
        raise


def _check_line(row: int, line: bytes, max_depth: int) -> None:
    try:
        parse(line, max_depth, "line")
    except (InvalidJson, TooDeep) as refusal:
        raise type(refusal)(f"row {row}: {refusal.detail}") from None


def write_answers(use_case: UseCase, kind: Kind, answers: Sequence[dict[str, Any]]) -> bytes:
    if kind == "arrow":
        return write_table(answer_table(use_case, answers))
    if kind == "ndjson":
        return b"".join([orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE) for answer in answers])
    return orjson.dumps({"predictions": answers})
