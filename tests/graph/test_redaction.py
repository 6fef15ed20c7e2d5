"""Of people in tickets nothing is left behind the door: not at the LLM, in the store, the registry, a log or a file.

500 seeded tickets go through the whole graph, over every way in; the student was trained on such tickets too. Then
everything that was received, written or logged is searched for what was seeded.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.fit import bundle, fit
from pipelines.labelled import load
from pipelines.outcome import TrainFailure
from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.core.platform import Platform
from serve_app.core.ports import Bundle
from tests.fakes.fake_gemini import FakeGemini
from tests.fakes.local_graph import LocalGraph, local_graph
from tests.fakes.seeded_tickets import Ticket, seeded_tickets
from tests.fakes.small_models import AT, write_use_case

COUNT = 500
MEMOS: dict[str, Any] = {
    "fields": {"memo": {"kind": "text"}, "solving": {"kind": "text", "default": ""}},
    "target": {"kind": "classification", "column": "queue", "classes": ["access", "device", "money"]},
    "teacher": {"providers": [{"kind": "gemini"}]},
    "cache": {"keep_s": 3600},
    "redaction": {},
    "cascade": {"kind": "fixed", "threshold": 0.9999},
    "decision": {"kind": "label"},
    "labelled": {"file": "memos.csv"},
    "narrative": {"prompt": "prompt.md", "template": "{action}"},
    "routes": [{"kind": "predict", "path": "/memos"}, {"kind": "explain", "path": "/memos/explain"}],
}
WAYS_IN = ("predict", "batch", "explain", "route", "route_explain", "v2")


@dataclass
class World:
    """Once everything was asked. ``bodies``: what the LLM was sent; ``answers``: what clients were."""

    tickets: list[Ticket]
    fake: FakeGemini
    state: Path
    learned: Bundle
    answers: list[dict[str, Any]] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)


class Kept(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("redaction")
    configs, state = folder / "configs", folder / "state"
    tickets = seeded_tickets(COUNT, seed=11, announced=1.0)
    where = write_use_case(configs, "memos", MEMOS)
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    lines = [[each.text, "", ("access", "device", "money")[n % 3]] for n, each in enumerate(tickets[:90])]
    pd.DataFrame(lines, columns=["memo", "solving", "queue"]).to_csv(where / "memos.csv", index=False)
    learned = _registered(configs, where, state)
    with FakeGemini() as fake:
        key = {"TEACHER__GEMINI__API_KEY": "not-a-real-key", "TEACHER__GEMINI__BASE_URL": fake.base_url}
        world = World(tickets, fake, state, learned)
        handler = Kept(world.logged)
        logging.getLogger().addHandler(handler)
        try:
            with local_graph(configs, state, key) as graph:
                _ask(world, graph)
                yield world
        finally:
            logging.getLogger().removeHandler(handler)


def _registered(configs: Path, where: Path, state: Path) -> Bundle:
    use_case = load_use_case(configs / "use_cases" / "memos")
    labelled = load(use_case, where, state)
    assert labelled is not None
    fitted = fit(use_case, labelled)
    assert not isinstance(fitted, TrainFailure), fitted.reason
    learned = bundle(use_case, fitted, AT)
    registry = open_registry(Platform(state=str(state)))
    registry.set_alias("memos", "champion", registry.register("memos", learned, {"accuracy": 0.5}, {}).version)
    return learned


def _ask(world: World, graph: LocalGraph) -> None:
    # A third is numbered: once nobody is named in them many tickets are the same, and are asked about once.
    numbered = [f"Ticket {n}.\n{each.text}" if n % 3 == 0 else each.text for n, each in enumerate(world.tickets)]
    instances = [{"memo": memo, "solving": memo if n % 7 == 0 else ""} for n, memo in enumerate(numbered)]
    shares = {way: instances[at * 8 : at * 8 + 8] for at, way in enumerate(WAYS_IN) if way != "batch"}
    shares["batch"] = instances[8 * len(WAYS_IN) :] + instances[8:16] + instances[:8]  # the last eight again
    sent = [("/api/v1/predict/memos", each) for each in shares["predict"]]
    sent += [("/api/v1/explain/memos", each) for each in shares["explain"]]
    sent += [("/memos", each) for each in shares["route"]] + [
        ("/memos/explain", each) for each in shares["route_explain"]
    ]
    for start in range(0, len(shares["batch"]), 100):
        sent.append(("/api/v1/predict/memos/batch", {"instances": shares["batch"][start : start + 100]}))
    tensors = [
        {"name": name, "shape": [8], "datatype": "BYTES", "data": [each[name] for each in shares["v2"]]}
        for name in ("memo", "solving")
    ]
    _send(world, graph, [*sent, ("/v2/models/memos/infer", {"inputs": tensors})])
    ids = [answer["id"] for answer in world.answers[:8]]
    notes = [{"label": "access", "note": ticket.text} for ticket in world.tickets[:8]]
    _send(world, graph, [(f"/api/v1/feedback/{each}", note) for each, note in zip(ids, notes, strict=True)])


def _send(world: World, graph: LocalGraph, sent: list[tuple[str, Any]]) -> None:
    for response in graph.https([("POST", path, {"json": body}) for path, body in sent]):
        _take(world, response)


def _take(world: World, response: Any) -> None:
    assert response.status_code == 200, response.text
    body = response.json()
    world.answers += body.get("predictions", [body])


def seeded(world: World) -> set[str]:
    """Every value, every name, and both parts of each name."""
    values = {value for ticket in world.tickets for value in (*ticket.values, ticket.name, *ticket.name.split())}
    assert len(values) > COUNT
    return values


def found(world: World, text: str) -> list[str]:
    """Values of one word are looked up in the set of words, since there are many of them."""
    words = (
        {word.strip(".-") for word in re.findall(r"[\w.@+-]+", text)}
        | set(re.findall(r"\w+", text))
        | set(re.findall(r"[^\W\d_]+", text))
    )
    return [
        value for value in seeded(world) if value in words or (not re.fullmatch(r"[\w.@+-]+", value) and value in text)
    ]


def test_the_search_finds_what_is_there(world: World) -> None:
    for ticket in world.tickets[:50]:
        assert {ticket.name, *ticket.values} <= set(found(world, json.dumps({"x": ticket.text}, ensure_ascii=False)))


def test_the_llm_never_sees_a_person(world: World) -> None:
    bodies = [json.dumps(call.body, ensure_ascii=False) for call in world.fake.calls]
    assert len(bodies) > COUNT / 4, Counter(str(answer.get("reason")) for answer in world.answers)
    assert any("[NAME]" in body for body in bodies)
    assert found(world, "\n".join(bodies)) == []


def test_nothing_that_is_kept_holds_a_person(world: World) -> None:
    """The event log with its labels, kept answers, reports, the registry's database and its bundles."""
    files = [path for path in world.state.rglob("*") if path.is_file()]
    assert {"events.db", "mlflow.db"} <= {path.name for path in files}
    whole = {path: path.read_bytes().decode("utf-8", "replace") for path in files}
    assert any("[NAME]" in text for path, text in whole.items() if path.name.startswith("events.db"))
    assert {str(path): bad for path, text in whole.items() if (bad := found(world, text))} == {}


def test_what_the_student_learned_holds_nobody(world: World) -> None:
    told = "\n".join(content.decode("utf-8", "replace") for content in world.learned.values())
    assert "name" in told
    lower = {value.lower(): value for value in seeded(world)}
    assert not lower.keys() & set(re.findall(r"[^\W\d_]+", told.lower()))
    assert found(world, told) == []


def test_no_log_line_and_no_answer_names_anybody(world: World) -> None:
    assert found(world, "\n".join(world.logged)) == []
    answers = [answer for answer in world.answers if "input" not in answer]
    assert found(world, json.dumps(answers, ensure_ascii=False)) == []


def test_what_was_asked_twice_came_from_the_cache(world: World) -> None:
    cached = [answer for answer in world.answers if (answer.get("teacher") or {}).get("cached")]
    assert len(cached) > COUNT / 4
    assert all(answer["teacher"]["cost_usd"] == 0 and answer["teacher"]["saved_usd"] > 0 for answer in cached)
    assert len(world.fake.calls) < COUNT
