"""The servers that Understudy is measured beside, each as its own documentation advises for much load on few
cores; where that leaves a choice, every setting is here and the best one is measured.

All answer on 127.0.0.1. None keeps a log of its answers.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.benchmarks.serving import peer_asks
from tests.benchmarks.serving.asking import Ask
from tests.benchmarks.serving.environments import APPS, environment
from tests.benchmarks.serving.prepared import Prepared
from tests.benchmarks.serving.systems import DidNotServe, Server, process
from tests.fakes.running import free_port

Command = Callable[[Path, Path, int], Sequence[str]]
"""Of ``bin``, the server's folder and its port."""


@dataclass(frozen=True)
class Peer:
    """``made_by``: whose environment; ``asks``: by kind, what it takes; ``setting``: what its app reads."""

    name: str
    family: str
    title: str
    tuned: str
    made_by: str
    command: Command
    asks: Mapping[str, Callable[[Prepared], Ask]]
    prepared: Prepared
    setting: Mapping[str, str] = field(default_factory=dict)
    texts: Command | None = None

    def ask(self, kind: str) -> Ask | None:
        made = self.asks.get(kind)
        return made(self.prepared) if made else None

    @contextmanager
    def serving(self, kind: str, folder: Path) -> Iterator[Server]:
        ask, port, found = self.ask(kind), free_port(), environment(self.made_by)
        command = self.texts if kind == "texts" and self.texts else self.command
        assert ask is not None
        model = texts_model(self.prepared.data) if kind == "texts" else self.prepared.model
        path = f"{found}{os.pathsep}{os.environ.get('PATH', '')}"  # some start their servers by name
        told = {**QUIET, "PATH": path, "BENCH_MODEL": str(model), "PYTHONPATH": str(APPS), **self.setting}
        with process(command(found, folder, port), told, folder, f"http://127.0.0.1:{port}", ask) as server:
            yield server


QUIET = {"OMP_NUM_THREADS": "1", "BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true",
         "DO_NOT_TRACK": "1", "UVICORN_ACCESS_LOG": "false"}  # fmt: skip
"""Nobody reports anything or logs its requests; a thread a process, since more than the cores only get in the way."""


def peers(prepared: Prepared) -> list[Peer]:
    return [*_fastapi(prepared), *_bentoml(prepared), *_litserve(prepared), *_mlserver(prepared), *_mlflow(prepared)]


def _fastapi(prepared: Prepared) -> Iterator[Peer]:
    for workers in (1, 2):
        yield Peer(
            f"fastapi-{workers}", f"fastapi-{workers}", f"FastAPI + uvicorn, {workers} worker{'s' * (workers > 1)}",
            f"uvicorn --workers {workers}, uvloop, httptools, no access log; async, pydantic, model in process",
            "fastapi", _uvicorn("fastapi_numbers", workers),
            {"numbers": peer_asks.fastapi_row, "batch-json": peer_asks.fastapi_batch, "texts": peer_asks.fastapi_text},
            prepared, texts=_uvicorn("fastapi_texts", workers),
        )  # fmt: skip
    yield Peer(
        "fastapi-tutorial-2", "fastapi-tutorial-2", "FastAPI as in its tutorial, 2 workers",
        "uvicorn --workers 2, uvloop, httptools, no access log; def endpoint, pydantic in and out, model in process",
        "fastapi", _uvicorn("fastapi_tutorial", 2), {"numbers": peer_asks.fastapi_row}, prepared,
    )  # fmt: skip


