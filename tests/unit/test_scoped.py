"""The graph as a key sees it: nothing of it says anything of a use case that the key is not good for."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import pytest

from serve_app.api.scoped import WHOLE, Scoped
from serve_app.core.caller import Caller
from serve_app.core.errors import Forbidden
from serve_app.core.ports import Asked, Graph
from serve_app.core.rows import Rows
from tests.fakes.small_graph import SmallGraph

ASKED = Asked("r", "key:tills")
ROWS = Rows({})
CALLS: dict[str, Callable[[Scoped], Any]] = {
    "use_case": lambda graph: graph.use_case("risk"),
    "predict": lambda graph: graph.predict("risk", ROWS, ASKED),
    "explain": lambda graph: graph.explain("risk", ROWS, ASKED),
    "decide": lambda graph: graph.decide("prices", {}),
    "values": lambda graph: graph.values("prices", "card_id"),
    "feedback": lambda graph: graph.feedback("his", "yes", "key:tills", None),
    "prediction": lambda graph: graph.prediction("his"),
    **{name: (lambda graph, name=name: getattr(graph, name)) for name in WHOLE},  # type: ignore[misc]
}
FILTERED = {"use_cases", "models", "parts", "reviews", "replays", "identity"}
"""Told without the others, or asked only once the use case or the prediction was looked at."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def scoped() -> Scoped:
    graph = SmallGraph()
    graph.log["his"] = {"id": "his", "use_case": "risk", "user": "key:tills"}
    return Scoped(graph, Caller("key:tills", "reviewer", use_cases=frozenset({"tickets"})))


def test_every_member_of_the_graph_is_thought_of() -> None:
    members = {name for name in vars(Graph) if not name.startswith("_")}
    assert members == CALLS.keys() | FILTERED


@pytest.mark.anyio
@pytest.mark.parametrize("name", sorted(CALLS))
async def test_what_is_outside_is_refused(scoped: Scoped, name: str) -> None:
    async def ask() -> None:
        came = CALLS[name](scoped)
        if isawaitable(came):
            await came

    with pytest.raises(Forbidden):
        await ask()


@pytest.mark.anyio
async def test_what_is_inside_is_there(scoped: Scoped) -> None:
    assert list(scoped.use_cases()) == ["tickets"] == [each["use_case"] for each in await scoped.models()]
    assert scoped.use_case("tickets").name == "tickets"
