"""How throughput grows with 1, 2 and 4 replicas of the ingress over two simulated nodes, beside the cost model.

    python -m tests.benchmarks.scale [--replicas 1,2,4] [--connections 128] [--seconds 8] [--rounds 3]

Two Ray nodes on this one machine (``ray.cluster_utils.Cluster``), the application as ``build`` makes it with
``placement: fused`` and no log, HAProxy on the first node, and wrk. Both nodes share this machine's cores, and so
does the load: what can grow is only what those leave. The cost model (``docs/performance.md``) takes the CPU
microseconds a request that the first run shows in the ingress, in HAProxy, in wrk and in all the rest, and foretells
the others:

    rate(n) = min(n / ingress, cores / (ingress + haproxy + load + rest))
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.benchmarks.lone import NAME, lone_use_case
from tests.benchmarks.serving.asking import Ask
from tests.benchmarks.serving.numbers import numbers
from tests.benchmarks.serving.wrk import load, there
from tests.fakes.running import ROOT, free_port

START_S, WARM_S = 180.0, 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU microseconds a request."""

    ingress: float
    haproxy: float
    load: float
    rest: float

    def rate(self, replicas: int, cores: int) -> float:
        """Requests a second that so many replicas on so many cores can answer."""
        return 1e6 * min(replicas / self.ingress, cores / (self.ingress + self.haproxy + self.load + self.rest))


@dataclass(frozen=True, slots=True)
class Found:
    """``on``: replicas by node."""

    replicas: int
    on: list[int]
    rate: float
    p99_ms: float
    failed: int
    cost: Cost


def main() -> int:
    asked = _arguments()
    if asked.one is not None:
        print(json.dumps(asdict(_measured(asked.one, asked.connections, asked.seconds, Path(asked.data)))))
        return 0
    if not there():
        raise SystemExit("this needs wrk")
    with tempfile.TemporaryDirectory() as data:
        lone_use_case(Path(data))
        found: dict[int, list[Found]] = {count: [] for count in asked.replicas}
        for turn in range(asked.rounds):
            for count in asked.replicas:
                print(f"round {turn + 1} of {asked.rounds}: {count} replicas", file=sys.stderr, flush=True)
                found[count].append(_apart(count, asked, Path(data)))
    told = _told(found)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"table": told, "rounds": {k: [asdict(f) for f in v] for k, v in found.items()}},
                                    indent=1) + "\n")  # fmt: skip
    print("\n".join(_lines(told)))
    return 0


def _apart(count: int, asked: argparse.Namespace, data: Path) -> Found:
    """In a process of its own: Ray and Serve read their environment once."""
    own = ["--one", str(count), "--connections", str(asked.connections), "--seconds", str(asked.seconds)]
    done = subprocess.run([sys.executable, "-m", "tests.benchmarks.scale", *own, "--data", str(data)], cwd=ROOT,
                          capture_output=True, text=True, timeout=600)  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(done.stderr[-1500:])
    came = json.loads(done.stdout.splitlines()[-1])
    return Found(**{**came, "cost": Cost(**came["cost"])})


def _measured(count: int, connections: int, seconds: float, data: Path) -> Found:
    from serve_app.start.environment import set_environment

    set_environment()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"PLACEMENT": "fused", "STORE__PREDICTIONS": "drop", "REPLICAS__INGRESS": str(count),
                    "STATE": str(data / "state"), "STORE__URL": f"sqlite:///{folder}/events.db"}  # fmt: skip
        os.environ.update({f"UNDERSTUDY_{name}": value for name, value in settings.items()})
        stop = _start(data / "configs", port)
        try:
            return _asked(count, f"http://127.0.0.1:{port}", connections, seconds, Path(folder))
        finally:
            stop()


def _start(configs: Path, port: int) -> Callable[[], None]:
    import ray
    from ray import serve
    from ray.cluster_utils import Cluster

    from serve_app.app import AppArgs, build

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    cluster.add_node(num_cpus=2)
    ray.init(address=cluster.address, namespace="serve", log_to_driver=False, logging_level="ERROR")
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
    serve.run(build(AppArgs(configs=str(configs))), name="understudy", route_prefix="/")

    def stop() -> None:
        serve.shutdown()
        ray.shutdown()
        cluster.shutdown()

    return stop


