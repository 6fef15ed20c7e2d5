"""The student's replica: what it serves, and how it follows the registry."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from serve_app.adapters.bundle_cache import BundleCache
from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.students import libraries, load_student
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.answers import NoStudent
from serve_app.core.bundle import digest_of
from serve_app.core.platform import Platform
from serve_app.core.platform import Registry as RegistrySettings
from serve_app.core.swap import Readiness
from serve_app.core.use_case import UseCase
from serve_app.deployments import model
from serve_app.deployments.model import INLINE_ROWS, ModelDesk
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


class Noticed(MemoryRegistry):
    """As the registry's deployment: it hears of what was refused."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, str, str, str]] = []

    def refused(self, use_case: str, version: str, digest: str, reason: str) -> None:
        self.heard.append((use_case, version, digest, reason))


class Place:
    """A machine with a disk, and the registry in reach."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.registry = folder, Noticed()
        self.handle, self.poll_s = LocalHandle(self.registry), 0.02
        write_use_case(folder, "knots")

    def shadow(self, share: float) -> None:
        file = self.folder / "use_cases" / "knots" / "use_case.yaml"
        file.write_text(file.read_text() + f"retraining: {{shadow: {share}}}\n")

    def champion(self, given: dict[str, bytes]) -> str:
        number = self.registry.register("knots", given, {}, {}).version
        self.registry.set_alias("knots", "champion", number)
        return number

    def has_tried(self, *bundles: dict[str, bytes]) -> None:
        """Spares the trial in a child process, which is looked at where it matters."""
        cache = BundleCache(self.folder / "state" / "cache")
        for each in bundles:
            cache.put(each)
            cache.mark_tried(digest_of(each), " ".join(f"{name} {version(name)}" for name in libraries(each)))

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[ModelDesk]:
        platform = Platform(state=str(self.folder / "state"), registry=RegistrySettings(poll_s=self.poll_s))
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
        assert await desk.explain(ROWS, 3) == (NoStudent(100), None)
        state = desk.state()
        assert (state.state, state.version, state.digest, state.predictor) == ("cold", None, None, None)


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
        assert state["predictor"] == "lightgbm"


@pytest.mark.parametrize("count", [1, INLINE_ROWS, INLINE_ROWS + 1])
async def test_how_many_rows_there_are_changes_no_answer(place: Place, count: int) -> None:
    place.champion(bundle())
    async with place.replica() as desk:
        answers = await desk.answer(ROWS.take(range(count)))
        assert answers.probabilities.tolist() == told(bundle())[:count]
        again, explained = await desk.explain(ROWS.take(range(count)), 2)
        assert again.probabilities.tolist() == told(bundle())[:count]
        assert len(explained) == count


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


async def test_what_is_explained_is_what_was_answered_while_champions_change(place: Place) -> None:
    """A swap between the two would have one version explain what another said."""
    old, rows = place.champion(bundle(1)), ROWS.take([0])
    place.poll_s = 3600.0
    async with place.replica() as desk:
        new = wanted(place, bundle(2))
        await desk.prepare(*new)
        serving, loop = desk._held.serving, asyncio.get_running_loop()

        class SwapsInBetween:
            manifest = serving.manifest

            def answer(self, given: Any) -> Any:
                answers = serving.answer(given)
                asyncio.run_coroutine_threadsafe(desk.commit(*new), loop).result(10)
                return answers

            def explain(self, given: Any, top: int) -> Any:
                return serving.explain(given, top)

        desk._held.serving = SwapsInBetween()
        answers, (explanation,) = await desk.explain(rows, 2)
        assert (answers.model_version, explanation.model_version) == (old, old)
        assert (await desk.answer(rows)).model_version == new[0]


async def test_students_of_before_are_not_kept_in_memory(place: Place) -> None:
    place.champion(bundle(1))
    place.poll_s = 3600.0
    async with place.replica() as desk:
        new, newest = wanted(place, bundle(2)), wanted(place, bundle(1))
        await desk.prepare(*new)
        await desk.commit(*new)
        gone = weakref.ref(desk._held.serving.student)
        await desk.prepare(*newest)
        await desk.commit(*newest)
        gc.collect()
        assert gone() is None


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


async def test_the_same_bundle_registered_again_takes_its_new_name_and_is_not_loaded_again(place: Place) -> None:
    place.champion(bundle())
    async with place.replica() as desk:
        student = desk._held.serving.student
        place.handle.calls.clear()
        again = place.champion(bundle())
        await until(lambda: desk.state().version == again)
        assert "fetch" not in place.handle.calls
        assert desk._held.serving.student is student
        assert desk.state().state == "ready"
        assert (await desk.answer(ROWS)).model_version == again
        assert {each.model_version for each in (await desk.explain(ROWS.take([0, 1]), 2))[1]} == {again}
        await until(lambda: BundleCache(place.folder / "state" / "cache").last("knots").version == again)


def wanted(place: Place, given: dict[str, bytes]) -> tuple[str, str]:
    """Version and digest of a bundle that is registered and nothing more."""
    version = place.registry.register("knots", given, {}, {})
    return version.version, version.digest


async def test_prepared_is_not_served_and_committed_is(place: Place) -> None:
    old = place.champion(bundle(1))
    async with place.replica() as desk:
        new = wanted(place, bundle(2))
        told_ = await desk.prepare(*new)
        assert told_ == Readiness(told_.replica, True, None, None, told_.seconds)
        assert told_.seconds > 0
        assert (await desk.answer(ROWS)).model_version == old
        place.handle.calls.clear()
        place.registry.away = True
        assert (await desk.commit(*new)).ready, "nothing is asked of anybody any more"
        answers = await desk.answer(ROWS)
        assert (answers.model_version, answers.probabilities.tolist()) == (new[0], told(bundle(2)))
        assert "fetch" not in place.handle.calls
        assert (desk.state().version, desk.state().digest) == new


async def test_what_cannot_be_prepared_is_told_and_changes_nothing(place: Place) -> None:
    old = place.champion(bundle(1))
    async with place.replica() as desk:
        told_ = await desk.prepare(*wanted(place, lying(KNOTS, bundle())))
        assert (told_.ready, told_.code) == (False, "bad_bundle")
        assert "does not answer as it did" in told_.reason
        assert desk.state().state == "ready"
        told_ = await desk.prepare("99", "sha256:" + 64 * "0")
        assert (told_.ready, told_.code) == (False, "not_found")
        assert (await desk.answer(ROWS)).model_version == old
        assert desk._held.prepared is None


async def test_a_commit_of_what_was_not_prepared_looks_at_the_alias(place: Place) -> None:
    place.champion(bundle(1))
    place.poll_s = 3600.0
    async with place.replica() as desk:
        number = place.champion(bundle(2))
        told_ = await desk.commit(number, digest_of(bundle(2)))
        assert (told_.ready, told_.code) == (False, "registry_unavailable")
        await until(lambda: desk.state().version == number)


async def test_what_was_abandoned_is_not_committed(place: Place) -> None:
    old = place.champion(bundle(1))
    async with place.replica() as desk:
        new = wanted(place, bundle(2))
        await desk.prepare(*new)
        await desk.abandon()
        assert not (await desk.commit(*new)).ready
        assert (await desk.answer(ROWS)).model_version == old


async def test_one_version_is_kept_prepared_and_not_for_ever(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.champion(bundle(1))
    monkeypatch.setattr(model, "PREPARED_S", 0.05)
    async with place.replica() as desk:
        first, second = wanted(place, bundle(2)), wanted(place, bundle(2))
        await desk.prepare(*first)
        await desk.prepare(*second)
        assert desk._held.prepared.is_of(*second)
        await until(lambda: desk._held.prepared is None)
        assert not (await desk.commit(*second)).ready


async def test_an_answer_of_the_registry_that_is_older_than_the_commit_undoes_nothing(place: Place) -> None:
    """The watch asked for the champion before the alias moved, and heard after the commit."""
    place.champion(bundle(1))
    async with place.replica() as desk:
        new = wanted(place, bundle(2))
        await desk.prepare(*new)
        asked, go_on = asyncio.Event(), asyncio.Event()
        before = place.registry.aliased("knots", "champion")

        async def slow(use_case: str, alias: str) -> Any:
            asked.set()
            await go_on.wait()
            return before

        place.registry.aliased = slow
        await asked.wait()
        del place.registry.aliased
        await desk.commit(*new)
        place.registry.set_alias("knots", "champion", new[0])
        flips = desk._held.flips
        go_on.set()
        asked_of = len(place.handle.calls)
        await until(lambda: len(place.handle.calls) > asked_of + 3)
        assert desk._held.flips == flips
        assert desk.state().version == new[0]


async def test_a_new_replica_starts_on_the_champion_not_on_what_was_served_here_last(place: Place) -> None:
    place.champion(bundle(1))
    async with place.replica():
        pass
    number = place.champion(bundle(2))
    async with place.replica() as desk:
        assert (await desk.answer(ROWS)).model_version == number


async def test_a_reload_looks_now_and_tells_how_it_went(place: Place) -> None:
    old = place.champion(bundle(1))
    place.poll_s = 3600.0
    async with place.replica() as desk:
        number = place.champion(bundle(2))
        assert (await desk.reload()).ready
        assert desk.state().version == number
        place.champion(lying(KNOTS, bundle()))
        for _ in range(2):  # also what was refused a moment ago
            told_ = await desk.reload()
            assert (told_.ready, told_.code) == (False, "bad_bundle")
        place.registry.away = True
        assert (await desk.reload()).code == "registry_unavailable"
        assert (await desk.answer(ROWS)).model_version == number
        place.registry.away = False
        place.registry.set_alias("knots", "champion", old)
        assert (await desk.reload()).ready
        assert desk.state().state == "ready"


async def test_the_registry_hears_of_a_champion_that_is_refused(place: Place) -> None:
    place.champion(bundle(1))
    async with place.replica():
        bad = lying(KNOTS, bundle())
        number = place.champion(bad)
        await until(lambda: place.registry.heard)
        ((use_case, version_, digest, reason),) = place.registry.heard
        assert (use_case, version_, digest) == ("knots", number, digest_of(bad))
        assert "does not answer as it did" in reason


async def test_a_challenger_shadows_only_where_it_is_asked_to(place: Place) -> None:
    old = place.champion(bundle(1))
    new = wanted(place, bundle(2))
    place.registry.set_alias("knots", "challenger", new[0])
    async with place.replica() as desk:
        assert await desk.shadow(ROWS) is None
    place.shadow(0.5)
    async with place.replica() as desk:
        await until(lambda: desk._held.challenger)
        answers = await desk.shadow(ROWS)
        assert (answers.model_version, answers.probabilities.tolist()) == (new[0], told(bundle(2)))
        assert (await desk.answer(ROWS)).model_version == old
        place.handle.calls.clear()
        assert (await desk.prepare(*new)).ready
        assert "fetch" not in place.handle.calls, "the shadow is loaded already"
        await desk.commit(*new)
        place.registry.set_alias("knots", "champion", new[0])
        await until(lambda: desk._held.challenger is None)


async def test_a_challenger_that_is_bad_degrades_nothing(place: Place) -> None:
    place.champion(bundle(1))
    place.shadow(0.5)
    place.registry.set_alias("knots", "challenger", wanted(place, lying(KNOTS, bundle()))[0])
    async with place.replica() as desk:
        await until(lambda: place.registry.heard)
        assert await desk.shadow(ROWS) is None
        assert desk.state().state == "ready"
