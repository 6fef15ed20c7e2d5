"""How every part is: asked all at once, and none can hide another."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from serve_app.adapters.buckets import open_buckets
from serve_app.adapters.memory_event_log import MemoryEventLog
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.buckets import Zone, Zones
from serve_app.core.errors import RegistryUnavailable, Unavailable
from serve_app.core.platform import Data, Limits, Platform, Store
from serve_app.core.ports import Part
from serve_app.core.serving import ModelState
from serve_app.deployments.parts import PATIENCE_S, Parts
from tests.fakes.local_handle import LocalHandle
from tests.fakes.small_models import write_use_case

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Desk:
    """Cascade, teacher and registry in one. ``trouble``: raised by whoever is asked, None to answer,
    "hang" never to."""

    def __init__(self) -> None:
        self.trouble: Any = None
        self.breaker = "closed"

    async def model_state(self, name: str) -> ModelState:
        await self._be()
        return ModelState(name, "ready", "version 3", "3", "sha256:x", {"accuracy": 0.9})

    async def describe(self, use_case: str | None = None) -> Any:
        await self._be()
        if use_case is None:
            return "MLflow, embedded (sqlite)"
        return {"detail": "openai:m", "real": True, "breaker": self.breaker, "last_failure": "timeout"}

    async def _be(self) -> None:
        if self.trouble == "hang":
            await asyncio.sleep(60)
        elif self.trouble is not None:
            raise self.trouble


class Pipelines:
    missing = ""

    async def tables(self) -> str:
        return self.missing

    def progress(self) -> dict[str, str]:
        return {}


class Slow(MemoryEventLog):
    def ping(self) -> None:
        time.sleep(PATIENCE_S + 0.5)


class House:
    def __init__(self, configs: Path, log: Any = None, platform: Platform | None = None) -> None:
        self.cascade, self.teacher, self.registry = Desk(), Desk(), Desk()
        self.log = log or MemoryEventLog()
        handles = (LocalHandle(desk) for desk in (self.cascade, self.teacher, self.registry))
        self.catalogue = UseCaseFolder(configs / "use_cases", refresh_s=0)
        self.waiting: int | None = None
        self.parts = Parts(self.catalogue, platform or Platform(), self.log, *handles, lambda: self.waiting)

    async def all(self) -> dict[str, Part]:
        return {part.name: part for part in await self.parts.all()}


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    for name in ("stones", "knots"):
        write_use_case(tmp_path, name)
    return tmp_path


@pytest.fixture
def house(configs: Path) -> House:
    return House(configs)


async def test_when_all_is_well(house: House) -> None:
    found = await house.all()
    assert sorted(found) == [
        "auth", "registry", "store", "teacher:knots", "teacher:stones", "use_case:knots", "use_case:stones"
    ]  # fmt: skip
    assert {part.state for part in found.values()} == {"ready"}
    assert found["use_case:stones"].detail == "version 3"
    assert found["store"].detail == "SQLite, embedded"
    assert [name for name, part in found.items() if not part.real] == ["auth"]


async def test_the_store_is_named_without_its_password(configs: Path) -> None:
    platform = Platform(store=Store(url=SecretStr("postgresql+psycopg://me:secret@host/db")))
    assert (await House(configs, platform=platform).all())["store"].detail == "postgresql"


async def test_a_store_that_keeps_no_predictions_is_not_real(configs: Path) -> None:
    found = (await House(configs, platform=Platform(store=Store(predictions="drop"))).all())["store"]
    assert (found.state, found.real) == ("ready", False)
    assert found.detail.startswith("SQLite, embedded; predictions are dropped")


@pytest.mark.parametrize(
    ("url", "state", "real", "detail"),
    [
        ("", "ready", True, "predict: counted by each process for itself"),
        ("redis://127.0.0.1:1", "degraded", False, "predict: counted by each process for itself; the buckets are away"),
    ],
    ids=["in memory", "a server that is away"],
)
async def test_how_callers_are_counted_is_told_where_they_are(
    configs: Path, url: str, state: str, real: bool, detail: str
) -> None:
    free = Zone(rate=None, capacity=1)
    zones = Zones(hold="always", auth=free, general=free, llm=free)
    house = House(configs, platform=Platform(limits=Limits(url=SecretStr(url), zones=zones)))
    house.parts._buckets = buckets = open_buckets(house.parts._platform.limits)
    found = (await house.all())["limits"]
    assert (found.state, found.real, found.detail[: len(detail)]) == (state, real, detail)
    await buckets.close()


async def test_a_bucket_is_asked_by_the_pipelines_and_its_absence_keeps_nobody_from_asking(configs: Path) -> None:
    house = House(configs, platform=Platform(data=Data(root="s3://tables/ours")))
    assert (await house.all())["data"] == Part("data", "degraded", "the pipelines do not run")
    pipelines = Pipelines()
    house.parts._pipelines = LocalHandle(pipelines)
    assert (await house.all())["data"] == Part("data", "ready", "a bucket")
    pipelines.missing = "s3://tables/ours cannot be reached; jobs wait"
    assert (await house.all())["data"] == Part("data", "degraded", pipelines.missing)


@pytest.mark.parametrize("part", ["registry", "store"])
async def test_one_that_is_away_is_told_and_hides_no_other(house: House, part: str) -> None:
    house.registry.trouble = RegistryUnavailable("the registry is away") if part == "registry" else None
    house.log.away = part == "store"
    found = await house.all()
    assert [name for name, each in found.items() if each.state != "ready"] == [part]
    assert found[part].state == "failed"


async def test_a_student_that_runs_nowhere_has_failed(house: House) -> None:
    house.cascade.trouble = Unavailable("no student of knots is running", 5)
    found = await house.all()
    assert found["use_case:knots"].state == "failed"
    assert found["use_case:knots"].detail == "no student of knots is running"
    assert [state.state for state in await house.parts.model_states()] == ["failed", "failed"]


async def test_a_bug_in_a_part_is_that_parts_own(house: House) -> None:
    house.teacher.trouble = KeyError("secret")
    found = await house.all()
    assert found["teacher:stones"].state == "failed"
    assert "secret" not in found["teacher:stones"].detail
    assert found["use_case:stones"].state == "ready"


async def test_a_breaker_that_is_open_is_told_with_why(house: House) -> None:
    house.teacher.breaker = "open"
    part = (await house.all())["teacher:stones"]
    assert (part.state, part.detail) == ("degraded", "openai:m; not asked at present (timeout)")


async def test_a_folder_that_cannot_be_used_is_told(house: House, configs: Path) -> None:
    await house.all()
    write_use_case(configs, "mud", {"fields": {}})
    file = configs / "use_cases" / "knots" / "use_case.yaml"
    file.write_text("name: [", encoding="utf-8")
    found = await house.all()
    assert found["use_case:mud"].state == "failed"
    assert found["config:knots"].state == "failed"
    assert found["use_case:knots"].state == "ready", "its last good version serves"


async def test_who_does_not_answer_costs_all_of_them_one_wait(configs: Path) -> None:
    house = House(configs, Slow())
    house.cascade.trouble = house.teacher.trouble = house.registry.trouble = "hang"
    began = time.monotonic()
    found = await house.all()
    assert time.monotonic() - began < 1.5 * PATIENCE_S
    failed = {name for name, part in found.items() if part.state == "failed"}
    assert failed == set(found) - {"auth"}
    assert all(f"no answer within {PATIENCE_S:g} s" in found[name].detail for name in failed)
