"""Steps of a few lines that behave as the job's params tell them, and a runner of steps in threads.

{"fail": {"collect": 2}}     collect fails twice, then works
{"refuse": "prepare"}        prepare refuses
{"hang": "train"}            train goes on until it is stopped
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

from pipelines.run import Came, Outputs, Refusal, Run
from pipelines.steps import Attempt, Ended, perform

SMALL_STEPS = {name: f"tests.fakes.small_steps:{name}" for name in ("collect", "prepare", "train", "evaluate")} | {
    "promote": "tests.fakes.small_steps:promote",
    "score": "tests.fakes.small_steps:score",
}

log = logging.getLogger("understudy.small")


def collect(run: Run, came: Came) -> Outputs:
    return _behave("collect", run, came, {"rows": 10, "path": "raw"})


def prepare(run: Run, came: Came) -> Outputs:
    return _behave("prepare", run, came, {"dataset": "processed", "learn_rows": 8})


def train(run: Run, came: Came) -> Outputs:
    return _behave("train", run, came, {"version": "7"})


def evaluate(run: Run, came: Came) -> Outputs:
    outcome = str(run.params.get("outcome", "promote"))
    return _behave("evaluate", run, came, {"outcome": outcome, "reasons": [], "figures": {"macro_f1": float("nan")}})


def promote(run: Run, came: Came) -> Outputs:
    promoted = came["evaluate"]["outcome"] == "promote"
    return _behave("promote", run, came, {"promoted": promoted, "version": came["train"]["version"]})


def score(run: Run, came: Came) -> Outputs:
    return _behave("score", run, came, {"rows": 3})


def runs(state: Path, step: str) -> int:
    """How often a step was begun."""
    file = state / f"{step}.runs"
    return len(file.read_text()) if file.exists() else 0


def _behave(step: str, run: Run, came: Came, outputs: Outputs) -> Outputs:
    run.configured()
    log.info("%s has %s", step, sorted(came))
    run.state.mkdir(parents=True, exist_ok=True)
    with (run.state / f"{step}.runs").open("a") as file:
        file.write("x")
    if runs(run.state, step) <= run.params.get("fail", {}).get(step, 0):
        raise OSError(f"no way to postgresql://ani:hush@{step}/db")
    if run.params.get("refuse") == step:
        raise Refusal("too_bad", f"{step} will not")
    if run.params.get("hang") == step:
        time.sleep(float(run.params.get("seconds", 3600)))
    return outputs


class ThreadAttempt:
    """Cannot be stopped, as no thread can, but is let go."""

    def __init__(self, step: str, run: Run, came: Came) -> None:
        self._ended: Ended | None = None
        self.stopped = False
        self._thread = threading.Thread(target=self._perform, args=(step, run, came), daemon=True)
        self._thread.start()

    def _perform(self, *what: Any) -> None:
        self._ended = perform(*what, steps=SMALL_STEPS)

    def wait(self, seconds: float) -> Ended | None:
        self._thread.join(seconds)
        return self._ended

    def stop(self) -> None:
        self.stopped = True


class InThreads:
    """Implements ``Start``; keeps every attempt in ``attempts``."""

    def __init__(self) -> None:
        self.attempts: list[ThreadAttempt] = []

    def __call__(self, step: str, run: Run, came: Came) -> Attempt:
        self.attempts.append(ThreadAttempt(step, run, came))
        return self.attempts[-1]
