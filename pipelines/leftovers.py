"""Cores that a training run has left reserved.

Ray Train reserves the cores of a worker group, and frees them with its run. A run whose owner is killed
while it replaces a worker group leaves the new reservation behind (Ray 2.60: its cleaner knows the old
one), and nobody frees that while the cluster lives: on two cores, that is the end of training. A group
that lives has its workers within a minute; so what has had none for longer is nobody's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import ray
from ray.util.placement_group import PlacementGroup, PlacementGroupID, remove_placement_group
from ray.util.state import list_actors, list_placement_groups
from ray.util.state.exception import RayStateApiException

log = logging.getLogger("understudy.pipelines")

EVERY_S = 15.0
PATIENCE_S = 90.0
"""Longer than Ray Train waits for the workers of a group (60 s)."""

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Reserved:
    """``job``: the Ray job that it was made by."""

    id: str
    job: str


class Leftovers:
    """``reserved`` and ``used`` (ids of reservations that hold a living actor) look at the cluster."""

    def __init__(
        self,
        job: str,
        reserved: Callable[[], Iterable[Reserved]],
        used: Callable[[], set[str]],
        free: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job, self._reserved, self._used, self._free, self._clock = job, reserved, used, free, clock
        self._empty_since: dict[str, float] = {}
        self._looked = -EVERY_S

    def look(self) -> None:
        now = self._clock()
        if now - self._looked < EVERY_S:
            return
        self._looked = now
        ours = {each.id for each in self._reserved() if each.job == self._job}
        empty = ours - self._used() if ours else set()
        self._empty_since = {each: self._empty_since.get(each, now) for each in empty}
        for each in [each for each, since in self._empty_since.items() if now - since > PATIENCE_S]:
            log.warning("cores that a lost training run had reserved are free again (%s)", each)
            self._free(each)


def leftovers() -> Leftovers:
    """Of the cluster that this process belongs to."""
    return Leftovers(ray.get_runtime_context().get_job_id(), _reserved, _used, _free)


def _reserved() -> Iterable[Reserved]:
    try:
        found = list_placement_groups(_address(), limit=MOST, detail=True)
    except RayStateApiException:  # it looks again
        return ()
    return [Reserved(each.placement_group_id, each.creator_job_id) for each in found if each.state != "REMOVED"]


def _used() -> set[str]:
    """Raises RayStateApiException: not to know is not the same as none."""
    actors = list_actors(_address(), limit=MOST, detail=True)
    return {str(each.placement_group_id) for each in actors if each.state != "DEAD"}


def _address() -> str:
    """Else the state API looks for a Ray by itself, and a machine may have several."""
    return str(ray.get_runtime_context().gcs_address)


def _free(id: str) -> None:
    remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(id))))
