"""Requests with bodies that no well-behaved client sends, drawn by hypothesis: some are nearly right, some are noise.

A body is one that the OpenAPI document shows as an example, spoilt in one of many ways; or noise from the start."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
from hypothesis import strategies as st

from serve_app.api.arrow import write_table
from serve_app.api.batch import MEDIA

JSON = "application/json"
MEGABYTES = 10

RAW_VALUES = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e-999", b"9" * 400, b"-" + b"9" * 5000, b"0x1F", b"01",
    b"1.", b"+1", b"18446744073709551616", b"-9223372036854775809", b'"\\ud800"', b'"\\udfff\\ud800"', b'"\\u0000"',
    b'"a\x00b"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\\x41"', b'"unfinished', b"'single'", b"undefined",
    b"True", b"None", b"null", b"[]", b"{}", b'""', b'" "', b'"\xe2\x80\xae\xe2\x81\xa6"', b"true", b"-0", b"-0.0",
    b"[" * 40 + b"]" * 40, b'{"a":' * 40 + b"1" + b"}" * 40, b"[" * 2000 + b"]" * 2000, b"[" * 100_000, b"/* no */ 1",
    b'{"__proto__": {"x": 1}}', b'"' + b"x" * 70_000 + b'"', b"[" + b"0," * 3000 + b"0]", b'"$(id)"', b'"{{7*7}}"',
    b'"\'; DROP TABLE predictions; --"', b'"../../../../etc/passwd"', b'"%s%n%x"', b'"9999-99-99"', b'"0000-00-00"',
)  # fmt: skip
"""What stands where a good value stood, byte by byte: most of it no JSON library would write."""

TYPES = (
    JSON, JSON, JSON, "application/json; charset=utf-16", 'application/json; charset="utf-8"', "application/JSON;;;",
    "application/problem+json", "text/plain", "application/xml", "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded", "application/octet-stream", "", "/", ";", "application/" + "j" * 3000,
    *MEDIA.values(), *MEDIA.values(),
)  # fmt: skip
CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "br": bytes, "zstd": bytes,
    "identity, gzip": gzip.compress, "compress": bytes, "": bytes, "identity": bytes, "chunked": bytes,
}  # fmt: skip


TELLING = re.compile(
    rb"Traceback|File \"/|site-packages|serve_app[./]|pydantic|orjson|\.py\b|/usr/|/home/|/root|0x[0-9a-f]{8}"
)
"""What only a bug would say: of our code, its libraries and this machine."""


def told(answer: bytes, sent: bytes) -> bytes | None:
    """What an answer gives away that nobody had sent."""
    hit = TELLING.search(answer)
    return hit[0] if hit and hit[0] not in sent else None


@dataclass(frozen=True)
class Sent:
    """``template``: the path as the document writes it."""

    method: str
    template: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Target:
    """A route that takes a body, with the example that its description gives."""

    method: str
    template: str
    example: Any

    def sent(self, use_case: str, headers: Mapping[str, str], body: bytes) -> Sent:
        path = self.template.replace("{use_case}", use_case)
        for name in ("prediction_id", "key", "job_id", "id", "version"):
            path = path.replace(f"{{{name}}}", "01JZ8Q4T6V3M5N7P9R1S2T4V6X")
        return Sent(self.method, self.template, path, headers, body)


def targets(document: Mapping[str, Any]) -> list[Target]:
    return list(_targets(document))


def _targets(document: Mapping[str, Any]) -> Iterator[Target]:
    for template, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                yield Target(method, template, operation["requestBody"]["content"][JSON].get("example", {}))


def requests(of: list[Target]) -> st.SearchStrategy[Sent]:
    return st.builds(
        _sent, st.sampled_from(of), st.sampled_from(("risk", "tickets", "prices")), st.sampled_from(TYPES),
        st.one_of(st.just(None), st.just(None), st.sampled_from(sorted(CODINGS))), spoilt(), st.booleans(),
    )  # fmt: skip


def _sent(target: Target, use_case: str, kind: str, coding: str | None, spoil: Any, plain: bool) -> Sent:
    """``plain``: as the JSON it pretends to be, so that what is wrong with the body itself is met."""
    headers = {"content-type": JSON if plain else kind}
    body = spoil(target.example, headers["content-type"])
    if coding is not None and not plain:
        headers["content-encoding"] = coding
        body = CODINGS[coding](body)
    return target.sent(use_case, headers, body)


Spoil = Callable[[Any, str], bytes]


def spoilt() -> st.SearchStrategy[Spoil]:
    at = st.integers(0, 2**16)
    return st.one_of(
        st.builds(_with_raw_value, at, st.sampled_from(RAW_VALUES)),
        st.builds(_with_raw_value, at, st.sampled_from(RAW_VALUES)),
        st.builds(_cut, at),
        st.builds(_flipped, st.lists(st.tuples(at, st.integers(1, 255)), min_size=1, max_size=8)),
        st.builds(_twice, at, st.sampled_from(RAW_VALUES)),
        st.builds(_encoded, st.sampled_from(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp037", "utf-7"])),
        st.builds(_replaced, json_values()),
        st.builds(_framed, st.binary(max_size=300), st.binary(max_size=8)),
        st.builds(_noise, st.binary(max_size=2000)),
    )


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON, surrogates and huge numbers left to RAW_VALUES."""
    leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    )


