"""SIGTERM with requests in flight."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.reliability.chaos import counted
from tests.reliability.chaos.clients import Asked
from tests.reliability.chaos.grounds import SMALL, Asking, Finding, Grounds, until

IN_FLIGHT = 50
ANSWER_S = 2.5
"""What the LLM takes, so that all of them are still waiting when the signal comes."""
GRACE_S = 30.0
"""What Kubernetes gives."""


def sigterm(grounds: Grounds, asking: Asking) -> Finding:
    started, path = asking.started, f"/api/v1/predict/{SMALL}"
    asking.llm.behaviour, asking.llm.latency_s = "good", ANSWER_S
    before = len(asking.llm.calls)

    def ask() -> Asked:
        due = time.monotonic()
        try:
            reply = client.post(path, json=asking.unsure)
        except httpx.HTTPError as error:
            return Asked(path, due, time.monotonic(), 0, error=type(error).__name__)
        told = str(reply.json()["id"]) if reply.status_code == 200 else ""
        return Asked(path, due, time.monotonic(), reply.status_code, told, "retry-after" in reply.headers)

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    with (
        ThreadPoolExecutor(IN_FLIGHT) as pool,
        httpx.Client(base_url=started.url, limits=limits, timeout=40, verify=False) as client,
    ):
        sent = [pool.submit(ask) for _ in range(IN_FLIGHT)]
        until(lambda: len(asking.llm.calls) - before >= IN_FLIGHT, "all of them at the LLM", 10)
        began = time.monotonic()
        started.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        late = [ask() for _ in range(10)]
        asked = [each.result() for each in sent]
    status = started.process.wait(60)
    gone_s = time.monotonic() - began
    missing, refused = counted.lost(asked, started.state), [each for each in late if each.status in (0, 503)]
    held = counted.share(asked) == 100.0 and not missing and len(refused) == len(late) and gone_s <= GRACE_S
    told = (
        f"{sum(each.answered for each in asked)} of {IN_FLIGHT} answered, failures "
        f"{counted.failures(asked) or 'none'}; lost {len(missing)}; new ones refused {len(refused)} of {len(late)} "
        f"{counted.failures(late)}; all gone after {gone_s:.1f} s, exit {status}"
    )
    figures = {"answered": counted.share(asked), "lost": len(missing), "refused": len(refused), "gone_s": gone_s}
    must = f"all answered within the grace ({GRACE_S:g} s), new ones refused"
    return Finding(f"SIGTERM with {IN_FLIGHT} requests in flight", must, told, held, figures)
