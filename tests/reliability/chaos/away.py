"""Redis, MLflow and the object store away for a minute: predictions go on, ``/readyz`` says who is missing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil

from tests.fakes.mlflow_server import mlflow_server
from tests.fakes.redis_server import RedisServer
from tests.fakes.running import Running
from tests.fakes.s3_server import s3_server
from tests.reliability.chaos import counted
from tests.reliability.chaos.grounds import Finding, Grounds, calm, load, running, sources, until

RATE = 20.0
REDIS, MLFLOW, BUCKET = "budget", "registry", "data"


def stores(grounds: Grounds) -> list[Finding]:
    """An Understudy that has all three, one away after the other."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        (folder / "mlflow").mkdir()
        tracking = opened.enter_context(mlflow_server(folder / "mlflow", f"sqlite:///{folder}/mlflow/mlflow.db"))
        redis, bucket = RedisServer(), opened.enter_context(s3_server())
        wanted = {"UNDERSTUDY_BUDGET__URL": redis.url, "UNDERSTUDY_REGISTRY__URI": tracking,
                  "UNDERSTUDY_DATA__ROOT": f"s3://{bucket.bucket}/ours",
                  "UNDERSTUDY_DATA__S3_ENDPOINT": bucket.endpoint}  # fmt: skip
        started = opened.enter_context(running(folder, wanted, sources(folder)))
        calm(started)
        return [
            _away(grounds, started, "Redis", REDIS, redis.stopped),
            _away(grounds, started, "MLflow", MLFLOW, lambda: _frozen(tracking)),
            _away(grounds, started, "the object store", BUCKET, bucket.stopped),
        ]


def _away(grounds: Grounds, started: Running, who: str, part: str, away) -> Finding:  # type: ignore[no-untyped-def]
    asking, named = load(started, RATE), ""
    with asking.running():
        time.sleep(2)
        with away():
            end = time.monotonic() + grounds.long(60, 8)
            while time.monotonic() < end:
                parts = started.parts()
                named = named or (parts[part]["detail"] if parts[part]["state"] != "ready" else "")
                time.sleep(1)
        back_s = until(lambda: all(each["state"] == "ready" for each in started.parts().values()), "all ready", 60)
    asked, missing = asking.asked, counted.lost(asking.asked, started.state)
    read = httpx.get(f"{started.url}/api/v1/predict/models", timeout=10).status_code
    held = counted.share(asked) == 100.0 and bool(named) and not missing and read == 200
    told = (
        f"{counted.share(asked):.2f} % of {len(asked):,}, failures {counted.failures(asked) or 'none'}; /readyz: "
        f"“{named[:80]}”; ready again after {back_s:.1f} s; lost {len(missing)}"
    )
    figures = {"answered_percent": counted.share(asked), "named": named, "back_s": back_s, "lost": len(missing)}
    return Finding(f"{who} away", "reads and predictions go on, /readyz names the cause", told, held, figures)


@contextmanager
def _frozen(url: str) -> Iterator[None]:
    """The server of that address takes connections and says nothing, which is worse than to be gone."""
    port = int(url.rpartition(":")[2])
    held = {each.pid for each in psutil.net_connections("tcp") if each.laddr and each.laddr.port == port and each.pid}
    frozen = [psutil.Process(pid) for pid in held if f"--port {port}" in " ".join(psutil.Process(pid).cmdline())]
    frozen = [*frozen, *(child for each in frozen for child in each.children(recursive=True))]
    assert frozen
    for each in frozen:
        each.suspend()
    try:
        yield
    finally:
        for each in frozen:
            each.resume()
