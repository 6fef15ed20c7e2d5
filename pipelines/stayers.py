"""What Ray Train and Ray Data leave running once nobody trains or scores: detached actors, a hundred megabytes each.

Whoever needs one makes it anew. On a Ray that is ours alone they are ended as soon as nothing is under way; on a
cluster that others may use they are left. Ray Data's statistics stay, since the dashboard shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import ray
from ray.util import list_named_actors

from serve_app.adapters import whereabouts

NAMES = ("AutoscalingCoordinator", "ActorLocationTracker", "DataUsageCollectionActor")
"""Each in a namespace of its own name."""


class Stayers:
    """``busy``: something is under way that may need them. ``end`` ends them all."""

    def __init__(self, busy: Callable[[], bool], end: Callable[[], object]) -> None:
        self._busy, self._end = busy, end
        self._may_be = True

    def look(self) -> None:
        """Once after each time that something was under way."""
        if self._busy():
            self._may_be = True
        elif self._may_be:
            self._may_be = False
            self._end()


def end_ours(state: Path) -> int:
    """How many were ended: none where the Ray of this process is not the one that the start command of ``state`` has
    started for itself."""
    here = whereabouts.read(state)
    if here is None or here.ray != ray.get_runtime_context().gcs_address:
        return 0
    found = [each for each in list_named_actors(all_namespaces=True) if each["name"] in NAMES]
    for each in found:
        with suppress(ValueError):  # it has gone by itself
            ray.kill(ray.get_actor(each["name"], namespace=each["namespace"]))
    return len(found)
