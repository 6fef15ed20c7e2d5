"""Arrow IPC streams: bytes in, tables out, and back. What comes is trusted in nothing.

A stream is read only when it is plain: buffers that are compressed may grow without bound, and an
extension type may run code of whoever registered it, so both are refused before Arrow sees them. Every
batch is validated in full, indices of dictionaries included, before a cell is looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from serve_app.api.errors import InvalidArrow
from serve_app.core.errors import FieldError, InvalidInput, TooLarge, UnsupportedMedia
from serve_app.core.platform import Limits

MOST_MESSAGES = 256
"""Batches and dictionaries of one stream: each costs, however small it is."""

_EXTENSION = b"ARROW:extension"
_BATCH, _DICTIONARY = 3, 2
"""Of the union ``MessageHeader`` in Arrow's Message.fbs."""


def read_table(raw: bytes, limits: Limits) -> pa.Table:
    """1 to ``max_batch`` rows. Raises InvalidArrow, InvalidInput, TooLarge, UnsupportedMedia."""
    try:
        _check_messages(raw)
        with pa.ipc.open_stream(raw) as stream:
            table = pa.Table.from_batches(list(_batches(stream, limits)), stream.schema)
    except (pa.ArrowException, OSError, ValueError, struct.error) as exc:
        raise InvalidArrow(f"the body is not an Arrow IPC stream: {_first_line(exc)}") from None
    if table.num_rows == 0:
        raise _rows(0, limits)
    return table


def write_table(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _check_messages(raw: bytes) -> None:
    source = pa.BufferReader(raw)
    for number, message in enumerate(pa.ipc.MessageReader.open_stream(source)):
        head = bytes(message.metadata)
        if number == MOST_MESSAGES:
            raise InvalidArrow(f"the stream holds more than {MOST_MESSAGES} messages: send fewer and larger batches")
        if _EXTENSION in head:
            raise UnsupportedMedia("send plain Arrow types, no extension types")
        if is_compressed(head):
            raise UnsupportedMedia("send Arrow buffers without compression")
    if source.tell() != len(raw):
        raise InvalidArrow("something stands behind the end of the stream")


def _batches(stream: pa.RecordBatchStreamReader, limits: Limits) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in stream:
        rows += batch.num_rows
        if rows > limits.max_batch:  # before its cells are looked at: a null costs no byte
            raise _rows(rows, limits)
        batch.validate()
        if sum(map(_viewed, batch.columns)) > limits.max_body_bytes:  # which validating in full goes through
            raise TooLarge(f"the texts may hold {limits.max_body_bytes} bytes")
        batch.validate(full=True)
        yield batch


def _viewed(array: pa.Array) -> int:
    """Bytes of text that views show: they may overlap, so that a small stream shows a lot of it."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary
    if not pa.types.is_string_view(array.type):
        return 0
    lengths = np.frombuffer(array.buffers()[1], dtype=np.uint32)[::4]  # a view is 16 bytes, its length first
    there = array.is_valid().to_numpy(zero_copy_only=False)
    return int(lengths[array.offset : array.offset + len(array)][there].sum(dtype=np.uint64))


def _rows(rows: int, limits: Limits) -> InvalidInput:
    expected = f"1 to {limits.max_batch} rows"
    return InvalidInput(f"the stream holds {rows} rows", [FieldError("body", f"holds {rows}", expected)])


def _first_line(exc: Exception) -> str:
    return next(iter(str(exc).splitlines()), type(exc).__name__)[:200]


def is_compressed(head: bytes) -> bool:
    """Whether a message's flatbuffer (Message.fbs) names a ``BodyCompression``, which pyarrow does not tell."""
    message = _offset(head, 0)
    kind = _field(head, message, 1)
    header = _table(head, message, 2)
    if kind is None or header is None:
        return False
    batch: int | None = header
    if head[kind] == _DICTIONARY:
        batch = _table(head, header, 1)
    elif head[kind] != _BATCH:
        return False
    return batch is not None and _field(head, batch, 3) is not None


def _table(head: bytes, table: int, field: int) -> int | None:
    where = _field(head, table, field)
    return None if where is None else _offset(head, where)


def _field(head: bytes, table: int, field: int) -> int | None:
    """Where a table's field stands, None when it is left out (its default)."""
    vtable = table - struct.unpack_from("<i", head, table)[0]
    slot = 4 + 2 * field
    if slot >= struct.unpack_from("<H", head, vtable)[0]:
        return None
    at = struct.unpack_from("<H", head, vtable + slot)[0]
    return table + at if at else None


def _offset(head: bytes, where: int) -> int:
    return int(where + struct.unpack_from("<I", head, where)[0])
