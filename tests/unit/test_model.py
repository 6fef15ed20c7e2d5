"""The student's replica: what it serves, and how it follows the registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.students import load_student
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.answers import NoStudent
from serve_app.core.bundle import digest_of
from serve_app.core.platform import Platform
from serve_app.core.platform import Registry as RegistrySettings
from serve_app.core.use_case import UseCase
from serve_app.deployments.model import INLINE_ROWS, LIBRARIES, ModelDesk
from tests.fakes.local_handle import LocalHandle
from tests.fakes.small_models import STUDENT, USE_CASES, knots, lying, trained, write_use_case

pytestmark = pytest.mark.anyio

KNOTS = UseCase.model_validate({"name": "knots", "title": "Knots", "student": STUDENT, **USE_CASES["knots"]})
ROWS = knots(100, seed=9).rows


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@cache
def bundle(seed: int = 1) -> dict[str, bytes]:
    return trained(KNOTS, seed)


class Place:
    """A machine with a disk, and the registry in reach."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.registry = folder, MemoryRegistry()
        self.handle = LocalHandle(self.registry)
        write_use_case(folder, "knots")

    def champion(self, given: dict[str, bytes]) -> str:
        number = self.registry.register("knots", given, {}, {}).version
        self.registry.set_alias("knots", "champion", number)
        return number

    def has_tried(self, *bundles: dict[str, bytes]) -> None:
        """Spares the trial in a child process, which is looked at where it matters."""
        cache = BundleCache(self.folder / "state" / "cache")
        for each in bundles:
            cache.put(each)
            cache.mark_tried(digest_of(each), " ".join(f"{name} {version(name)}" for name in LIBRARIES))

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[ModelDesk]:
        platform = Platform(state=str(self.folder / "state"), registry=RegistrySettings(poll_s=0.02))
        desk = ModelDesk.__new__(ModelDesk)
        await desk.__init__("knots", UseCaseFolder(self.folder / "use_cases"), platform, self.handle)  # type: ignore[misc]
        try:
            yield desk
        finally:
            desk._watch.cancel()
            with suppress(asyncio.CancelledError):
                await desk._watch


@pytest.fixture
def fresh(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def place(fresh: Place) -> Place:
    """Where the good bundles have been tried before."""
    fresh.has_tried(bundle(1), bundle(2))
    return fresh


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0.01)


def told(given: dict[str, bytes]) -> list[list[float]]:
    return load_student(given, "x").answer(ROWS).probabilities.tolist()


async def test_without_a_champion_every_row_is_somebody_elses(place: Place) -> None:
    async with place.replica() as desk:
        assert await desk.answer(ROWS) == NoStudent(100)
        assert await desk.explain(ROWS, 3) is None
        state = desk.state()
        assert (state.state, state.version, state.digest) == ("cold", None, None)


async def test_a_first_champion_is_served_from_the_start(fresh: Place) -> None:
    number = fresh.champion(bundle())
    async with fresh.replica() as desk:
        answers = await desk.answer(ROWS)
        assert answers.probabilities.tolist() == told(bundle())
        assert answers.model_version == number
        state = desk.state().as_dict()
        assert (state["state"], state["version"], state["digest"]) == ("ready", number, digest_of(bundle()))
        assert state["metrics"]["accuracy"] > 0.5
        assert state["trained_at"].startswith("2026-01-02")


@pytest.mark.parametrize("count", [1, INLINE_ROWS, INLINE_ROWS + 1])
async def test_how_many_rows_there_are_changes_no_answer(place: Place, count: int) -> None:
    place.champion(bundle())
    async with place.replica() as desk:
        answers = await desk.answer(ROWS.take(range(count)))
        assert answers.probabilities.tolist() == told(bundle())[:count]
        assert len(await desk.explain(ROWS.take(range(count)), 2)) == count


async def test_a_champion_that_comes_later_ends_the_cold_start(place: Place) -> None:
    async with place.replica() as desk:
        place.champion(bundle())
        await until(lambda: desk.state().state == "ready")
        assert (await desk.answer(ROWS)).probabilities.tolist() == told(bundle())


async def test_a_batch_is_answered_by_one_version_while_champions_change(place: Place) -> None:
    """Every answer, from before, between and after, is wholly of the version that it names."""
    expected = {place.champion(bundle(seed)): told(bundle(seed)) for seed in (2, 1)}
    async with place.replica() as desk, asyncio.timeout(15):
        seen, turn = set(), 0
        while turn < 80 or seen != {"1", "2"}:
            if turn % 20 == 0:
                place.registry.set_alias("knots", "champion", "1" if turn % 40 else "2")
            answers = await desk.answer(ROWS)
            assert answers.probabilities.tolist() == expected[answers.model_version]
            seen.add(answers.model_version)
            turn += 1
            await asyncio.sleep(0.005)


