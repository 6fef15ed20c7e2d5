"""Swaps over the whole graph: only a promotion, a rollback or a reload changes who answers, and nothing
that is bad does. The watch looks once an hour here, so that it cannot be what helped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from serve_app.adapters.registries import open_registry
from serve_app.adapters.sql_audit import open_audit
from serve_app.core.audit import Audited, AuditFilter
from serve_app.core.errors import BadBundle, NotFound, PromotionRefused, Unavailable
from serve_app.core.platform import Platform, Store
from serve_app.core.ports import Bundle
from serve_app.deployments.registry import RegistryDesk
from tests.fakes.bad_artefacts import BAD, Bench, resealed
from tests.fakes.local_graph import LocalGraph, local_graph, until
from tests.fakes.small_models import knots, trained, write_use_case

NAME = "knots"
ROWS = knots(50, seed=9).rows
T = TypeVar("T")


@dataclass
class Town:
    """A graph that serves, and a registry's deployment beside it."""

    graph: LocalGraph
    desk: RegistryDesk
    bench: Bench
    loop: asyncio.AbstractEventLoop

    def run(self, asked: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(60)

    def promote(self, version: str) -> dict[str, Any]:
        return self.run(self.desk.promote(NAME, version, "kim", "it is better"))

    def another(self, age_s: float) -> str:
        """A good version, registered and nothing more."""
        return self.bench.register(resealed(self.bench.use_case, self.bench.good, age_s=age_s))

    def answered_by(self) -> set[str]:
        return {answer["model_version"] for answer in self.graph.answers(NAME, ROWS)}

    def alias(self, name: str) -> str | None:
        found = self.bench.registry.aliased(NAME, name)
        return None if found is None else found.version

    def refusals(self) -> list[Audited]:
        audit = open_audit(Store(), self.graph.state)
        try:
            return [each for each in audit.page(AuditFilter(NAME)) if each.action == "swap_refused"]
        finally:
            audit.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("swap")
    configs, state = folder / "configs", folder / "state"
    write_use_case(configs, NAME)
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    registry = open_registry(Platform(state=str(state)))
    first = _first(configs)
    registry.set_alias(NAME, "champion", registry.register(NAME, first, {}, {}).version)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with local_graph(configs, state, {"REGISTRY__POLL_S": "3600"}) as graph:
        desk = RegistryDesk(Platform(state=str(state)))
        yield Town(graph, desk, Bench.of(registry, configs, state, NAME), loop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def _first(configs: Path) -> Bundle:
    from serve_app.adapters.config_files import load_use_case

    return trained(load_use_case(configs / "use_cases" / NAME))


def test_what_is_promoted_answers_when_the_promotion_returns(town: Town) -> None:
    old, new = town.alias("champion"), town.another(100)
    town.bench.registry.set_alias(NAME, "challenger", new)
    done = town.promote(new)
    assert town.answered_by() == {new}
    assert (done["version"], done["previous"], done["replicas"]) == (new, old, 1)
    assert done["prepared_s"] > 0
    assert (town.alias("champion"), town.alias("previous"), town.alias("challenger")) == (new, old, None)
    assert town.graph.model(NAME)["version"] == new


def test_a_challenger_that_is_not_the_one_promoted_stays_one(town: Town) -> None:
    waiting, new = town.another(101), town.another(102)
    town.bench.registry.set_alias(NAME, "challenger", waiting)
    town.promote(new)
    assert town.alias("challenger") == waiting
    town.bench.registry.remove_alias(NAME, "challenger")


def test_promoting_again_changes_nothing(town: Town) -> None:
    new = town.another(103)
    first = town.promote(new)
    again = town.promote(new)
    assert (again["version"], again["previous"]) == (first["version"], first["previous"])
    assert town.answered_by() == {new}


def test_a_rollback_is_undone_by_another(town: Town) -> None:
    old, new = town.alias("champion"), town.another(104)
    town.promote(new)
    back = town.run(town.desk.rollback(NAME, "kim", "it was not"))
    assert (back["version"], back["previous"]) == (old, new)
    assert town.answered_by() == {old}
    assert town.run(town.desk.rollback(NAME, "kim", "it was"))["version"] == new
    assert town.answered_by() == {new}


def test_promotions_at_once_come_one_after_the_other(town: Town) -> None:
    versions = [town.another(110 + number) for number in range(3)]

    async def all_at_once() -> list[dict[str, Any]]:
        return await asyncio.gather(*(town.desk.promote(NAME, version, "kim", "at once") for version in versions))

    done = town.run(all_at_once())
    assert [each["previous"] for each in done][1:] == versions[:2]
    assert town.answered_by() == {versions[-1]} == {town.alias("champion")}


def test_an_unknown_version_is_not_found_and_where_nothing_was_before_there_is_no_way_back(town: Town) -> None:
    with pytest.raises(NotFound):
        town.promote("99")
    with pytest.raises(NotFound):
        town.run(town.desk.rollback("elsewhere", "kim", "why not"))


def test_where_a_student_runs_nowhere_the_alias_moves_alone(town: Town) -> None:
    made = [town.bench.registry.register("elsewhere", town.bench.good, {}, {}).version for _ in range(2)]
    for version in made:
        done = town.run(town.desk.promote("elsewhere", version, "kim", "first"))
        assert done["replicas"] == 0
    assert done["previous"] == made[0]
    assert town.bench.registry.aliased("elsewhere", "champion").version == made[1]
    with pytest.raises(Unavailable):
        town.run(town.desk.reload("elsewhere"))
    with pytest.raises(NotFound):
        town.run(town.desk.reload("nowhere"))


def test_a_reload_follows_an_alias_that_was_moved_by_hand(town: Town) -> None:
    moved = town.another(120)
    town.bench.registry.set_alias(NAME, "champion", moved)
    assert town.answered_by() != {moved}
    assert town.run(town.desk.reload(NAME)) == {"version": moved, "replicas": 1}
    assert town.answered_by() == {moved}


def test_a_reload_that_fails_tells_why_and_is_written_down_once(town: Town) -> None:
    make, reason = BAD["other golden rows"]
    serving, bad = town.alias("champion"), make(town.bench)
    known = len(town.refusals())
    town.bench.registry.set_alias(NAME, "champion", bad)
    for _ in range(2):
        with pytest.raises(BadBundle, match=reason):
            town.run(town.desk.reload(NAME))
    assert town.answered_by() == {serving}
    assert town.graph.model(NAME)["state"] == "degraded"
    until(lambda: len(town.refusals()) > known)
    (told,) = town.refusals()[: len(town.refusals()) - known]
    assert (told.by, told.detail["version"]) == ("watch", bad)
    town.bench.registry.set_alias(NAME, "champion", serving)
    town.run(town.desk.reload(NAME))
    assert town.graph.model(NAME)["state"] == "ready"


@pytest.mark.parametrize("kind", BAD)
def test_what_is_bad_is_refused_and_the_champion_serves_on(town: Town, kind: str) -> None:
    make, reason = BAD[kind]
    before = (town.alias("champion"), town.alias("previous"), town.alias("challenger"))
    answers = [answer["student"] for answer in town.graph.answers(NAME, ROWS)]
    serving, known = town.answered_by(), len(town.refusals())
    bad = make(town.bench)
    with pytest.raises(PromotionRefused, match=reason) as refusal:
        town.promote(bad)
    assert f"1 of 1 replicas cannot serve version {bad}" in str(refusal.value)
    assert (town.alias("champion"), town.alias("previous"), town.alias("challenger")) == before
    assert town.answered_by() == serving
    assert [answer["student"] for answer in town.graph.answers(NAME, ROWS)] == answers
    assert town.graph.model(NAME)["state"] == "ready"
    assert len(town.refusals()) == known + 1
    told = town.refusals()[0]
    assert (told.by, told.use_case, told.detail["version"]) == ("kim", NAME, bad)
    assert told.detail["reason"] == str(refusal.value)