def _uvicorn(app: str, workers: int) -> Command:
    return lambda found, folder, port: [
        str(found / "uvicorn"), f"{app}:app", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip


def _bentoml(prepared: Prepared) -> Iterator[Peer]:
    for workers, batch in ((1, "yes"), (2, "yes"), (2, "")):
        said = "adaptive batching" if batch else "no batching"
        yield Peer(
            f"bentoml-{workers}{'-batching' * bool(batch)}", "bentoml", "BentoML", f"{workers} worker(s), {said}",
            "bentoml",
            lambda found, folder, port: [str(found / "bentoml"), "serve", "bentoml_numbers:Numbers", "--host",
                                         "127.0.0.1", "--port", str(port), "--working-dir", str(APPS)],
            {"numbers": peer_asks.instances_row, "batch-json": peer_asks.instances_batch}, prepared,
            {"BENCH_WORKERS": str(workers), "BENCH_BATCH": batch, "BENTOML_HOME": str(prepared.data / "bentoml")},
        )  # fmt: skip


def _litserve(prepared: Prepared) -> Iterator[Peer]:
    for workers, servers, batch in ((1, 1, 32), (1, 2, 32), (2, 1, 1)):
        said = f"batches of {batch}, 2 ms" if batch > 1 else "no batching"
        yield Peer(
            f"litserve-{workers}-{servers}-{batch}", "litserve", "LitServe",
            f"{workers} model worker(s), {servers} API server(s), fast queue, {said}", "litserve",
            lambda found, folder, port: [str(found / "python"), str(APPS / "litserve_numbers.py"), str(port)],
            {"numbers": peer_asks.litserve_row, "batch-json": peer_asks.litserve_batch}, prepared,
            {"BENCH_WORKERS": str(workers), "BENCH_SERVERS": str(servers), "BENCH_BATCH": str(batch)},
        )  # fmt: skip


def _mlserver(prepared: Prepared) -> Iterator[Peer]:
    for workers, batch in ((0, 0), (0, 64), (2, 0)):
        said = f"adaptive batching up to {batch}, 2 ms" if batch else "no batching"
        yield Peer(
            f"mlserver-{workers}-{batch}", "mlserver", "MLServer",
            f"{f'{workers} inference workers' if workers else 'model in the server'}, {said}, no metrics, no debug",
            "mlserver", _mlserver_command(prepared.model, workers, batch),
            {"numbers": peer_asks.tensor_row, "batch-json": peer_asks.tensor_batch}, prepared,
        )  # fmt: skip


def _mlserver_command(model: Path, workers: int, batch: int) -> Command:
    def command(found: Path, folder: Path, port: int) -> Sequence[str]:
        settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_endpoint": None,
                    "metrics_port": free_port(), "parallel_workers": workers, "debug": False,
                    "load_models_at_startup": True}  # fmt: skip
        named: dict[str, Any] = {"name": "numbers", "implementation": "mlserver_lightgbm.LightGBMModel",
                                 "parameters": {"uri": str(model)}}  # fmt: skip
        batching = {"max_batch_size": batch, "max_batch_time": 0.002} if batch else {}
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "model-settings.json").write_text(json.dumps({**named, **batching}), encoding="utf-8")
        return [str(found / "mlserver"), "start", str(folder)]

    return command


def _mlflow(prepared: Prepared) -> Iterator[Peer]:
    for workers, form in ((1, "inputs"), (2, "inputs"), (2, "dataframe_split")):
        yield Peer(
            f"mlflow-{workers}-{form}", "mlflow", "mlflow models serve",
            f"uvicorn with {workers} worker(s), local environment, rows as `{form}`", "mlflow",
            _mlflow_command(prepared, workers),
            {"numbers": peer_asks.mlflow_row(form), "batch-json": peer_asks.mlflow_batch(form)}, prepared,
        )  # fmt: skip


def _mlflow_command(prepared: Prepared, workers: int) -> Command:
    return lambda found, folder, port: [
        str(found / "mlflow"), "models", "serve", "-m", str(_mlflow_model(prepared.data, found)), "--env-manager",
        "local", "-h", "127.0.0.1", "-p", str(port), "-w", str(workers),
    ]  # fmt: skip


@cache
def _mlflow_model(data: Path, found: Path) -> Path:
    made = data / "mlflow_model"
    _python(found, "mlflow_model.py", data / "model.txt", made)
    return made


@cache
def texts_model(data: Path) -> Path:
    """Fitted in the environment that serves it."""
    tickets = data / "configs" / "use_cases" / "it_tickets" / "tickets.csv"
    model, expected = data / "texts.joblib", data / "texts_expected.json"
    _python(environment("fastapi"), "fastapi_texts_fit.py", tickets, data / "tickets.json", model, expected)
    return model


def _python(found: Path, script: str, *arguments: Path) -> None:
    done = subprocess.run([str(found / "python"), str(APPS / script), *map(str, arguments)],
                          capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
    if done.returncode:
        raise DidNotServe(f"{script}: {' '.join(done.stderr.split())[-300:]}")
