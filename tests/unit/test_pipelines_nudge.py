"""The pipelines from the serving side: nudged without waiting, and not missed when they are away."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest

from serve_app.core.errors import PromotionRefused, Unavailable
from serve_app.deployments import pipelines
from serve_app.deployments.pipelines import Pipelines
from tests.fakes.local_handle import LocalHandle


class Desk:
    def __init__(self, trouble: Exception | None = None, takes_s: float = 0.0) -> None:
        self.trouble, self.takes_s, self.nudged = trouble, takes_s, 0

    async def nudge(self) -> None:
        await asyncio.sleep(self.takes_s)
        self._may_fail()
        self.nudged += 1

    async def best(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        self._may_fail()
        return {"version": "3", "promoted": True, "by": by, "reason": reason}

    def _may_fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble


def nudged(desk: Desk) -> float:
    """Seconds that the nudge itself took."""

    async def course() -> float:
        there = Pipelines(LocalHandle(desk))
        began = time.perf_counter()
        there.nudge()
        took = time.perf_counter() - began
        await asyncio.sleep(desk.takes_s + 0.05)
        return took

    return asyncio.run(course())


def test_nobody_waits_for_a_nudge() -> None:
    desk = Desk(takes_s=0.2)
    assert nudged(desk) < 0.1
    assert desk.nudged == 1


@pytest.mark.parametrize("trouble", [Unavailable("away"), RuntimeError("a bug")])
def test_a_nudge_that_fails_is_logged_and_no_more(trouble: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, pipelines.log.name):
        nudged(Desk(trouble))
    assert "nudged" in caplog.text


def test_where_they_do_not_run_a_nudge_does_nothing_and_nobody_compares() -> None:
    async def course() -> None:
        there = Pipelines()
        there.nudge()
        with pytest.raises(Unavailable, match="do not run"):
            await there.best("risk", "kim", "why")

    asyncio.run(course())


def test_what_they_find_or_refuse_comes_back_as_it_is() -> None:
    found = asyncio.run(Pipelines(LocalHandle(Desk())).best("risk", "kim", "why"))
    assert found == {"version": "3", "promoted": True, "by": "kim", "reason": "why"}
    with pytest.raises(PromotionRefused):
        asyncio.run(Pipelines(LocalHandle(Desk(PromotionRefused("golden rows")))).best("risk", "kim", "why"))
