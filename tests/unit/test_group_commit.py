"""Group commit over a log that is slow, or fails, or goes away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from serve_app.adapters.group_commit import GroupCommit
from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.core.errors import StoreUnavailable
from serve_app.core.events import LoggedPrediction


class SlowLog(MemoryEventLog):
    """Counts its commits and holds each until ``gate`` is open. Refuses the ids in ``poison``."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.commits: list[list[str]] = []
        self.poison: dict[str, Exception] = {}
        self.pings = 0

    def append(self, predictions: Sequence[LoggedPrediction]) -> None:
        ids = [prediction.id for prediction in predictions]
        self.commits.append(ids)
        assert self.gate.wait(10)
        for id in ids:
            if id in self.poison:
                raise self.poison[id]
        super().append(predictions)

    def ping(self) -> None:
        self.pings += 1
        super().ping()


def logged(id: str) -> LoggedPrediction:
    return LoggedPrediction(
        id=id, use_case="colours", at=datetime.now(UTC), features={}, student=None, teacher=None, answer={},
        model_version=None, policy_version="p", schema_version="s", propensity=0.0, cost_usd=0.0, latency_ms=0.0,
    )  # fmt: skip


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


async def until(condition: Any) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread
        await asyncio.sleep(0.001)


async def blocked(log: SlowLog, front: GroupCommit, *groups: list[str]) -> list[asyncio.Task[None]]:
    """One commit in flight for the id "first", and these groups gathered behind it."""
    log.gate.clear()
    first = asyncio.create_task(front.append([logged("first")]))
    await until(lambda: log.commits)
    rest = [asyncio.create_task(front.append([logged(id) for id in ids])) for ids in groups]
    await asyncio.sleep(0.01)
    return [first, *rest]


async def outcomes(tasks: list[asyncio.Task[None]]) -> list[object]:
    return list(await asyncio.gather(*tasks, return_exceptions=True))


def test_a_lone_append_is_committed_at_once() -> None:
    async def test() -> None:
        log = SlowLog()
        await GroupCommit(log).append([logged("a"), logged("b")])
        assert log.commits == [["a", "b"]]
        assert log.count("colours") == 2

    run(test())


def test_an_empty_append_commits_nothing() -> None:
    async def test() -> None:
        log = SlowLog()
        await GroupCommit(log).append([])
        assert log.commits == []

    run(test())


def test_whatever_arrives_during_a_commit_shares_the_next() -> None:
    async def test() -> None:
        log = SlowLog()
        tasks = await blocked(log, GroupCommit(log), ["a"], ["b", "c"], ["d"])
        assert not any(task.done() for task in tasks)
        log.gate.set()
        assert await outcomes(tasks) == [None] * 4
        assert log.commits == [["first"], ["a", "b", "c", "d"]]

    run(test())


def test_nobody_returns_before_its_rows_are_there() -> None:
    async def test() -> None:
        log = SlowLog()
        front = GroupCommit(log)

        async def caller(n: int) -> None:
            for k in range(20):
                await front.append([logged(f"{n}-{k}")])
                log.get(f"{n}-{k}")

        await asyncio.gather(*(caller(n) for n in range(16)))
        assert log.count("colours") == 320
        assert len(log.commits) < 320

    run(test())


def test_a_commit_holds_at_most_so_many_rows() -> None:
    async def test() -> None:
        log = SlowLog()
        tasks = await blocked(log, GroupCommit(log, max_rows=3), ["a", "b"], ["c"], ["d"], ["e", "f", "g", "h"], ["i"])
        log.gate.set()
        await outcomes(tasks)
        assert log.commits == [["first"], ["a", "b", "c"], ["d"], ["e", "f", "g", "h"], ["i"]]

    run(test())


@pytest.mark.parametrize("error", [ValueError("a bad row"), StoreUnavailable("the driver choked on it")])
def test_a_bad_group_does_not_fail_its_neighbours(error: Exception) -> None:
    async def test() -> None:
        log = SlowLog()
        log.poison["bad"] = error
        tasks = await blocked(log, GroupCommit(log), ["a"], ["b", "bad"], ["c"])
        log.gate.set()
        assert await outcomes(tasks) == [None, None, error, None]
        assert [row.id for row in log.page("colours")] == ["a", "c", "first"]

    run(test())


def test_a_log_that_is_away_fails_everybody_without_asking_for_each() -> None:
    async def test() -> None:
        log = SlowLog()
        tasks = await blocked(log, GroupCommit(log), *([str(n)] for n in range(50)))
        log.away = True
        log.gate.set()
        assert all(isinstance(outcome, StoreUnavailable) for outcome in await outcomes(tasks))
        assert len(log.commits) == 2
        assert log.pings == 1

    run(test())


def test_a_log_that_goes_away_halfway_through_a_retry_fails_the_rest_at_once() -> None:
    class GoesAway(SlowLog):
        def append(self, predictions: Sequence[LoggedPrediction]) -> None:
            self.away = len(self.commits) == 3
            super().append(predictions)

    async def test() -> None:
        log = GoesAway()
        log.poison["bad"] = ValueError("a bad row")
        tasks = await blocked(log, GroupCommit(log), ["a"], ["b"], ["c"], ["bad"])
        log.gate.set()
        settled = await outcomes(tasks)
        assert settled[:2] == [None, None]
        assert all(isinstance(outcome, StoreUnavailable) for outcome in settled[2:])
        assert [ids for ids in log.commits if len(ids) == 1] == [["first"], ["a"], ["b"]]

    run(test())


def test_it_works_again_after_a_failure() -> None:
    async def test() -> None:
        log = SlowLog()
        front = GroupCommit(log)
        log.away = True
        with pytest.raises(StoreUnavailable):
            await front.append([logged("a")])
        log.away = False
        await front.append([logged("b")])
        assert [row.id for row in log.page("colours")] == ["b"]

    run(test())


def test_a_cancelled_caller_harms_nobody() -> None:
    async def test() -> None:
        log = SlowLog()
        tasks = await blocked(log, GroupCommit(log), ["a"], ["b"], ["c"])
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.sleep(0.01)
        assert tasks[0].cancelled()
        assert tasks[2].cancelled()
        log.gate.set()
        await asyncio.gather(tasks[1], tasks[3])
        assert [row.id for row in log.page("colours")] == ["a", "b", "c", "first"]

    run(test())


def test_closing_writes_what_is_waiting_and_takes_no_more() -> None:
    async def test() -> None:
        log = SlowLog()
        front = GroupCommit(log)
        tasks = await blocked(log, front, ["a"], ["b"])
        closing = asyncio.create_task(front.close())
        await asyncio.sleep(0.01)
        with pytest.raises(StoreUnavailable, match="closed"):
            await front.append([logged("late")])
        assert not closing.done()
        log.gate.set()
        await closing
        assert log.count("colours") == 3
        assert await outcomes(tasks) == [None] * 3
        await front.close()

    run(test())


def test_the_event_loop_is_free_during_a_commit() -> None:
    async def test() -> None:
        log = SlowLog()
        tasks = await blocked(log, GroupCommit(log))
        started = time.perf_counter()
        await asyncio.sleep(0.01)
        assert time.perf_counter() - started < 1
        log.gate.set()
        await outcomes(tasks)

    run(test())
