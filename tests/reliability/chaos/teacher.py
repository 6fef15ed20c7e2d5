"""An LLM that misbehaves over HTTP, each way in turn: every request is answered, and the breaker opens and closes."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx

from tests.reliability.chaos.grounds import DEADLINE_S, RESET_S, SMALL, Asking, Finding, Grounds, until

FAULTS = ("rate_limited", "server_error", "hang", "reset", "drip", "broken_json", "off_schema", "empty")
QUICK = ("server_error", "off_schema")
MARGIN_S = 1.0
MOST_CALLS = 20


def every_fault(grounds: Grounds, asking: Asking) -> Finding:
    found = {fault: _one(asking, fault) for fault in (QUICK if grounds.short else FAULTS)}
    worst = max(each["slowest_s"] for each in found.values())
    calls = max(each["calls"] for each in found.values())
    told_s = until(lambda: _gauge(asking) is not None, "the breaker's gauge", 30)
    held = all(each["held"] for each in found.values())
    closed_s = max(each["closed_s"] for each in found.values())
    told = (
        f"all 200 and degraded: {held}; slowest {worst:.1f} s; open after at most {calls} calls; closed again after at "
    )
    told += f"most {closed_s:.1f} s; in /readyz, and in the metrics within {told_s:.0f} s"
    must = f"always 200 degraded within the deadline ({DEADLINE_S:g} s); open within {MOST_CALLS} calls; recovers; told"
    return Finding(f"teacher: {', '.join(found)}", must, told, held, found)


def _one(asking: Asking, fault: str) -> dict[str, Any]:
    """From a closed breaker to a closed one."""
    llm, before = asking.llm, len(asking.llm.calls)
    llm.behaviour, answers = fault, []
    while not _is_open(asking) and len(answers) < 2 * MOST_CALLS:
        answers.append(_ask(asking))
    calls, told = len(llm.calls) - before, _is_open(asking)
    answers.append(_ask(asking))
    llm.behaviour = "good"
    closed_s = until(lambda: _ask(asking)["ok"] and not _is_open(asking), "a closed breaker", RESET_S + 15)
    slowest = max(each["seconds"] for each in answers)
    well = all(each["degraded"] for each in answers) and slowest <= DEADLINE_S + MARGIN_S
    return {"held": well and told and calls <= MOST_CALLS, "calls": calls, "slowest_s": slowest, "closed_s": closed_s}


def _ask(asking: Asking) -> dict[str, Any]:
    began = time.monotonic()
    reply = httpx.post(f"{asking.started.url}/api/v1/predict/{SMALL}", json=asking.unsure, timeout=30)
    answer = reply.json()
    well = reply.status_code == 200
    return {"degraded": well and answer["degraded"], "ok": well and not answer["degraded"],
            "seconds": time.monotonic() - began}  # fmt: skip


def _gauge(asking: Asking) -> float | None:
    """As it is scraped at the ports that Ray names in its session's folder."""
    titles = " ".join(word for each in asking.started.processes("/session_") for word in each.cmdline())
    session = re.search(r"/\S*/session_[\d_-]+", titles)
    assert session is not None
    ports = json.loads(Path(session[0], "prom_metrics_service_discovery.json").read_text())
    for target in (target for each in ports for target in each["targets"]):
        line = re.search(r"^ray_understudy_breaker_open\{.*\} (\S+)$", httpx.get(f"http://{target}/metrics").text, re.M)
        if line:
            return float(line[1])
    return None


def _is_open(asking: Asking) -> bool:
    return "not asked at present" in asking.started.parts()[f"teacher:{SMALL}"]["detail"]
