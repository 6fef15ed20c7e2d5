"""The pipelines as a Serve application without a route: first champions, then jobs, for as long as it runs.

Its names, ``Pipelines`` in ``pipelines``, are what the serving side knows of it.
"""

# No `from __future__ import annotations` here: Serve reads the builder's annotation to check its args.
import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

from ray import serve
from ray.serve import Application

from serve_app.adapters.platform_file import read_platform
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.config import Config
from serve_app.core.errors import Unavailable
from serve_app.core.platform import Platform
from serve_app.deployments.logs import log_along

SERVING = "understudy"
"""The serving application: the name crosses, no import."""

SERVING_WAIT_S = 90

ENGINE_PAUSE_S = 10.0

log = logging.getLogger("understudy.pipelines")


class PipelineArgs(Config):
    """``args`` in serve_config.yaml, as in ``serve_app/app.py``."""

    configs: str = "configs"
    platform: str | None = None


class PipelinesDesk:
    """Trains first champions in the background, so that nobody waits for a student to be asked, and keeps
    the jobs moving."""

    async def __init__(self, catalogue: UseCaseFolder, platform: Platform) -> None:
        log_along()
        self._catalogue, self._platform = catalogue, platform
        self._progress = dict.fromkeys(catalogue.names(), "training: looking for a champion")
        self._engine: Any = None
        self._ended = False
        self._tables: asyncio.Task[str] | None = None
        serving = asyncio.create_task(self._until_serving())
        self._first = asyncio.create_task(self._first_champions(serving))
        self._jobs = asyncio.create_task(self._keep_jobs_moving(serving))

    def progress(self) -> dict[str, str]:
        """How it goes, by use case."""
        return dict(self._progress)

    async def tables(self) -> str:
        """Why the tables cannot be reached; empty where they can. Whoever asks while an answer is waited for waits for
        the same one."""
        if self._tables is None or self._tables.done():
            self._tables = asyncio.create_task(asyncio.to_thread(self._missing_tables))
        return await asyncio.shield(self._tables)

    def _missing_tables(self) -> str:
        from pipelines.data_root import DataRoot  # imports pyarrow, which embedded tables need only while jobs run

        try:
            DataRoot(self._platform).ping()
        except OSError as error:
            log.warning("%s cannot be reached: %s", self._platform.data.root, error)
            return f"{self._platform.data.root} cannot be reached; jobs wait"
        return ""

    def nudge(self) -> None:
        """There is a job, or one is to be cancelled: it need not wait for the next look."""
        if self._engine is not None:
            self._engine.nudge()

    async def best(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        """The best registered version by gold score, put before the gate and promoted if it passes. Raises
        what the gate or the registry raised."""
        return await asyncio.to_thread(self._best, use_case, by, reason)

    def _best(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        from pipelines.tasks import best

        return best(self._catalogue, self._platform, use_case, by, reason)

    def __del__(self) -> None:
        """Serve calls it before it ends the process: what is under way goes on at the next start."""
        self._ended = True
        if self._engine is not None:
            self._engine.close()

    async def _keep_jobs_moving(self, serving: asyncio.Task[None]) -> None:
        """Whatever goes wrong before the engine runs is tried again: without it no job would ever begin."""
        while self._engine is None and not self._ended:
            try:
                await serving
                await asyncio.to_thread(self._make_engine)
            except Exception:
                log.exception("the jobs cannot be begun yet")
                serving = asyncio.create_task(self._until_serving())
                await asyncio.sleep(ENGINE_PAUSE_S)
        if not self._ended:
            threading.Thread(target=self._engine.run, name="pipelines", daemon=True).start()

    def _make_engine(self) -> None:
        from pipelines.engine import Engine  # imports DBOS, which takes a second
        from pipelines.leftovers import leftovers
        from pipelines.stayers import Stayers, end_ours
        from pipelines.tasks import RaySteps

        steps, left, state = RaySteps(), leftovers(), Path(self._platform.state)
        stayers = Stayers(lambda: steps.busy or not self._first.done(), lambda: end_ours(state))

        def tidy() -> None:
            steps.tidy()
            left.look()
            stayers.look()

        self._engine = Engine(self._catalogue, self._platform, steps, tidy)

    async def _first_champions(self, serving: asyncio.Task[None]) -> None:
        try:
            await serving
            await self._again_while_away()
        except Exception as error:
            log.exception("first champions could not be trained")
            left = [name for name, how in self._progress.items() if how.startswith("training")]
            self._progress.update(dict.fromkeys(left, f"cannot train: {type(error).__name__}"))

    async def _until_serving(self) -> None:
        """Training takes every core: answering comes first. But a serving side that does not come up
        is no reason not to train."""
        for _ in range(SERVING_WAIT_S):
            app = (await asyncio.to_thread(serve.status)).applications.get(SERVING)
            if app is None or app.status.value != "DEPLOYING":
                return
            await asyncio.sleep(1)

    async def _again_while_away(self) -> None:
        pause_s = 5.0
        while True:
            try:
                return await asyncio.to_thread(self._bootstrap)
            except Unavailable as error:
                log.warning("first champions wait: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 300.0)

    def _bootstrap(self) -> None:
        from pipelines.tasks import first_champions

        first_champions(self._catalogue, self._platform, self._progress.__setitem__)


Pipelines = serve.deployment(
    name="Pipelines", ray_actor_options={"num_cpus": 0.1}, max_ongoing_requests=32, health_check_period_s=5
)(PipelinesDesk)


def build(args: PipelineArgs) -> Application:
    configs = Path(args.configs).resolve()
    platform = Path(args.platform) if args.platform else configs / "platform.yaml"
    return Pipelines.bind(UseCaseFolder(configs / "use_cases"), read_platform(platform))
