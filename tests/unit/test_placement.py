"""A part inside the replica of whoever asks it: made there with all that it asks, and called like a deployment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ray import serve
from ray.serve import Application

from serve_app.core.errors import NotFound
from serve_app.core.platform import Platform
from serve_app.deployments.calls import call, call_again
from serve_app.deployments.placement import AtHand, Inside, part, settle_in
from serve_app.deployments.swap import announce, in_this_process
from tests.fakes.local_handle import LocalHandle

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Bell:
    """Made at once; rings when it is told to."""

    def ring(self, times: int) -> str:
        return "ding " * times

    async def refuse(self) -> None:
        raise NotFound("no such bell")


class Tower:
    """Takes a while to make. ``bells``: handles."""

    async def __init__(self, name: str, bells: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.name, self.bells, self.loop = name, bells, asyncio.get_running_loop()

    async def ring(self, bell: str) -> str:
        return await call_again(self.bells[bell].ring, 2)


async def test_what_is_inside_is_made_with_all_that_it_asks() -> None:
    apart = LocalHandle(Bell())
    tower = await settle_in(Inside(Tower, ("north", {"small": Inside(Bell, ()), "great": apart})))
    assert await call(tower.ring, "small") == await call(tower.ring, "great") == "ding ding "
    assert apart.calls == ["ring"]
    assert tower._desk.loop is asyncio.get_running_loop()


async def test_what_is_a_handle_already_stays_one() -> None:
    handle = LocalHandle(Bell())
    assert await settle_in(handle) is handle


async def test_a_refusal_comes_as_it_was_raised() -> None:
    with pytest.raises(NotFound, match="no such bell"):
        await call(AtHand(Bell()).refuse)


def test_a_part_is_bound_or_left_to_be_made() -> None:
    deployment = serve.deployment(Bell)
    assert isinstance(part(deployment, True), Application)
    assert part(deployment, False, 1) == Inside(Bell, (1,))


@pytest.mark.parametrize(
    ("placement", "cascade", "students"), [("graph", True, True), ("near", False, True), ("fused", False, False)]
)
def test_what_is_apart(placement: Any, cascade: bool, students: bool) -> None:
    platform = Platform(placement=placement)
    assert (platform.cascade_apart, platform.students_apart) == (cascade, students)


async def test_a_replica_answers_for_the_student_it_holds_and_for_no_other() -> None:
    bell = Bell()
    announce("here", "harbour", bell)
    assert await in_this_process("here", "harbour", "ring", 1) == "ding "
    assert await in_this_process("here", "elsewhere", "ring", 1) is None
    assert await in_this_process("there", "harbour", "ring", 1) is None
    with pytest.raises(NotFound):
        await in_this_process("here", "harbour", "refuse")
    del bell
