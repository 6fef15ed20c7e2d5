"""The graph as a key sees it that is kept to some use cases: no other is there for it, wherever it is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve_app.core.caller import Caller
from serve_app.core.errors import Forbidden
from serve_app.core.ports import Answered, Asked, Graph, Part
from serve_app.core.rows import Rows
from serve_app.core.use_case import UseCase

WHOLE = ("jobs", "versions", "ops", "savings", "certificates")
"""Desks that speak of every use case at once: an admin's, and no key is one."""


class Scoped:
    """The port ``Graph``. What is not named here is refused."""

    def __init__(self, graph: Graph, caller: Caller) -> None:
        self._graph, self._caller = graph, caller
        self.reviews, self.replays, self.identity = graph.reviews, graph.replays, graph.identity

    def __getattr__(self, name: str) -> Any:
        if name in WHOLE:
            raise Forbidden("the key is kept to some use cases")
        raise AttributeError(name)

    def use_cases(self) -> Mapping[str, UseCase]:
        return {name: each for name, each in self._graph.use_cases().items() if self._caller.may_use(name)}

    def use_case(self, name: str) -> UseCase:
        self._check(name)
        return self._graph.use_case(name)

    async def predict(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        self._check(use_case)
        return await self._graph.predict(use_case, rows, asked)

    async def explain(self, use_case: str, rows: Rows, asked: Asked) -> Answered:
        self._check(use_case)
        return await self._graph.explain(use_case, rows, asked)

    def decide(self, use_case: str, values: Mapping[str, Any]) -> dict[str, Any]:
        self._check(use_case)
        return self._graph.decide(use_case, values)

    def values(self, use_case: str, field: str) -> list[str]:
        self._check(use_case)
        return self._graph.values(use_case, field)

    async def feedback(self, prediction_id: str, label: str | float, by: str, note: str | None) -> dict[str, Any]:
        await self.prediction(prediction_id)
        return await self._graph.feedback(prediction_id, label, by, note)

    async def prediction(self, prediction_id: str) -> dict[str, Any]:
        logged = await self._graph.prediction(prediction_id)
        self._check(logged["use_case"])
        return logged

    async def models(self) -> list[dict[str, Any]]:
        return [each for each in await self._graph.models() if self._caller.may_use(str(each["use_case"]))]

    async def parts(self) -> list[Part]:
        return await self._graph.parts()

    def _check(self, use_case: str) -> None:
        if not self._caller.may_use(use_case):
            raise Forbidden("the key is not good for this use case")
