"""What keeps the jobs moving: begins those that wait, settles those nobody holds, accepts what is due, and
looks whether certificates still hold.

One at a time for a state folder: Serve starts a new replica while the old one is still ending, and a job that
both took up could be left by both. It looks every ``tick_s`` seconds, and at once when nudged. A store that
is away stops nothing but itself: it is told once, and looked for again.
"""

from __future__ import annotations

import fcntl
import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from pipelines.drift import Looks
from pipelines.recheck import Rechecks
from pipelines.registry import reach
from pipelines.steps import Start
from pipelines.triggers import Stores, Triggers
from pipelines.workflow import Workflows
from serve_app.adapters.sql_audit import open_audit
from serve_app.adapters.sql_event_log import open_event_log
from serve_app.adapters.sql_jobs import open_jobs
from serve_app.adapters.sql_reports import open_reports
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import Unavailable
from serve_app.core.jobs import Job
from serve_app.core.platform import Platform
from serve_app.core.triggers import startable
from serve_app.core.use_case import UseCase

log = logging.getLogger("understudy.pipelines")

LONGEST_PAUSE_S = 60.0

LOCK = "pipelines.lock"
TURN_S = 0.5
"""Seconds between two looks whether it is this engine's turn."""


class Engine:
    """``run`` in a thread of its own; ``nudge`` and ``close`` from any. ``start`` runs a step somewhere;
    ``tidy`` is called at every look."""

    def __init__(
        self, catalogue: UseCaseFolder, platform: Platform, start: Start, tidy: Callable[[], object] = lambda: None
    ) -> None:
        self._catalogue, self._platform, self._start, self._tidy = catalogue, platform, start, tidy
        self._wake, self._closing, self._done = threading.Event(), threading.Event(), threading.Event()
        self._told: set[str] = set()

    def run(self) -> None:
        """Until it is closed."""
        try:
            with ExitStack() as held, ExitStack() as opened:
                self._take_turn(held)
                found = self._open_patiently(opened)
                while found is not None and not self._closing.is_set():
                    self._wake.clear()
                    found.tick()
                    self._wake.wait(self._platform.pipelines.tick_s)
        finally:
            self._done.set()

    def nudge(self) -> None:
        """There is something to do."""
        self._wake.set()

    def close(self, patience_s: float = 15.0) -> None:
        """What is under way is left where it is, and goes on there at the next start."""
        self._closing.set()
        self._wake.set()
        self._done.wait(patience_s)

    def _take_turn(self, held: ExitStack) -> None:
        """Returns when no other process of this machine runs an engine here, or when this one is closed. The
        lock ends with its process, however that ends, and is not handed on to a child."""
        while not self._closing.is_set():
            try:
                self._lock(held)
                return
            except OSError as error:  # the lock is taken, or its disk is away
                if "turn" not in self._told:
                    log.warning("the pipelines wait until they may begin: %s", error)
                    self._told.add("turn")
            self._closing.wait(TURN_S)

    def _lock(self, held: ExitStack) -> None:
        """Raises BlockingIOError when another process has it."""
        state = Path(self._platform.state)
        state.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            fcntl.lockf(opened.enter_context((state / LOCK).open("a")), fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.enter_context(opened.pop_all())

    def _open_patiently(self, opened: ExitStack) -> Round | None:
        pause_s = 1.0
        while not self._closing.is_set():
            try:
                return self._open(opened)
            except Exception as error:  # of a driver as well: a database that is away says so in many ways
                opened.close()
                if "opening" not in self._told:
                    log.warning("the pipelines wait for their databases: %s", type(error).__name__, exc_info=error)
                    self._told.add("opening")
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return None

    def _open(self, opened: ExitStack) -> Round:
        platform, state = self._platform, Path(self._platform.state)
        jobs = open_jobs(platform.store, state)
        opened.callback(jobs.close)
        reports = open_reports(platform.store, state)
        opened.callback(reports.close)
        events = open_event_log(platform.store, state)
        opened.callback(events.close)
        audit = open_audit(platform.store, state)
        opened.callback(audit.close)
        workflows = Workflows(jobs, self._catalogue, platform, self._start)
        workflows.open()
        opened.callback(workflows.close)
        stores = Stores(jobs, reports, events)
        looks = Looks(events, lambda: reach(platform))
        rechecks = Rechecks(events, reports, audit, lambda: reach(platform))
        triggers = Triggers(stores, looks.look)
        return Round(self._catalogue, platform, stores, workflows, triggers, self._tidy, rechecks.look)


class Round:
    """One look at everything there is to do."""

    def __init__(
        self,
        catalogue: UseCaseFolder,
        platform: Platform,
        stores: Stores,
        workflows: Workflows,
        triggers: Triggers,
        tidy: Callable[[], object] = lambda: None,
        recheck: Callable[[UseCase], object] = lambda _: None,
    ) -> None:
        self._catalogue, self._settings, self._tidy = catalogue, platform.pipelines, tidy
        self._recheck = recheck
        self._stores, self._workflows, self._triggers = stores, workflows, triggers
        self._told: set[str] = set()

    def tick(self) -> None:
        self._guarded("tidying", self._tidy)
        self._guarded("jobs", self._move)
        self._guarded("use cases", self._look)

    def _look(self) -> None:
        accepted: list[Job] = []
        for name, use_case in self._catalogue.all().items():
            self._guarded(
                f"triggers of {name}", lambda use_case=use_case: accepted.extend(self._triggers.look(use_case))
            )
            self._guarded(f"the certificate of {name}", partial(self._recheck, use_case))
        if accepted:
            self._guarded("jobs", self._move)

    def _move(self) -> None:
        unfinished = self._stores.jobs.unfinished()
        held = {job.id: self._workflows.settle(job) for job in unfinished}
        left = [job for job in unfinished if held[job.id] != "ended"]
        begun = {job.id for job in left if held[job.id] == "begun"}
        for job in startable(left, begun, self._settings.at_once, self._settings.trainings):
            self._workflows.begin(job.id)

    def _guarded(self, what: str, call: Callable[[], object]) -> None:
        """One thing that is away or broken holds up no other, and is told once."""
        try:
            call()
        except Exception as error:
            if what not in self._told:
                known = isinstance(error, Unavailable)
                log.warning("%s: %s", what, error if known else type(error).__name__, exc_info=not known)
            self._told.add(what)
        else:
            self._told.discard(what)
