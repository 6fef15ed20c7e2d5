"""How a student's replica is, as ``/readyz`` and the list of models tell it."""

from __future__ import annotations

import logging

from serve_app.core.errors import BadBundle, UnderstudyError
from serve_app.core.manifest import check_schema
from serve_app.core.ports import PartState
from serve_app.core.serving import ModelState
from serve_app.core.use_case import UseCase
from serve_app.deployments.held import Served

log = logging.getLogger("understudy.model")


class Condition:
    """``misfit``: why the student that serves does not fit the use case as it is configured now."""

    def __init__(self, use_case: str) -> None:
        self._name = use_case
        self.state = ModelState(use_case, "starting", "looking for a champion")
        self.misfit: str | None = None
        self._looked_at: UseCase | None = None

    def serves(self, served: Served) -> None:
        self.state, self.misfit, self._looked_at = served.state(self._name), None, None

    def tell(self, state: PartState, detail: str) -> None:
        now = self.state
        self.state = ModelState(self._name, state, detail, now.version, now.digest, now.metrics, now.trained_at)

    def cannot(self, error: UnderstudyError) -> UnderstudyError:
        """What serves goes on serving; the reason is told."""
        log.warning("%s: %s: %s", self._name, error.code, error)
        if self.state.version is None:
            self.tell("cold", f"{error.code}: {error}")
        else:
            self.tell("degraded", f"version {self.state.version} serves on; {error.code}: {error}")
        return error

    def fits(self, served: Served | None, use_case: UseCase | None) -> bool:
        """Whether ``served`` was made for the use case as it is configured now. Looked at again only when the
        configuration was read anew; one that cannot be read (None) changes nothing."""
        if use_case is not None and use_case is not self._looked_at and served is not None:
            self._looked_at, self.misfit = use_case, None
            try:
                check_schema(served.manifest, use_case)
            except BadBundle as error:
                self.misfit = str(error)
                self.cannot(error)
        return self.misfit is None
