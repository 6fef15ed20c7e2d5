"""Jobs as durable workflows: what has been done is written down, and after a crash it goes on from there.

One DBOS workflow for every kind of job, under the job's own id, so that to begin it twice is to begin
it once. Every attempt at a step is a step of DBOS, so that the attempts of a step are counted across
crashes. Two databases take part. The store of jobs says what was accepted and how it ended; that of DBOS
only what need not be done again, and may be lost: the steps then run again, and come to the same.

DBOS is one for each process, and so is an open ``Workflows``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos import DBOSPortableJSONSerializer as Json

from pipelines.attempt import Attempts, Stopping
from pipelines.run import Outputs, Run
from pipelines.steps import Start
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.errors import Unavailable, UnderstudyError
from serve_app.core.jobs import STEPS, TERMINAL, Finish, Job, Kind
from serve_app.core.platform import Platform
from serve_app.core.ports import Jobs

log = logging.getLogger("understudy.pipelines")

ENDED = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})

TRIES = 20
"""How often a job may bring down whatever runs it before it is given up."""

CLOSING_S = 8

T = TypeVar("T")


class Workflows:
    """``start`` runs a step somewhere. ``poll_s``: DBOS looks for messages this often, and needs as long to
    end. Everything here blocks: call it from threads."""

    def __init__(
        self,
        jobs: Jobs,
        catalogue: UseCaseFolder,
        platform: Platform,
        start: Start,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        poll_s: float = 1.0,
    ) -> None:
        self._jobs, self._catalogue, self._platform, self._clock = jobs, catalogue, platform, clock
        self._poll_s = poll_s
        self._closing = threading.Event()
        self._attempts = Attempts(jobs, start, self._patiently, self._closing, clock)
        self._under_way, self._idle = 0, threading.Condition()
        self._work: Any = None

    def open(self) -> None:
        """Takes up what was left unfinished. Raises whatever DBOS's database raises when it is away."""
        _quiet()
        DBOS(config=config(self._platform, self._poll_s))

        def work(job_id: str) -> str:  # a function, since DBOS marks it, which a method does not bear
            with self._counted():
                return self.work(job_id)

        self._work = DBOS.workflow(name="job", max_recovery_attempts=TRIES)(work)
        try:
            DBOS.launch()
        except BaseException:
            DBOS.destroy(destroy_registry=True)
            raise

    def close(self) -> None:
        """Stops what is under way without an end to it: the next ``open`` goes on there."""
        self._closing.set()
        with self._idle:
            self._idle.wait_for(lambda: not self._under_way, CLOSING_S)
        DBOS.destroy(destroy_registry=True)

    def begin(self, job_id: str) -> None:
        """Harmless for a job that was begun before."""
        with SetWorkflowID(job_id):
            DBOS.start_workflow(self._work, job_id)

    def settle(self, job: Job) -> str:
        """Looks whether an unfinished job is in anyone's hands: ``waiting`` (never begun), ``begun``, or
        ``ended`` where it is over and only now told so. One that was begun in a state folder which is
        lost is begun again."""
        status = DBOS.get_workflow_status(job.id)
        if status is None:
            if job.state == "PENDING":
                return "waiting"
            log.warning("job %s is taken up again: what was known of its course is lost", job.id)
            self.begin(job.id)
        elif status.status in ENDED:  # read first: a workflow ends its job before it ends itself
            self._give_up(job.id, status.status)
            return "ended"
        return "begun"

    def work(self, job_id: str) -> str:
        """The workflow: every step of a job in order, each once. Gives the state it ended in."""
        self._patiently(lambda: self._jobs.start(job_id, self._clock()))
        job = self._patiently(lambda: self._jobs.get(job_id))
        if job.state in TERMINAL:
            return job.state
        run = self._run(job)
        came: dict[str, Outputs] = {}
        for place, step in enumerate(STEPS[job.kind]):
            ended = self._step(run, step, place, came)
            if ended["how"] != "done":
                return self._end(job_id, _unhappy(ended))
            came[step] = ended["outputs"]
        return self._end(job_id, Finish("COMPLETED", result=result(job.kind, came)))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._under_way += 1
        try:
            yield
        finally:
            with self._idle:
                self._under_way -= 1
                self._idle.notify_all()

    def _step(self, run: Run, step: str, place: int, came: dict[str, Outputs]) -> dict[str, Any]:
        """The step with its retries. Every attempt is a step of DBOS, which never raises: what is written
        down of it is how it ended."""
        retries, number = self._retries(run), 1
        while True:
            ended: dict[str, Any] = DBOS.run_step(
                {"name": f"{step} {number}"}, self._attempts.attempt, run, step, place, dict(came), number
            )
            if ended["how"] != "failed" or number > retries:
                return {**ended, "step": step, "attempts": number}
            number += 1

    def _retries(self, run: Run) -> int:
        try:
            return run.configured().retraining.retries
        except UnderstudyError:  # such as a use case that is gone: the step will say so
            return 0

    def _run(self, job: Job) -> Run:
        return Run(
            job.id, job.kind, job.use_case, job.params, job.trigger, job.created_at, self._catalogue, self._platform
        )

    def _end(self, job_id: str, how: Finish) -> str:
        self._patiently(lambda: self._jobs.finish(job_id, self._clock(), how))
        return how.state

    def _give_up(self, job_id: str, status: str) -> None:
        if self._jobs.get(job_id).state in TERMINAL:
            return
        log.error("job %s is given up: its workflow ended as %s", job_id, status)
        code = "crashes" if status.startswith("MAX") else "broken_workflow"
        text = f"the pipelines were brought down {TRIES} times" if code == "crashes" else "a bug in the pipelines"
        self._jobs.finish(job_id, self._clock(), Finish("FAILED", code, text))

    def _patiently(self, call: Callable[[], T]) -> T:
        """A store that is away has lost nothing: what was done meanwhile waits for it. Raises Stopping."""
        pause_s = 0.5
        while True:
            try:
                return call()
            except Unavailable as error:
                if pause_s < 1:
                    log.warning("the store of jobs is away: %s", error)
            if self._closing.wait(pause_s):
                raise Stopping
            pause_s = min(2 * pause_s, 10.0)


