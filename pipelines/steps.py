"""The steps by name, and what runs one in a process of its own.

Whatever a step does (answers, refuses, fails), what comes back is a value: exceptions of libraries do not
always survive the way between processes, and a trace of one shall not reach whoever asked for the job.
"""

from __future__ import annotations

import importlib
import logging
import math
import os
import re
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel, SecretStr

from pipelines.run import Came, Outputs, Refusal, Run, Step
from serve_app.core.errors import Unavailable, UnderstudyError

STEPS: Mapping[str, str] = {
    "collect": "pipelines.collect:collect",
    "prepare": "pipelines.prepare:prepare",
    "train": "pipelines.train:challenger",
    "evaluate": "pipelines.judge:evaluate",
    "promote": "pipelines.promote:promote",
    "score": "pipelines.score:score",
}
"""Where each step is: imported where it runs, and nowhere else."""

LINES = 200
LINE = 500
TEXT = 500


@dataclass(frozen=True, slots=True)
class Ended:
    """How one attempt at a step ended. ``refused`` would come to the same again, ``failed`` may not;
    ``cancelled`` was stopped because somebody asked. ``trace`` is for the log of whoever runs the
    pipelines only."""

    how: Literal["done", "refused", "failed", "cancelled"]
    outputs: Outputs = field(default_factory=dict)
    code: str = ""
    text: str = ""
    log: str = ""
    duration_s: float = 0.0
    trace: str = ""


class Attempt(Protocol):
    """A step that is under way somewhere."""

    def wait(self, seconds: float) -> Ended | None:
        """None while it is still under way."""

    def stop(self) -> None:
        """Ends its process, and returns when it does no more."""


class Start(Protocol):
    """Starts a step in a process of its own: on the cluster, or in tests on this machine."""

    def __call__(self, step: str, run: Run, came: Came) -> Attempt: ...


def perform(step: str, run: Run, came: Came, steps: Mapping[str, str] = STEPS) -> Ended:
    """Runs one step here and now."""
    started = time.monotonic()
    clean = Redacted(_secrets(run))
    with _captured(clean) as lines:
        ended = _attempted(step, run, came, steps, clean)
    return Ended(
        ended.how, ended.outputs, ended.code, ended.text, "\n".join(lines), time.monotonic() - started, ended.trace
    )


def _attempted(step: str, run: Run, came: Came, steps: Mapping[str, str], clean: Redacted) -> Ended:
    try:
        return Ended("done", plain(_found(steps[step])(run, came)))
    except Refusal as refusal:
        return Ended("refused", code=refusal.code, text=clean(refusal.detail))
    except Unavailable as error:  # a part that is away may be back at the next attempt
        return Ended("failed", code=error.code, text=clean(str(error)), trace=clean(traceback.format_exc()))
    except UnderstudyError as error:
        return Ended("refused", code=error.code, text=clean(str(error)), trace=clean(traceback.format_exc()))
    except Exception as error:
        said = (str(error).strip().splitlines() or [""])[0]
        text = f"{type(error).__name__}: {said}" if said else type(error).__name__
        return Ended("failed", code="step_failed", text=clean(text)[:TEXT], trace=clean(traceback.format_exc()))


def _found(address: str) -> Step:
    module, name = address.split(":")
    step: Step = getattr(importlib.import_module(module), name)
    return step


class Redacted:
    """Takes what must not be read by others out of a text: known secrets, and the passwords in URLs."""

    LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
    SHORTEST = 4  # a shorter one would blot out half of every text

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted({each for each in secrets if len(each) >= self.SHORTEST}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return self.LOGIN.sub("***@", text)


def _secrets(run: Run) -> Iterator[str]:
    yield from _secrets_of(run.platform)
    yield from (os.environ[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN") if name in os.environ)
    try:
        sources = run.configured().retraining.sources
    except UnderstudyError:  # the step itself will say so
        return
    for source in sources:
        if source.kind == "http" and source.key_env in os.environ:
            yield os.environ[source.key_env]


def _secrets_of(settings: BaseModel) -> Iterator[str]:
    for _, value in settings:
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            yield from _secrets_of(value)


@contextmanager
def _captured(clean: Callable[[str], str]) -> Iterator[deque[str]]:
    """The last lines that are logged within, without traces."""
    lines: deque[str] = deque(maxlen=LINES)
    handler, root = _Lines(lines, clean), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    if before > logging.INFO or before == logging.NOTSET:
        root.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


class _Lines(logging.Handler):
    def __init__(self, lines: deque[str], clean: Callable[[str], str]) -> None:
        super().__init__(logging.INFO)
        self._lines, self._clean = lines, clean

    def emit(self, record: logging.LogRecord) -> None:
        try:
            at = time.strftime("%H:%M:%S", time.gmtime(record.created))
            said = record.getMessage().splitlines() or [""]
            error = f" ({record.exc_info[0].__name__})" if record.exc_info and record.exc_info[0] else ""
            self._lines.append(self._clean(f"{at} {record.levelname} {record.name}: {said[0]}{error}")[:LINE])
        except Exception:
            self.handleError(record)


def told(ended: Ended) -> dict[str, Any]:
    """As the durable workflow keeps it: JSON, without the trace and the log."""
    return {"how": ended.how, "outputs": ended.outputs, "code": ended.code, "text": ended.text}


def plain(value: Any) -> Any:
    """``value`` as JSON knows it: a figure that is no number is null, and NumPy's are Python's."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
