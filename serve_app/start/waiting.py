"""Waits until there are answers, telling what is being waited for."""

from __future__ import annotations

import time
from typing import Any

import httpx

from serve_app.core.json_schema import example
from serve_app.core.use_case import UseCase
from serve_app.start.settings import Settings
from serve_app.start.telling import Phases

START_S = 180.0
TRAINING_S = 900.0
PAUSE_S = 0.25
WATCH_S = 10.0
MISSES = 6
BUSY = 60
"""Looks in a row without any answer, not even a refusal: under far too much load the question waits like any other."""

PROBE = {"X-Request-ID": "understudy-start"}
"""The first question is made up: it is logged under this name, so that learning can leave it out."""

CLIENT = httpx.Client(trust_env=False)


class Failed(Exception):
    """The application does not come up; the text says why."""


def wait_until_answering(settings: Settings, phases: Phases) -> None:
    """Until the first real answer over HTTP."""
    with phases("application ready"):
        _until(lambda: _ready(settings), START_S, "the application is not ready")
    with phases("first answer"):
        _until(lambda: _ask_once(settings), START_S, "no question was answered")


def wait_until_deployed() -> None:
    """Until every application runs; one that cannot run is told in the end by /readyz."""
    from ray import serve

    def deployed() -> bool:
        return all(app.status.value != "DEPLOYING" for app in serve.status().applications.values())

    _until(deployed, START_S, "the pipelines have not started")


def wait_until_trained(settings: Settings, phases: Phases) -> None:
    """Until no use case is being trained any more: a first start has students to make."""
    if not _training(settings):
        return
    print("    students are being trained; questions are answered meanwhile", flush=True)
    with phases("students trained"):
        told: dict[str, str] = {}
        _until(lambda: not _tell_changes(settings, told), TRAINING_S, "training has not ended")


def stay_while_alive(settings: Settings) -> None:
    """Stays as long as the application answers. Raises Failed when it has gone for good, and much later when nothing
    is heard of it: to end it because it is asked too much would be the worst answer."""
    missed, busy, since = 0, 0, time.monotonic()
    while missed < MISSES and busy < BUSY:
        time.sleep(WATCH_S)
        try:
            CLIENT.get(f"{settings.address}/livez", timeout=WATCH_S)
            missed, busy, since = 0, 0, time.monotonic()
        except httpx.TimeoutException:
            busy += 1
        except httpx.HTTPError:
            missed += 1
    raise Failed(f"nothing has answered at {settings.address} for {time.monotonic() - since:.0f} s")


def _get(settings: Settings, path: str, patience_s: float) -> httpx.Response | None:
    """No proxy of the environment's: it could not reach this machine's own address."""
    try:
        return CLIENT.get(f"{settings.address}{path}", headers=settings.headers, timeout=patience_s)
    except httpx.HTTPError:
        return None


def _until(done: Any, patience_s: float, what: str) -> None:
    end = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > end:
            raise Failed(f"{what} after {patience_s:g} s; see the logs in the Ray dashboard")
        time.sleep(PAUSE_S)


def _ready(settings: Settings) -> bool:
    answer = _get(settings, "/readyz", 5)
    if answer is None:
        _fail_if_serve_did()
    return answer is not None and answer.status_code == 200


def _fail_if_serve_did() -> None:
    from ray import serve

    for name, app in serve.status().applications.items():
        if app.status.value in ("DEPLOY_FAILED", "UNHEALTHY"):
            raise Failed(f"application {name}: {app.message.strip().splitlines()[-1][:500]}")


def parts(settings: Settings) -> list[dict[str, Any]]:
    answer = _get(settings, "/readyz", 10)
    return [] if answer is None or answer.status_code not in (200, 503) else answer.json()["parts"]


def _training(settings: Settings) -> dict[str, str]:
    """Use cases without a student for which one is being trained, or is trained and not loaded yet."""
    return {
        part["name"].removeprefix("use_case:"): part["detail"]
        for part in parts(settings)
        if part["name"].startswith("use_case:") and part["state"] == "cold" and _coming(part["detail"])
    }


def _coming(detail: str) -> bool:
    return "training:" in detail or "is the champion" in detail


def _tell_changes(settings: Settings, told: dict[str, str]) -> bool:
    """True while somebody is being trained."""
    now = _training(settings)
    for name, detail in now.items():
        if told.get(name) != detail:
            told[name] = detail
            print(f"    {name}: {detail.rpartition('; ')[2]}", flush=True)
    return bool(now)


def _ask_once(settings: Settings) -> bool:
    """Whether any use case answers: on a first start some still wait for their data."""
    return any(_answers(settings, name, use_case) for name, use_case in settings.catalogue.all().items())


def _answers(settings: Settings, name: str, use_case: UseCase) -> bool:
    address, headers = f"{settings.address}/api/v1/predict/{name}", {**PROBE, **settings.headers}
    try:
        return CLIENT.post(address, json=example(use_case.fields), headers=headers, timeout=30).status_code == 200
    except httpx.HTTPError:
        return False
