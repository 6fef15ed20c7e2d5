"""A swap over several replicas: all of them or none, whatever one of them does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ray.exceptions import RayActorError
from ray.serve._private.common import DeploymentID
from ray.serve.exceptions import DeploymentUnavailableError

from serve_app.adapters.memory_registry import MemoryRegistry
from serve_app.adapters.registries import move_champion
from serve_app.core.errors import PromotionRefused, RegistryUnavailable
from serve_app.core.swap import Readiness, longest, moves, refusal
from serve_app.deployments import swap as two_steps
from serve_app.deployments.swap import Fused, running, swap
from tests.fakes.local_handle import LocalHandle
from tests.fakes.stub_student import bundle

READY, BAD = Readiness("1", True, seconds=1.5), Readiness("2", False, "bad_bundle", "it lies", 0.5)
DIED = RayActorError()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Everybody:
    """A handle over replicas that say what they are told to; ``asked``: what they were asked, in order."""

    def __init__(self, prepare: Sequence[Any], commit: Sequence[Any] = (READY,), takes_s: float = 0.0) -> None:
        self._said = {"prepare": prepare, "commit": commit, "abandon": [READY]}
        self._takes_s, self.asked = takes_s, []

    def broadcast(self, method: str, *args: Any) -> Everybody:
        self.asked.append(method)
        self._came = self._said[method]
        return self

    async def results_async(self, *, timeout_s: float, return_exceptions: bool) -> list[Any]:
        if self._takes_s > timeout_s:
            raise TimeoutError
        if isinstance(self._came, Exception):
            raise self._came
        return list(self._came)


async def swapped(replicas: Everybody, move: Exception | None = None) -> list[str]:
    async def alias() -> None:
        replicas.asked.append("alias")
        if move is not None:
            raise move

    await swap(replicas, "7", "sha256:7", alias)
    return replicas.asked


@pytest.mark.anyio
async def test_all_prepare_then_the_alias_moves_then_all_commit() -> None:
    assert await swapped(Everybody([READY, READY])) == ["prepare", "alias", "commit"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([READY, BAD], "1 of 2 replicas cannot serve version 7: bad_bundle: it lies"),
        ([BAD, BAD], "2 of 2 replicas cannot serve version 7: bad_bundle: it lies$"),
        ([READY, DIED], "1 of 2 replicas cannot serve version 7: unavailable"),
        ([READY, ValueError("a bug")], "1 of 2 .* a bug"),
        (DeploymentUnavailableError(DeploymentID("Model", "understudy")), "not running"),
    ],
)
async def test_one_that_cannot_prepare_stops_it_for_all(said: Any, why: str) -> None:
    replicas = Everybody(said)
    with pytest.raises(PromotionRefused, match=why):
        await swapped(replicas)
    assert replicas.asked == ["prepare", "abandon"]


@pytest.mark.anyio
async def test_one_that_does_not_answer_in_time_stops_it_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_steps, "PREPARE_S", 0.1)
    replicas = Everybody([READY], takes_s=0.2)
    with pytest.raises(PromotionRefused, match=r"no answer within 0\.1 s"):
        await swapped(replicas)
    assert replicas.asked == ["prepare", "abandon"]


@pytest.mark.anyio
async def test_an_alias_that_cannot_be_moved_commits_nobody() -> None:
    replicas = Everybody([READY])
    with pytest.raises(RegistryUnavailable):
        await swapped(replicas, RegistryUnavailable("away"))
    assert replicas.asked == ["prepare", "alias", "abandon"]


@pytest.mark.anyio
async def test_whoever_asked_may_go_away_and_nothing_stays_prepared() -> None:
    replicas = Everybody([READY])
    with pytest.raises(asyncio.CancelledError):
        await swapped(replicas, asyncio.CancelledError())  # type: ignore[arg-type]
    assert replicas.asked == ["prepare", "alias", "abandon"]


@pytest.mark.anyio
async def test_one_that_misses_the_commit_stops_nobody() -> None:
    """It follows the alias."""
    assert await swapped(Everybody([READY, READY], [READY, DIED])) == ["prepare", "alias", "commit"]


class Student:
    def state(self) -> str:
        return "ready"


class Ingress:
    """A handle over two ingress replicas; ``holds``: the use cases whose students are in them."""

    def __init__(self, holds: Sequence[str]) -> None:
        self.holds, self.heard, self.student = holds, [], self

    async def remote(self, use_case: str, method: str) -> str | None:
        return "ready" if use_case in self.holds else None

    def broadcast(self, *asked: Any) -> Everybody:
        self.heard.append(asked)
        return Everybody([READY, READY], [READY, READY]).broadcast(asked[2])


@pytest.mark.anyio
async def test_where_students_are_fused_every_ingress_replica_swaps_its_own() -> None:
    ingress = Ingress(["harbour"])
    told = await swap(Fused(ingress, "harbour"), "7", "sha256:7", lambda: asyncio.sleep(0))
    assert told == [READY, READY]
    assert ingress.heard == [
        ("student", "harbour", "prepare", "7", "sha256:7"), ("student", "harbour", "commit", "7", "sha256:7"),
    ]  # fmt: skip


@pytest.mark.anyio
async def test_a_handle_is_used_once_a_replica_has_answered_that_it_holds_the_student() -> None:
    ingress, apart = Ingress(["harbour"]), LocalHandle(Student())
    for handle in (Fused(ingress, "harbour"), apart):
        assert await running(handle, "harbour") is handle
    assert apart.calls == ["state"]
    assert await running(Fused(ingress, "elsewhere"), "elsewhere") is None, "its alias moves alone"


def test_the_slowest_replica_is_how_long_it_took() -> None:
    assert longest([READY, BAD]) == 1.5
    assert longest([]) == 0.0


def test_the_same_reason_is_told_once() -> None:
    other = Readiness("3", False, "not_found", "no such version")
    assert refusal("7", [BAD, READY, BAD, other]) == (
        "3 of 4 replicas cannot serve version 7: bad_bundle: it lies; not_found: no such version"
    )


@pytest.mark.parametrize(
    ("champion", "challenger", "expected"),
    [
        (None, None, (("champion", "3"),)),
        ("2", None, (("previous", "2"), ("champion", "3"))),
        ("2", "3", (("previous", "2"), ("champion", "3"), ("challenger", ""))),
        ("2", "4", (("previous", "2"), ("champion", "3"))),
        ("3", None, ()),
        ("3", "3", (("challenger", ""),)),
    ],
)
def test_which_aliases_move(champion: str | None, challenger: str | None, expected: Any) -> None:
    assert moves("3", champion, challenger) == expected


class Dies(MemoryRegistry):
    """Whoever moves aliases dies before the move number ``after``."""

    after = 0

    def set_alias(self, use_case: str, alias: str, version: str) -> None:
        self._step()
        super().set_alias(use_case, alias, version)

    def remove_alias(self, use_case: str, alias: str) -> None:
        self._step()
        super().remove_alias(use_case, alias)

    def _step(self) -> None:
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt


class Falters(MemoryRegistry):
    """Does what the ``at``-th alias needs, or not, and then says that it is away."""

    def __init__(self, at: int, does_it: bool) -> None:
        super().__init__()
        self.at, self.does_it = at, does_it

    def set_alias(self, use_case: str, alias: str, version: str) -> None:
        self._step(lambda: super(Falters, self).set_alias(use_case, alias, version))

    def remove_alias(self, use_case: str, alias: str) -> None:
        self._step(lambda: super(Falters, self).remove_alias(use_case, alias))

    def _step(self, work: Callable[[], None]) -> None:
        self.at -= 1
        if self.at != 0 or self.does_it:
            work()
        if self.at == 0:
            raise RegistryUnavailable("it hangs up")


@pytest.mark.parametrize(
    ("at", "does_it", "moved"), [(1, True, False), (2, False, False), (2, True, True), (3, False, True)]
)
def test_a_registry_that_falters_once_the_champion_has_moved_undoes_no_swap(
    at: int, does_it: bool, moved: bool
) -> None:
    registry = Falters(0, True)
    for alias in ("previous", "champion", "challenger"):
        registry.set_alias("harbour", alias, registry.register("harbour", bundle(), {}, {}).version)
    registry.at, registry.does_it = at, does_it
    if moved:
        assert move_champion(registry, "harbour", "3") == "2"
    else:
        with pytest.raises(RegistryUnavailable):
            move_champion(registry, "harbour", "3")
    assert registry.aliased("harbour", "champion").version == ("3" if moved else "2")


@pytest.mark.parametrize("dies_before", [1, 2, 3])
def test_after_a_crash_between_two_aliases_doing_it_again_comes_to_the_same(dies_before: int) -> None:
    registry = Dies()
    for alias in ("previous", "champion", "challenger"):
        registry.set_alias("harbour", alias, registry.register("harbour", bundle(), {}, {}).version)
    registry.after = dies_before
    with pytest.raises(KeyboardInterrupt):
        move_champion(registry, "harbour", "3")
    assert move_champion(registry, "harbour", "3") == "2"
    found = {alias: registry.aliased("harbour", alias) for alias in ("previous", "champion", "challenger")}
    assert {alias: each and each.version for alias, each in found.items()} == {
        "previous": "2", "champion": "3", "challenger": None,
    }  # fmt: skip
