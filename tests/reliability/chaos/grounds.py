"""Understudies to be hurt: one use case, two replicas of what can have two, and a look at how they are."""

from __future__ import annotations

import csv
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.ray_token import show_token
from serve_app.adapters.registries import open_registry
from serve_app.adapters.students import load_student
from serve_app.core.platform import Platform
from serve_app.core.ports import Registry, Student
from serve_app.core.rows import text_column
from tests.fakes.fake_openai import FakeOpenAI
from tests.fakes.running import ROOT, Running, running
from tests.fakes.small_models import stones, trained, write_use_case
from tests.reliability.chaos.clients import Load

NAME = "it_tickets"
MODEL, INGRESS = "ServeReplica:understudy:Model:", "ServeReplica:understudy:Ingress"
SMALL = "stones"
LABELS = {NAME: "account_access", SMALL: "pebble"}
DEADLINE_S, RESET_S = 8.0, 3.0
LLM = {
    "UNDERSTUDY_TEACHER__TIMEOUT_S": "3.5",
    "UNDERSTUDY_TEACHER__DEADLINE_S": f"{DEADLINE_S:g}",
    "UNDERSTUDY_TEACHER__CONCURRENCY": "64",
    "UNDERSTUDY_TEACHER__BREAKER__RESET_S": f"{RESET_S:g}",
}
PAIRS = {"UNDERSTUDY_REPLICAS__INGRESS": "2", "UNDERSTUDY_REPLICAS__MODEL": "2"}


@dataclass(frozen=True)
class Finding:
    """``measured``: in words; ``figures``: the same as numbers."""

    fault: str
    must: str
    measured: str
    held: bool
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Grounds:
    """``short``: as the tests do it; else as long as was asked for. ``say``: to whoever watches."""

    short: bool
    say: Callable[[str], None] = print

    def long(self, seconds: float, short: float) -> float:
        return short if self.short else seconds


@contextmanager
def understudy(environment: Mapping[str, str] = PAIRS) -> Iterator[Running]:
    """With one use case only: three would take three times as long to train."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        with running(folder, environment, sources(folder)) as started:
            calm(started)
            yield started


def sources(folder: Path) -> Path:
    """Configurations with that use case alone."""
    configs = folder / "source"
    shutil.copytree(ROOT / "configs", configs)
    for other in (configs / "use_cases").iterdir():
        if other.name != NAME:
            shutil.rmtree(other)
    return configs


@dataclass(frozen=True)
class Asking:
    """An Understudy with one small use case, whose LLM is ours to spoil. ``unsure``: what it is always asked about."""

    started: Running
    llm: FakeOpenAI
    unsure: dict[str, Any]
    registry: Registry


@contextmanager
def with_an_llm(environment: Mapping[str, str] = PAIRS) -> Iterator[Asking]:
    """Its student is registered before it starts, so that there is nothing to wait for."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, FakeOpenAI() as llm:
        source = Path(folder, "source")
        use_case = load_use_case(write_use_case(source, SMALL))
        shutil.copy(ROOT / "configs/platform.yaml", source)
        registry = open_registry(Platform(state=f"{folder}/state"))
        bundle = trained(use_case)
        registry.set_alias(SMALL, "champion", registry.register(SMALL, bundle, {}, {}).version)
        settings = {"API_KEY": "not-a-real-key", "BASE_URL": llm.base_url}
        wanted = {f"UNDERSTUDY_TEACHER__OPENAI__{name}": value for name, value in settings.items()}
        with running(Path(folder), {**LLM, **wanted, **environment}, source) as started:
            yield Asking(started, llm, _unsure(load_student(bundle, "1")), registry)


def _unsure(student: Student) -> dict[str, Any]:
    """The stone that the student is least sure of."""
    rows = stones(60, seed=5).rows
    nothing = text_column([None] * 60)
    surest = student.answer(rows.with_columns({"stone": nothing, "shelf": nothing})).probabilities.max(axis=1)
    return _said(rows.record(int(surest.argmin())))


def calm(started: Running) -> None:
    """No retrain comes of what is asked here."""
    until(lambda: started.parts()[f"use_case:{NAME}"]["state"] == "ready", "a student", 300)
    quiet = httpx.patch(f"{started.url}/api/v1/train/{NAME}/schedule", json={"enabled": False}, timeout=60)
    quiet.raise_for_status()


def use_case_of(started: Running) -> str:
    """The only one."""
    (folder,) = (started.configs / "use_cases").iterdir()
    return folder.name


def questions(started: Running) -> list[tuple[str, Any]]:
    name = use_case_of(started)
    return [(f"/api/v1/predict/{name}", row) for row in (_tickets(started) if name == NAME else _stones())]


def _tickets(started: Running) -> list[dict[str, Any]]:
    with (started.configs / f"use_cases/{NAME}/recorded_llm.csv").open(newline="", encoding="utf-8") as file:
        rows = itertools.islice(csv.DictReader(file), 400)
        return [{"tech_raw_text": row["tech_raw_text"], "solving": row["solving"]} for row in rows]


def _stones() -> list[dict[str, Any]]:
    rows = stones(100, seed=7).rows
    return [_said(rows.record(number)) for number in range(100)]


def _said(record: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is missing."""
    return {name: value for name, value in record.items() if value is not None and value == value}


def load(started: Running, rate: float = 0.0, clients: int = 16, told: bool = True) -> Load:
    """``told``: every tenth answer gets a label."""
    label = LABELS[use_case_of(started)] if told else None
    return Load(started.url, questions(started), rate, clients, label)


def kill(victims: list[psutil.Process]) -> None:
    assert victims, "there is nobody to kill"
    for each in victims:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(victims, timeout=5)


def running_replicas(started: Running, application: str = "understudy") -> dict[str, int]:
    """By deployment, how many Serve calls RUNNING; nothing while the dashboard does not answer."""
    from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

    show_token()
    try:
        details = ServeSubmissionClient(started.dashboard).get_serve_details()
    except Exception:
        return {}
    deployments = details["applications"].get(application, {}).get("deployments", {})
    return {
        name: sum(each["state"] == "RUNNING" for each in deployment["replicas"])
        for name, deployment in deployments.items()
    }


def amiss(started: Running, replicas: Mapping[str, int]) -> str:
    """What is not as before: replicas, or parts that are not ready. Empty when all is well."""
    try:
        parts = httpx.get(f"{started.url}/readyz", timeout=5).json()["parts"]
    except (httpx.HTTPError, KeyError, ValueError) as error:
        return f"/readyz: {type(error).__name__}"
    now = running_replicas(started)
    wrong = [f"{part['name']}: {part['detail']}" for part in parts if part["state"] != "ready"]
    return "; ".join([*wrong, *([] if now == dict(replicas) else [f"{now} and not {dict(replicas)}"])])


def until_whole(started: Running, replicas: Mapping[str, int], patience_s: float = 120.0) -> float:
    """Seconds until all is as before."""
    began = time.monotonic()
    while wrong := amiss(started, replicas):
        assert time.monotonic() - began < patience_s, f"not whole after {patience_s:g} s: {wrong}"
        time.sleep(0.1)
    return time.monotonic() - began


def until(true: Callable[[], Any], what: str, patience_s: float = 60.0) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    while True:
        with suppress(httpx.HTTPError):
            if true():
                return time.monotonic() - began
        assert time.monotonic() - began < patience_s, f"{what} did not come within {patience_s:g} s"
        time.sleep(0.1)
