"""Understudy itself, by its own start command, in every setting that this version of it knows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.serving import understudy_asks
from tests.benchmarks.serving.asking import Ask
from tests.benchmarks.serving.prepared import Prepared
from tests.benchmarks.serving.settings import known
from tests.benchmarks.serving.systems import LOOK_S, START_S, DidNotServe, Server, first_answer
from tests.fakes.running import Running, running, until_banner

LOOKS_S = 2.0
"""Seconds after the banner in which that look begins."""


@dataclass(frozen=True)
class Understudy:
    name: str
    prepared: Prepared
    setting: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def family(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        return f"Understudy, {self.name}"

    @property
    def tuned(self) -> str:
        return (
            ", ".join(f"{key.lower().replace('__', '.')}: {value}" for key, value in self.setting.items()) or "defaults"
        )

    def ask(self, kind: str) -> Ask | None:
        made = understudy_asks.ASKS.get(kind)
        return made(self.prepared) if made else None

    @contextmanager
    def serving(self, kind: str, folder: Path) -> Iterator[Server]:
        """With all three use cases, whatever is asked: it is weighed as it is run."""
        ask, began, took = self.ask("numbers"), time.monotonic(), []
        assert ask is not None

        def until(started: Running) -> None:
            alive = lambda: started.process.poll() is None  # noqa: E731
            took.append(first_answer(started.url, ask, alive, began, lambda: started.printed))
            until_banner(started)
            _until_ready(started)
            _until_it_predicts_by(started, self.setting.get("STUDENTS__PREDICTOR", "lightgbm"))
            _until_nobody_trains(started)

        try:
            with running(folder, self.told(folder), self.prepared.configs, until) as started:
                yield Server(started.url, took[0], started.all_processes)
        except AssertionError as error:
            raise DidNotServe(" ".join(str(error).split())[-300:]) from None

    def told(self, folder: Path) -> dict[str, str]:
        """Its environment. Its registry is that of all rounds; what it writes is new."""
        own = {f"UNDERSTUDY_{key}": value for key, value in self.setting.items()}
        stores = {"UNDERSTUDY_STORE__URL": "events", "UNDERSTUDY_PIPELINES__URL": "pipelines"}
        fresh = {key: f"sqlite:///{folder}/{name}.db" for key, name in stores.items()}
        return {"UNDERSTUDY_STATE": str(self.prepared.state), **fresh, **own, **self.environment}


def _until_ready(started: Running) -> None:
    """Every student at hand: the first answer came when one was."""
    end = time.monotonic() + START_S
    while waiting := [name for name, part in started.parts().items() if part["state"] != "ready" and part["real"]]:
        if time.monotonic() > end:
            raise DidNotServe(f"not ready: {', '.join(waiting)}")
        time.sleep(LOOK_S)


def _until_it_predicts_by(started: Running, predictor: str) -> None:
    """What is made behind the start is there."""
    end = time.monotonic() + START_S
    with started.client() as client:
        while True:
            found = client.get("/api/v1/predict/models").json()["models"]
            if not [each for each in found if each.get("predictor", predictor) not in (predictor, None)]:
                return
            if time.monotonic() > end:
                raise DidNotServe(f"students do not predict by {predictor}")
            time.sleep(LOOK_S)


def _until_nobody_trains(started: Running) -> None:
    """A start looks whether somebody has no champion yet, which takes some seconds of a core."""
    time.sleep(LOOKS_S)
    end = time.monotonic() + START_S
    while started.processes("first champions"):
        if time.monotonic() > end:
            raise DidNotServe("first champions are still being trained")
        time.sleep(LOOK_S)


def variants(prepared: Prepared, environment: Mapping[str, str]) -> list[Understudy]:
    return [Understudy(name, prepared, setting, environment) for name, setting in known().items()]
