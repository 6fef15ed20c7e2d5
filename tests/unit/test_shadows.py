"""The challenger beside the champion: a share of the rows, in the background, and never in anybody's way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from serve_app.core.answers import ClassAnswers, StudentAnswers, ValueAnswers
from serve_app.core.errors import Unavailable
from serve_app.core.jobs import Shadow
from serve_app.core.rows import Rows
from serve_app.core.use_case import UseCase
from serve_app.deployments.shadows import AT_ONCE, Shadows
from tests.fakes.local_handle import LocalHandle
from tests.fakes.stub_student import use_case

pytestmark = pytest.mark.anyio

ROWS = Rows({"length": np.arange(200.0)})
IDS = [f"id{number}" for number in range(200)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Cascade:
    """Says "busy" of every row that is longer than 100."""

    def __init__(self) -> None:
        self.asked: list[Rows] = []
        self.answers: StudentAnswers | Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def shadow(self, name: str, rows: Rows) -> StudentAnswers | None:
        self.asked.append(rows)
        await self.may_answer.wait()
        if isinstance(self.answers, Exception):
            raise self.answers
        chance = (rows["length"] > 100).astype(float)
        return ClassAnswers(("calm", "busy"), np.column_stack([1 - chance, chance]), "9")


class Nobody(Cascade):
    async def shadow(self, name: str, rows: Rows) -> StudentAnswers | None:
        return None


class Numbers(Cascade):
    async def shadow(self, name: str, rows: Rows) -> StudentAnswers | None:
        value = rows["length"]
        return ValueAnswers(value, value - 1, value + 1, "9")


class Log:
    def __init__(self) -> None:
        self.kept: list[Shadow] = []

    def add_shadows(self, shadows: Sequence[Shadow]) -> None:
        self.kept += shadows


def case(share: float) -> UseCase:
    return use_case(retraining={"shadow": share})


async def settled(shadows: Shadows) -> None:
    while shadows._tasks:
        await asyncio.gather(*shadows._tasks)


def beside(cascade: Cascade) -> tuple[Shadows, Log]:
    log = Log()
    return Shadows(LocalHandle(cascade), log, Random(7)), log  # type: ignore[arg-type]


async def test_a_share_of_the_rows_is_written_down_each_with_its_own_answer() -> None:
    cascade = Cascade()
    shadows, log = beside(cascade)
    shadows.consider(case(0.3), ROWS, IDS)
    assert cascade.asked == [], "nobody was waited for"
    await settled(shadows)
    assert 40 < len(log.kept) < 80
    assert len(cascade.asked) == 1
    for each in log.kept:
        label = "busy" if int(each.prediction_id[2:]) > 100 else "calm"
        assert (each.use_case, each.model_version) == ("harbour", "9")
        assert each.answer == {"label": label, "confidence": 1.0}


async def test_numbers_come_with_their_interval() -> None:
    shadows, log = beside(Numbers())
    shadows.consider(case(1.0), ROWS, IDS)
    await settled(shadows)
    assert [each.answer for each in log.kept[:2]] == [
        {"value": 0.0, "interval": [-1.0, 1.0]},
        {"value": 1.0, "interval": [0.0, 2.0]},
    ]
    assert [each.prediction_id for each in log.kept] == IDS


@pytest.mark.parametrize("share", [0.0, 1e-12])
async def test_without_a_share_nobody_is_asked(share: float) -> None:
    cascade = Cascade()
    shadows, _ = beside(cascade)
    for _ in range(10):
        shadows.consider(case(share), ROWS, IDS)
    await settled(shadows)
    assert cascade.asked == []


async def test_where_nobody_waits_nothing_is_written_down() -> None:
    shadows, log = beside(Nobody())
    shadows.consider(case(1.0), ROWS, IDS)
    await settled(shadows)
    assert log.kept == []


async def test_what_comes_while_it_is_busy_is_dropped() -> None:
    cascade = Cascade()
    cascade.may_answer.clear()
    shadows, log = beside(cascade)
    for _ in range(10 * AT_ONCE):
        shadows.consider(case(1.0), ROWS, IDS)
        await asyncio.sleep(0)
    assert len(cascade.asked) == AT_ONCE
    cascade.may_answer.set()
    await settled(shadows)
    assert len(log.kept) == AT_ONCE * 200
    shadows.consider(case(1.0), ROWS, IDS)
    await settled(shadows)
    assert len(cascade.asked) == AT_ONCE + 1


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a bug")])
async def test_what_fails_is_told_in_the_log_and_nowhere_else(error: Exception, caplog: Any) -> None:
    cascade = Cascade()
    cascade.answers = error
    shadows, log = beside(cascade)
    shadows.consider(case(1.0), ROWS, IDS)
    await settled(shadows)
    assert log.kept == []
    assert "200 rows were not shadowed" in caplog.text
    cascade.answers = None
    shadows.consider(case(1.0), ROWS, IDS)
    await settled(shadows)
    assert len(log.kept) == 200
