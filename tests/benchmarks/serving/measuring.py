"""One system, from its start to its end: what one round finds out about it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.serving import cascade, generator
from tests.benchmarks.serving.asking import Ask
from tests.benchmarks.serving.cases import CASCADE, MEMORY, START, Load
from tests.benchmarks.serving.checked import check
from tests.benchmarks.serving.found import NOT_TAKEN, Found
from tests.benchmarks.serving.prepared import Prepared
from tests.benchmarks.serving.systems import DidNotServe, Server, System
from tests.benchmarks.serving.usage import cpu_seconds, memory

WARM_S, REST_S = 2.0, 2.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """``told``: called before each case with what comes next."""

    prepared: Prepared
    loads: Sequence[Load]
    others: set[str]
    seconds: float
    told: Callable[[str], None] = lambda what: None


def cases(system: System, wanted: Wanted) -> int:
    """How many ``measure`` finds."""
    return len(wanted.loads) + len(wanted.others & _others(system))


def measure(system: System, wanted: Wanted, turn: int) -> Iterator[Found]:
    """A server for each of its kinds of apps: that of texts may be another one."""
    for texts in (False, True):
        loads = [each for each in wanted.loads if (each.kind == "texts") == texts]
        if loads or not texts:
            yield from _served(system, "texts" if texts else "numbers", loads, wanted, turn)


def _served(system: System, kind: str, loads: Sequence[Load], wanted: Wanted, turn: int) -> Iterator[Found]:
    others = wanted.others & _others(system) if kind == "numbers" else set()
    if system.ask(kind) is None or not (loads or others):
        yield from (Found(turn, system.name, each.name, failed=NOT_TAKEN) for each in loads)
        return
    wanted.told(f"{system.title}: starting")
    try:
        with tempfile.TemporaryDirectory() as folder, system.serving(kind, Path(folder)) as server:
            yield from _at_rest(system, server, others, turn)
            for each in loads:
                wanted.told(f"{system.title}: {each.title}")
                yield Found(turn, system.name, each.name, *loaded(system, server, each, wanted.seconds, Path(folder)))
            if CASCADE in others:
                wanted.told(f"{system.title}: the student's rows beside a slow LLM")
                figures = cascade.measure(server.url, wanted.prepared, wanted.seconds)
                yield Found(turn, system.name, CASCADE, figures)
    except DidNotServe as error:
        names = [*sorted(others), *(each.name for each in loads)]
        yield from (Found(turn, system.name, name, failed=str(error)) for name in names)
    except Exception as error:  # what it has not got to would cost the others their figures
        yield Found(turn, system.name, kind, failed=f"{type(error).__name__}: {error}")


def _others(system: System) -> set[str]:
    return {START, MEMORY} if system.ask("numbers-asking") is None else {START, MEMORY, CASCADE}


def _at_rest(system: System, server: Server, others: set[str], turn: int) -> Iterator[Found]:
    if START in others:
        yield Found(turn, system.name, START, {"seconds": server.started_s})
    if MEMORY in others:
        time.sleep(REST_S)
        held = memory(server.processes())
        figures = {"pss_mb": held.pss, "rss_mb": held.rss, "processes": float(held.processes)}
        yield Found(turn, system.name, MEMORY, figures)


def loaded(
    system: System, server: Server, load: Load, seconds: float, folder: Path
) -> tuple[dict[str, float], str | None]:
    """The figures of one load, after a look at the answers and a warm-up; or why there are none."""
    ask = system.ask(load.kind)
    if ask is None:
        return {}, NOT_TAKEN
    if wrong := check(server.url, ask, load.connections):
        return {}, NOT_TAKEN if "HTTP 415" in wrong[0] else f"{len(wrong)} wrong answers: {wrong[0]}"
    try:
        generator.load(server.url, ask, load.connections, WARM_S, folder)
        return _timed(server, ask, load, seconds, folder), None
    except ValueError as error:
        return {}, str(error)


def _timed(server: Server, ask: Ask, load: Load, seconds: float, folder: Path) -> dict[str, float]:
    before = cpu_seconds(server.processes())
    found = generator.load(server.url, ask, load.connections, seconds, folder)
    used = cpu_seconds(server.processes()) - before
    rows = max(1, found.requests * ask.rows)
    return {"requests_s": found.rate, "rows_s": found.rate * ask.rows, "p50_ms": found.p50_ms, "p99_ms": found.p99_ms,
            "cpu_s_per_million": used / rows * 1e6, "requests": float(found.requests),
            "failed": float(found.failed)}  # fmt: skip