def written(example: Any, kind: str) -> bytes:
    """``example`` as its content type has it: an Arrow table or lines where it is a batch."""
    rows = example.get("instances") if isinstance(example, dict) else None
    if kind == MEDIA["arrow"]:
        return write_table(pa.Table.from_pylist(rows or [{"on_time_rate": 0.5, "region": "eu"}] * 3))
    if kind == MEDIA["ndjson"]:
        return b"\n".join(map(orjson.dumps, rows or [example] * 3))
    return orjson.dumps(example)


def _with_raw_value(at: int, raw: bytes) -> Spoil:
    """``raw`` in the place of one of the values, or of the whole."""

    def spoil(example: Any, kind: str) -> bytes:
        marks = list(_places(example))
        if not marks or at % 7 == 0:
            return raw
        place = marks[at % len(marks)]
        return written(_put(example, place, "@here@"), kind).replace(b'"@here@"', raw)

    return spoil


def _cut(at: int) -> Spoil:
    return lambda example, kind: (whole := written(example, kind))[: at % max(1, len(whole))]


def _flipped(flips: list[tuple[int, int]]) -> Spoil:
    def spoil(example: Any, kind: str) -> bytes:
        content = bytearray(written(example, kind))
        for at, bits in flips:
            content[at % len(content)] ^= bits
        return bytes(content)

    return spoil


def _twice(at: int, raw: bytes) -> Spoil:
    """A key that stands twice, the second time with ``raw``."""

    def spoil(example: Any, kind: str) -> bytes:
        keys = sorted(example) if isinstance(example, dict) else []
        name = orjson.dumps(keys[at % len(keys)] if keys else "x")
        return written(example, JSON)[:-1] + b"," + name + b":" + raw + b"}"

    return spoil


def _encoded(coding: str) -> Spoil:
    return lambda example, kind: written(example, JSON).decode().encode(coding)


def _replaced(value: Any) -> Spoil:
    def spoil(example: Any, kind: str) -> bytes:
        if isinstance(example, dict) and isinstance(value, dict):
            return orjson.dumps({**example, **value})
        return orjson.dumps(value)

    return spoil


def _framed(noise: bytes, frame: bytes) -> Spoil:
    """A good beginning, then noise: as a stream that somebody else's bytes got into."""
    return lambda example, kind: frame + written(example, kind) + b"\n" + noise


def _noise(noise: bytes) -> Spoil:
    return lambda example, kind: noise


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*at, key)
        yield from _places(inner, (*at, key))


def _put(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    first, *rest = at
    if isinstance(value, dict):
        return {**value, first: _put(value[first], tuple(rest), new)}
    return [_put(each, tuple(rest), new) if place == first else each for place, each in enumerate(value)]


TEN = MEGABYTES * 1024 * 1024
LINES, ARROW = MEDIA["ndjson"], MEDIA["arrow"]
BOMBS: Mapping[str, tuple[str, str | None, Callable[[], bytes]]] = {
    "10 MB": (JSON, None, lambda: b'{"instances": "' + b"x" * TEN + b'"}'),
    "10 MB of brackets": (JSON, None, lambda: b"[" * TEN),
    "10 MB of objects": (JSON, None, lambda: (b'{"a":' * TEN)[:TEN]),
    "10 MB of one number": (JSON, None, lambda: b'{"instances": ' + b"9" * (TEN - 100) + b"}"),
    "10 MB of line ends": (LINES, None, lambda: b"\n" * TEN),
    "10 MB of lines": (LINES, None, lambda: (b"{}\n" * TEN)[:TEN]),
    "10 MB of one line": (LINES, None, lambda: b'{"on_time_rate": "' + b"x" * (TEN - 100)),
    "10 MB as Arrow": (ARROW, None, lambda: b"\xff" * TEN),
    "gzip": (JSON, "gzip", lambda: gzip.compress(b"0" * 5 * TEN)),
    "gzip of lines": (LINES, "gzip", lambda: gzip.compress(b"0" * 5 * TEN)),
    "gzip of Arrow": (ARROW, "gzip", lambda: gzip.compress(b"0" * 5 * TEN)),
    "deflate": (JSON, "deflate", lambda: zlib.compress(b"0" * 5 * TEN)),
    "gzip twice": (JSON, "gzip, gzip", lambda: gzip.compress(gzip.compress(b"0" * 5 * TEN))),
    "Arrow with Zstandard": (ARROW, None, lambda: _compressed_arrow("zstd")),
    "Arrow with LZ4": (ARROW, None, lambda: _compressed_arrow("lz4")),
    "Arrow with 2 billion nulls": (ARROW, None, lambda: _many_nulls()),
}
"""Large bodies, and small ones that would become large: content type, coding, and what makes them."""


def _compressed_arrow(codec: str) -> bytes:
    table, sink = pa.table({"contract_text": ["0" * 1_000_000] * 4}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _many_nulls() -> bytes:
    """A column of nulls costs no byte however long it is."""
    array = pa.Array.from_buffers(pa.null(), 2**31 - 1, [None])
    return write_table(pa.table({"on_time_rate": array}))
