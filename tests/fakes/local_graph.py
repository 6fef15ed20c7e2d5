"""The whole graph in this process, in Serve's local testing mode, over real files: no Ray, no port.

What differs from a real Understudy is who carries the calls; deployments, rules, registry and event log
are the ones that serve.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from ray import serve
from ray.serve._private.replica import UserCallableWrapper

from serve_app.adapters.sql_event_log import SqlEventLog
from serve_app.app import AppArgs, build
from serve_app.core.ports import Answered, Asked
from serve_app.core.rows import Rows
from serve_app.deployments.ingress import IngressDesk

PATIENCE_S = 15.0
_names = (f"understudy-{number}" for number in itertools.count())


class LocalGraph:
    """``configs`` and ``state``: the folders it runs on."""

    def __init__(self, handle: Any, configs: Path, state: Path) -> None:
        self.handle, self.configs, self.state = handle, configs, state
        self.log = SqlEventLog(f"sqlite:///{state / 'events.db'}")

    def call(self, method: str, *args: Any) -> Any:
        return getattr(self.handle, method).remote(*args).result(timeout_s=60)

    def predict(self, use_case: str, rows: Rows, request_id: str = "r") -> Answered:
        return self.call("predict", use_case, rows, Asked(request_id, "kim"))

    def answers(self, use_case: str, rows: Rows) -> Sequence[dict[str, Any]]:
        return self.predict(use_case, rows).answers

    def model(self, use_case: str) -> dict[str, Any]:
        return next(each for each in self.call("models") if each["use_case"] == use_case)

    def http(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Over the ingress's HTTP application, on the loop that its replica runs on."""
        return self.https([(method, path, sent)])[0]

    def https(self, requests: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[httpx.Response]:
        """``http``, one after the other."""
        found = next(each for each in reversed(_wrappers()) if self._is_ingress(each))
        app = found._callable.__serve_build_asgi_app__()

        async def ask() -> list[httpx.Response]:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://local") as client:
                return [await client.request(method, path, **sent) for method, path, sent in requests]

        return asyncio.run_coroutine_threadsafe(ask(), found._user_code_event_loop).result(timeout=60)

    def _is_ingress(self, wrapper: UserCallableWrapper) -> bool:
        """Of those over the same state the one whose loop runs: one that ended lies about until the garbage is taken
        away, and the order they are found in is that of the collector's generations."""
        desk = wrapper._callable
        over = isinstance(desk, IngressDesk) and Path(desk._platform.state) == self.state
        return over and wrapper._user_code_event_loop.is_running()

    def part(self, name: str) -> Any:
        return next(each for each in self.call("parts") if each.name == name)


@contextmanager
def local_graph(configs: Path, state: Path, settings: Mapping[str, str]) -> Iterator[LocalGraph]:
    """``settings``: of platform.yaml, as environment variables without their prefix."""
    before = _wrappers()
    with _environment({"STATE": str(state), **settings}):
        handle = serve.run(build(AppArgs(configs=str(configs))), name=next(_names), _local_testing_mode=True)
    graph = LocalGraph(handle, configs, state)
    try:
        yield graph
    finally:
        graph.log.close()
        for (
            each
        ) in _wrappers():  # local testing mode has no shutdown: its loops would run on, and the watches with them
            if not any(each is other for other in before):
                each._user_code_event_loop.call_soon_threadsafe(each._user_code_event_loop.stop)


def until(true: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What ``true`` gives, once that is something."""
    end = time.monotonic() + patience_s
    while not (found := true()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
    return found


def _wrappers() -> list[UserCallableWrapper]:
    return [each for each in gc.get_objects() if isinstance(each, UserCallableWrapper)]


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    names = {f"UNDERSTUDY_{name}": value for name, value in settings.items()}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
