"""The pipelines as a Serve application without a route: first champions now, retraining later.

Its names, ``Pipelines`` in ``pipelines``, are what the serving side knows of it.
"""

# No `from __future__ import annotations` here: Serve reads the builder's annotation to check its args.
import asyncio
import logging
from pathlib import Path

from ray import serve
from ray.serve import Application

from serve_app.adapters.platform_file import read_platform
from serve_app.adapters.use_case_folder import UseCaseFolder
from serve_app.core.config import Config
from serve_app.core.errors import Unavailable
from serve_app.core.platform import Platform

SERVING = "understudy"
"""The serving application: the name crosses, no import."""

SERVING_WAIT_S = 90

log = logging.getLogger("understudy.pipelines")


class PipelineArgs(Config):
    """``args`` in serve_config.yaml. ``configs``: the folder of platform.yaml and use_cases."""

    configs: str = "configs"


class PipelinesDesk:
    """Trains first champions in the background, so that nobody waits for a student to be asked."""

    async def __init__(self, catalogue: UseCaseFolder, platform: Platform) -> None:
        self._catalogue, self._platform = catalogue, platform
        self._progress = dict.fromkeys(catalogue.names(), "training: looking for a champion")
        self._first = asyncio.create_task(self._first_champions())

    def progress(self) -> dict[str, str]:
        """How it goes, by use case."""
        return dict(self._progress)

    async def _first_champions(self) -> None:
        try:
            await self._until_serving()
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
        from pipelines.bootstrap import bootstrap  # imports Ray Train and MLflow, which take seconds

        bootstrap(self._catalogue.names(), self._catalogue, self._platform, self._progress.__setitem__)


Pipelines = serve.deployment(name="Pipelines", ray_actor_options={"num_cpus": 0.1}, max_ongoing_requests=32)(
    PipelinesDesk
)


def build(args: PipelineArgs) -> Application:
    configs = Path(args.configs).resolve()
    return Pipelines.bind(UseCaseFolder(configs / "use_cases"), read_platform(configs / "platform.yaml"))