def _asked(count: int, url: str, connections: int, seconds: float, folder: Path) -> Found:
    made = numbers(1024)
    bodies = [json.dumps(each).encode() for each in made.records(slice(0, 1024))]
    ask = Ask(f"/api/v1/predict/{NAME}", bodies, [[each] for each in made.expected], lambda body: [])
    _until_answering(url, ask, count)
    load(url, ask, connections, WARM_S, folder)
    before = _seconds()
    found = load(url, ask, connections, seconds, folder)
    after = _seconds()
    spent = {kind: 1e6 * (after[kind] - before[kind]) / found.requests for kind in before}
    return Found(count, _nodes(), found.rate, found.p99_ms, found.failed, Cost(**spent))


def _until_answering(url: str, ask: Ask, count: int) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            reply = httpx.post(url + ask.path, content=ask.bodies[0], headers={"content-type": "application/json"})
            if reply.status_code == 200 and reply.json()["source"] == "student" and len(_ingresses()) == count:
                break
        except httpx.HTTPError:
            pass
        if time.monotonic() > end:
            raise SystemExit("it did not answer in time")
        time.sleep(0.2)
    time.sleep(WARM_S)  # HAProxy takes in the last replica


def _seconds() -> dict[str, float]:
    """CPU seconds so far, by what a process is; wrk's own are those of children that have ended."""
    ours, mine = psutil.Process().children(recursive=True), psutil.Process().cpu_times()
    spent = {"ingress": 0.0, "haproxy": 0.0, "load": mine.children_user + mine.children_system, "rest": 0.0}
    for process in ours:
        try:
            command, times = " ".join(process.cmdline()), process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        kind = "ingress" if "ServeReplica:understudy:Ingress" in command else "rest"
        spent["haproxy" if "/haproxy -db" in command else kind] += times.user + times.system
    return spent


def _ingresses() -> list[psutil.Process]:
    every = psutil.Process().children(recursive=True)
    return [each for each in every if "ServeReplica:understudy:Ingress" in " ".join(each.cmdline())]


def _nodes() -> list[int]:
    """How many ingress replicas each node holds: a node's processes are its raylet's children."""
    on: dict[int, int] = {}
    for each in _ingresses():
        on[each.ppid()] = on.get(each.ppid(), 0) + 1
    return sorted(on.values(), reverse=True)


def _told(found: Mapping[int, list[Found]]) -> list[dict[str, Any]]:
    cores, fewest = os.cpu_count() or 1, min(found)
    costs = [each.cost for each in found[fewest]]
    cost = Cost(*(statistics.median(getattr(each, name) for each in costs) for name in Cost.__slots__))
    rows = []
    for count, rounds in found.items():
        rate, foretold = statistics.median(each.rate for each in rounds), cost.rate(count, cores)
        rows.append({
            "replicas": count, "on": rounds[-1].on, "rate": round(rate), "foretold": round(foretold),
            "measured_of_foretold": round(rate / foretold, 2),
            "p99_ms": round(statistics.median(each.p99_ms for each in rounds), 1),
            "failed": sum(each.failed for each in rounds),
            "us_a_request": {name: round(statistics.median(getattr(each.cost, name) for each in rounds))
                             for name in Cost.__slots__},
        })  # fmt: skip
    return rows


def _lines(told: list[dict[str, Any]]) -> list[str]:
    head = "| replicas | on nodes | requests/s | foretold | measured / foretold | p99 ms | CPU us a request |"
    cells = [[each[name] for name in ("replicas", "on", "rate", "foretold", "measured_of_foretold", "p99_ms")]
             + [", ".join(f"{name} {us}" for name, us in each["us_a_request"].items())] for each in told]  # fmt: skip
    return [head, "|---" * 7 + "|", *("| " + " | ".join(map(str, row)) + " |" for row in cells)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--replicas", type=lambda text: [int(each) for each in text.split(",")], default=[1, 2, 4])
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "scale.json")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