def config(platform: Platform, poll_s: float = 1.0) -> DBOSConfig:
    """A fixed version and executor: by default DBOS takes up only the work of the very same source code,
    and an update would leave what was under way lying."""
    state = Path(platform.state).absolute()
    url = platform.pipelines.url.get_secret_value()
    if url.startswith("sqlite"):
        state.mkdir(parents=True, exist_ok=True)
    return {
        "name": "understudy",
        "system_database_url": url.replace("{state}", str(state)),
        "application_version": "1",
        "executor_id": "pipelines",
        "serializer": Json(),  # nothing is unpickled here either
        "log_level": "WARNING",
        "enable_otlp": False,
        "notification_listener_polling_interval_sec": poll_s,
    }


def result(kind: Kind, came: dict[str, Outputs]) -> dict[str, Any]:
    """What a job came to: of a retrain the ruling and what became of it, of others the last step."""
    if kind == "train":
        return {**came["evaluate"], **came["promote"]}
    return came[STEPS[kind][-1]]


def _unhappy(ended: dict[str, Any]) -> Finish:
    if ended["how"] == "cancelled":
        return Finish("CANCELLED")
    if ended["how"] == "refused":
        return Finish("FAILED", ended["code"], ended["text"])
    times = f" {ended['attempts']} times" if ended["attempts"] > 1 else ""
    return Finish("FAILED", "step_failed", f"{ended['step']} failed{times}: {ended['text']}")


def _quiet() -> None:
    """DBOS prints to the console where its logger has no handler: ours go where all of ours go."""
    theirs = logging.getLogger("dbos")
    if not theirs.handlers:
        theirs.addHandler(logging.NullHandler())
    theirs.propagate = True
