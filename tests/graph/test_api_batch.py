"""A batch as JSON, NDJSON and Arrow: the same answers in each, the same refusals, and nothing that a bad
stream can do."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serve_app.api.app import create_app
from serve_app.api.arrow import MOST_MESSAGES
from serve_app.api.batch import MEDIA, wanted_kind
from serve_app.core.platform import Limits
from tests.fakes.small_graph import SmallGraph

MEGABYTE = 1024 * 1024
INSTANCES: dict[str, list[dict[str, Any]]] = {
    "tickets": [{"tech_raw_text": "x" * length, "ticket": None if length % 2 else f"T{length}"} for length in range(9)],
    "prices": [{"card_id": "pikachu_25", "date": f"2025-12-{day:02}"} for day in (1, 2, 3)],
    "risk": [
        {"on_time_rate": 0.4, "orders": 3, "region": "us", "since": "2020-05-01", "contract_text": "penalty"},
        {"on_time_rate": 1, "orders": None, "region": None, "since": None, "contract_text": None},
        {"on_time_rate": 0.1 + 0.2, "orders": 0, "region": "asia", "since": None, "contract_text": "é\n\"'"},
    ],
}


@pytest.fixture
def graph() -> SmallGraph:
    return SmallGraph()


@pytest.fixture
def client(graph: SmallGraph) -> TestClient:
    return TestClient(create_app(graph, Limits(max_batch=100), "0.1.0"))


def stream(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as out:
        out.write_table(table)
    return sink.getvalue()


def sent(kind: str, instances: Sequence[Any]) -> bytes:
    if kind == "arrow":
        return stream(pa.table({name: [one.get(name) for one in instances] for name in instances[0]}))
    if kind == "ndjson":
        return b"\n".join(map(orjson.dumps, instances))
    return orjson.dumps({"instances": instances})


def post(client: TestClient, use_case: str, kind: str, body: bytes, **headers: str) -> Any:
    path = f"/api/v1/predict/{use_case}/batch"
    return client.post(path, content=body, headers={"content-type": MEDIA[kind], **headers})  # type: ignore[index]


def flat(answer: Any) -> dict[str, Any]:
    """The parts of an answer that every table has a column for."""
    own = ("use_case", "source", "audited", "model_version", "policy_version", "degraded", "reason")
    predicted = {name: value for name, value in answer["prediction"].items() if name != "interval"}
    return {**{name: answer[name] for name in own}, **predicted, "action": answer["decision"]["action"]}


@pytest.mark.parametrize("use_case", INSTANCES)
@pytest.mark.parametrize("cold", [False, True])
def test_the_answers_are_the_same_in_every_encoding(
    client: TestClient, graph: SmallGraph, use_case: str, cold: bool
) -> None:
    graph.cold = {use_case} if cold else set()
    told = {kind: post(client, use_case, kind, sent(kind, INSTANCES[use_case])) for kind in MEDIA}
    assert {kind: answer.headers["content-type"] for kind, answer in told.items()} == dict(MEDIA)
    plain = told["json"].json()["predictions"]
    lines = [orjson.loads(line) for line in told["ndjson"].content.split(b"\n")[:-1]]
    rows = pa.ipc.open_stream(told["arrow"].content).read_all().to_pylist()
    assert [{**each, "id": None} for each in lines] == [{**each, "id": None} for each in plain]
    for row, answer in zip(rows, plain, strict=True):
        assert row.items() >= flat(answer).items()
    assert {each["id"] for each in [*plain, *lines, *rows]} == graph.log.keys()


def test_a_table_of_answers_names_its_columns(client: TestClient) -> None:
    answers = pa.ipc.open_stream(post(client, "prices", "arrow", sent("arrow", INSTANCES["prices"])).content).read_all()
    assert answers.schema.names == [
        "id", "use_case", "value", "interval_low", "interval_high", "source", "action", "deviation_pct", "market",
        "student_value", "teacher_value", "teacher_model", "teacher_cost_usd",
        "certificate_state", "certificate_threshold", "audited", "model_version", "policy_version",
        "degraded", "reason",
    ]  # fmt: skip
    assert answers.to_pylist()[0]["market"] == 12.5


@pytest.mark.parametrize("own", MEDIA)
@pytest.mark.parametrize("other", MEDIA)
def test_accept_chooses_the_answers_encoding(client: TestClient, own: str, other: str) -> None:
    answer = post(client, "tickets", own, sent(own, INSTANCES["tickets"]), accept=MEDIA[other])  # type: ignore[index]
    assert answer.headers["content-type"] == MEDIA[other]  # type: ignore[index]


ACCEPTED = [
    ("", "arrow", "arrow"),
    ("*/*", "ndjson", "ndjson"),
    ("application/*", "ndjson", "ndjson"),
    ("text/html", "arrow", "arrow"),
    ("text/html, application/json;q=0.1", "arrow", "json"),
    ("application/json;q=0.5, application/x-ndjson;q=0.6", "json", "ndjson"),
    ("application/json;q=0.5, */*;q=0.4", "arrow", "json"),
    ("application/json, application/x-ndjson", "ndjson", "ndjson"),
    ("APPLICATION/JSON ; Q=1", "arrow", "json"),
    ("application/json;q=0, */*", "json", "ndjson"),
    ("application/json;q=wide, application/x-ndjson;q=0.1", "arrow", "ndjson"),
    (", ;;,q=1", "json", "json"),
]


@pytest.mark.parametrize(("accept", "own", "chosen"), ACCEPTED)
def test_what_accept_likes_best(accept: str, own: Any, chosen: str) -> None:
    assert wanted_kind(accept, own) == chosen


@pytest.mark.parametrize("kind", MEDIA)
def test_misfits_name_their_rows_in_every_encoding(client: TestClient, graph: SmallGraph, kind: str) -> None:
    instances = [{"on_time_rate": 0.5, "region": "eu"}, {"on_time_rate": 1.5, "region": "mars"}]
    answer = post(client, "risk", kind, sent(kind, instances))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [
        {"field": "on_time_rate", "problem": "1.5", "expected": "at most 1", "row": 1},
        {"field": "region", "problem": '"mars"', "expected": "one of: eu, us, asia", "row": 1},
    ]
    assert not graph.log


def messages(count: int) -> bytes:
    sink, batch = io.BytesIO(), pa.record_batch({"on_time_rate": [0.5]})
    with pa.ipc.new_stream(sink, batch.schema) as out:
        for _ in range(count - 1):  # the schema is one as well
            out.write_batch(batch)
    return sink.getvalue()


def text(data: bytes) -> pa.Array:
    return pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, len(data)], np.int32)), pa.py_buffer(data)]
    )


def overlapping() -> pa.Array:
    """A hundred views of one long text: 9 MB that show 900 MB."""
    data = pa.array(["x" * 9 * MEGABYTE], pa.string_view()).buffers()
    return pa.Array.from_buffers(pa.string_view(), 100, [None, pa.py_buffer(data[1].to_pybytes()[:16] * 100), data[2]])


def coded(index: int, values: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([index], pa.int8()), values, safe=False)


GOOD = stream(pa.table({"on_time_rate": [0.5]}))
BAD_ARROW: list[tuple[str, Any, int, str]] = [
    ("nothing", b"", 400, "invalid_arrow"),
    ("JSON", b'{"instances": []}', 400, "invalid_arrow"),
    ("cut short", GOOD[:-40], 400, "invalid_arrow"),
    ("two streams", GOOD * 2, 400, "invalid_arrow"),
    ("a file, not a stream", b"ARROW1\0\0" + GOOD, 400, "invalid_arrow"),
    ("too many messages", messages(MOST_MESSAGES + 1), 400, "invalid_arrow"),
    ("an index beyond its dictionary", pa.table({"contract_text": coded(5, pa.array(["x"]))}), 400, "invalid_arrow"),
    ("not UTF-8", pa.table({"contract_text": text(b"\xff\xfe")}), 400, "invalid_arrow"),
    ("half a surrogate pair", pa.table({"contract_text": text(b"\xed\xa0\x80")}), 400, "invalid_arrow"),
    ("not UTF-8, in a dictionary", pa.table({"contract_text": coded(0, text(b"\xff"))}), 400, "invalid_arrow"),
    ("compressed", stream(pa.table({"on_time_rate": [0.5]}), compression="zstd"), 415, "unsupported_media"),
    ("an extension type", pa.table({"contract_text": pa.array(["{}"], pa.json_())}), 415, "unsupported_media"),
    ("no rows", pa.table({"on_time_rate": np.zeros(0)}), 422, "invalid_input"),
    ("too many rows", pa.table({"on_time_rate": np.zeros(101)}), 422, "invalid_input"),
    ("two thousand million nulls", pa.table({"since": pa.nulls(2**31 - 2)}), 422, "invalid_input"),
    ("nested", pa.table({"on_time_rate": [[0.5]]}), 422, "invalid_input"),
    ("an unknown column", pa.table({"on_time_rate": [0.5], "regoin": ["eu"]}), 422, "invalid_input"),
    ("NUL", pa.table({"on_time_rate": [0.5], "contract_text": ["a\0b"]}), 422, "invalid_input"),
    ("texts that overlap", lambda: pa.table({"contract_text": overlapping()}), 413, "too_large"),
    ("overlapping, in a dictionary", lambda: pa.table({"contract_text": coded(0, overlapping())}), 413, "too_large"),
    ("too many bytes", b"x" * 11 * MEGABYTE, 413, "too_large"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code"), [case[1:] for case in BAD_ARROW], ids=[c[0] for c in BAD_ARROW])
def test_a_bad_stream_is_refused(client: TestClient, graph: SmallGraph, body: Any, status: int, code: str) -> None:
    made = body() if callable(body) else body
    answer = post(client, "risk", "arrow", stream(made) if isinstance(made, pa.Table) else made)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.content) < 20_000
    assert not graph.log


WHOLE = stream(
    pa.table(
        {
            "on_time_rate": pa.array([0.5, 1.0]),
            "region": pa.array(["eu", None]).dictionary_encode(),
            "since": pa.array([1, None], pa.int32()).cast(pa.date32()),
            "contract_text": pa.array(["x" * 20, "y"], pa.string_view()),
        }
    )
)


SHARED = TestClient(create_app(SmallGraph(), Limits(max_batch=100), "0.1.0"), raise_server_exceptions=False)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_stream_with_any_bytes_changed_is_answered_or_refused(changes: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(WHOLE)
    for at, put in changes:
        damaged[at : at + len(put)] = put
    assert post(SHARED, "risk", "arrow", bytes(damaged)).status_code in (200, 400, 413, 415, 422)


BAD_LINES: list[tuple[str, bytes, int, str, str]] = [
    ("nothing", b"", 400, "invalid_json", "the body is empty"),
    ("blank lines", b"\n\r\n \n", 400, "invalid_json", "the body is empty"),
    ("no JSON", b'{"on_time_rate": 0.5}\n{"on_time_rate": 0.', 400, "invalid_json", "row 1: the line is not JSON"),
    ("two on a line", b'{"on_time_rate": 0.5}{"since": null}', 400, "invalid_json", "row 0: the line is not JSON"),
    ("one on two lines", b'{"on_time_rate":\n0.5}', 400, "invalid_json", "row 0: the line is not JSON"),
    ("commas", b'{"on_time_rate": 0.5},\n{"on_time_rate": 0.5}', 400, "invalid_json", "row 0: the line is not JSON"),
    ("33 deep", b'{"on_time_rate": 0.5}\n' + b"[" * 33 + b"]" * 33, 400, "too_deep", "row 1: a line may nest"),
    ("an array", b'[{"on_time_rate": 0.5}]', 422, "invalid_input", "1 value does not fit"),
    ("101 lines", b'{"on_time_rate": 0.5}\n' * 101, 422, "invalid_input", "the body holds 101"),
    ("nothing but lines", b"\n" * 11 * MEGABYTE, 413, "too_large", "a body may hold"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "code", "detail"), [case[1:] for case in BAD_LINES], ids=[case[0] for case in BAD_LINES]
)
def test_bad_lines_are_refused(
    client: TestClient, graph: SmallGraph, body: bytes, status: int, code: str, detail: str
) -> None:
    answer = post(client, "risk", "ndjson", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert detail in answer.json()["detail"]
    assert not graph.log


def test_blank_lines_and_carriage_returns_are_passed_over(client: TestClient) -> None:
    answer = post(client, "risk", "ndjson", b'{"on_time_rate": 0.5}\r\n\r\n \n{"on_time_rate": 0.6}\r\n')
    assert len(answer.content.splitlines()) == 2


@pytest.mark.parametrize("path", ["/api/v1/predict/risk", "/api/v1/predict/batch", "/api/v1/explain/risk", "/predict"])
@pytest.mark.parametrize("kind", ["ndjson", "arrow"])
def test_only_a_batch_comes_in_other_encodings(client: TestClient, path: str, kind: str) -> None:
    answer = client.post(path, content=GOOD, headers={"content-type": MEDIA[kind]})  # type: ignore[index]
    assert answer.status_code == 415


def test_what_a_foreign_page_may_send_unasked_is_no_batch(client: TestClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = client.post("/api/v1/predict/risk/batch", content=GOOD, headers={"content-type": kind})
        assert answer.status_code == 415
        assert MEDIA["arrow"] in answer.json()["detail"]


def test_the_limit_of_a_body_holds_for_every_encoding(graph: SmallGraph) -> None:
    client = TestClient(create_app(graph, Limits(max_body_bytes=100), "0.1.0"))
    for kind in MEDIA:
        assert post(client, "risk", kind, b" " * 101).status_code == 413
        assert post(client, "risk", kind, b"x", **{"content-encoding": "gzip"}).status_code == 415