async def test_a_registry_that_goes_away_is_told_and_nothing_else_changes(place: Place) -> None:
    number = place.champion(bundle())
    async with place.replica() as desk:
        place.registry.away = True
        await until(lambda: desk.state().state == "degraded")
        assert "registry_unavailable" in desk.state().detail
        assert f"version {number} serves on" in desk.state().detail
        assert (await desk.answer(ROWS)).model_version == number
        place.registry.away = False
        await until(lambda: desk.state().state == "ready")


async def test_an_alias_that_is_taken_away_takes_no_student_away(place: Place) -> None:
    number = place.champion(bundle())
    async with place.replica() as desk:
        place.registry._aliases.clear()
        asked = len(place.handle.calls)
        await until(lambda: len(place.handle.calls) > asked + 2)
        assert (await desk.answer(ROWS)).model_version == number


async def test_a_refused_bundle_is_fetched_once_and_the_old_one_serves_on(place: Place) -> None:
    good = place.champion(bundle())
    async with place.replica() as desk:
        place.handle.calls.clear()
        place.champion(lying(KNOTS, bundle()))
        await until(lambda: desk.state().state == "degraded")
        asked = len(place.handle.calls)
        await until(lambda: len(place.handle.calls) > asked + 5)
        assert place.handle.calls.count("fetch") == 1
        assert "does not answer as it did" in desk.state().detail
        answers = await desk.answer(ROWS)
        assert answers.model_version == good
        assert answers.probabilities.tolist() == told(bundle())


async def test_a_first_bundle_that_is_refused_leaves_a_cold_start_with_the_reason(place: Place) -> None:
    place.champion(lying(KNOTS, bundle()))
    async with place.replica() as desk:
        assert desk.state().state == "cold"
        assert "bad_bundle" in desk.state().detail
        assert await desk.answer(ROWS) == NoStudent(100)


async def test_a_trial_of_before_spares_no_bundle_the_look_at_its_golden_rows(place: Place) -> None:
    place.has_tried(lying(KNOTS, bundle()))
    place.champion(lying(KNOTS, bundle()))
    async with place.replica() as desk:
        assert "does not answer as it did" in desk.state().detail
        assert await desk.answer(ROWS) == NoStudent(100)


async def test_a_bundle_of_another_schema_is_refused(place: Place) -> None:
    raw = {**USE_CASES["knots"], "fields": {**USE_CASES["knots"]["fields"], "length": {"kind": "numeric"}}}
    other = Place(place.folder / "other")
    other.registry = place.registry
    (other.folder / "use_cases" / "knots").rename(other.folder / "gone")
    write_use_case(other.folder, "knots", raw)
    other.handle = LocalHandle(place.registry)
    other.has_tried(bundle())
    place.champion(bundle())
    async with other.replica() as desk:
        assert desk.state().state == "cold"
        assert "length" in desk.state().detail


async def test_a_restart_without_the_registry_serves_what_was_served_last(place: Place) -> None:
    number = place.champion(bundle())
    async with place.replica():
        pass
    place.registry.away = True
    async with place.replica() as desk:
        answers = await desk.answer(ROWS)
        assert answers.model_version == number
        assert answers.probabilities.tolist() == told(bundle())
        await until(lambda: desk.state().state == "degraded")


async def test_a_restart_on_a_broken_configuration_serves_what_was_served_last(place: Place) -> None:
    number = place.champion(bundle())
    async with place.replica():
        pass
    (place.folder / "use_cases" / "knots" / "use_case.yaml").write_text("name: knots\ntreshold: 1\n")
    async with place.replica() as desk:
        answers = await desk.answer(ROWS)
        assert answers.model_version == number
        assert answers.probabilities.tolist() == told(bundle())


async def test_a_disk_that_lost_its_bytes_costs_a_download(fresh: Place) -> None:
    number = fresh.champion(bundle())
    async with fresh.replica():
        pass
    (kept,) = (fresh.folder / "state" / "cache").glob("*/student.json")
    kept.write_bytes(kept.read_bytes()[:-1])
    fresh.handle.calls.clear()
    async with fresh.replica() as desk:
        assert (await desk.answer(ROWS)).model_version == number
        assert fresh.handle.calls.count("fetch") == 1


async def test_the_same_bundle_registered_again_is_not_loaded_again(place: Place) -> None:
    place.champion(bundle())
    async with place.replica() as desk:
        place.handle.calls.clear()
        place.champion(bundle())
        await until(lambda: len(place.handle.calls) > 5)
        assert "fetch" not in place.handle.calls
        assert desk.state().state == "ready"
