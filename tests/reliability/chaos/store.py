"""The event log away for a minute, a PostgreSQL that is stopped: nothing is answered and lost, and with a journal
nothing is refused either."""

from __future__ import annotations

import time
from contextlib import suppress

import psycopg

from tests.fakes.postgres_server import PostgresServer
from tests.fakes.running import Running
from tests.reliability.chaos import counted
from tests.reliability.chaos.clients import Asked
from tests.reliability.chaos.grounds import PAIRS, Finding, Grounds, load, until, with_an_llm

RATE, EDGE_S = 20.0, 1.0
DELIVERED_S = 10.0
"""Within which every journal has been looked at, once the log is back."""
BUFFER_MB = 64


def away(grounds: Grounds) -> list[Finding]:
    return [_away(grounds, buffer_mb) for buffer_mb in (0, BUFFER_MB)]


def _away(grounds: Grounds, buffer_mb: int) -> Finding:
    server = PostgresServer()
    url, seconds = server.database(), grounds.long(60, 8)
    store = {"UNDERSTUDY_STORE__URL": url, "UNDERSTUDY_STORE__BUFFER_MB": str(buffer_mb)}
    with with_an_llm({**PAIRS, **store}) as hurt:
        asking = load(hurt.started, RATE, told=False)
        with asking.running():
            time.sleep(2)
            with server.stopped():
                began = time.monotonic()
                time.sleep(seconds - EDGE_S)
                named = _store(hurt.started)["detail"]
                ended = time.monotonic()
            back_s = until(lambda: _whole(hurt.started), "a store that is back, and an empty journal", 60)
            time.sleep(1)
        with suppress(AssertionError):  # `/readyz` is answered by one replica, and each has a journal of its own
            until(lambda: not _missing(url, asking.asked), "what was answered", DELIVERED_S)
        missing = _missing(url, asking.asked)
    meanwhile = [each for each in asking.asked if began + EDGE_S <= each.due < ended - EDGE_S]
    share, rude = counted.share(meanwhile), len(counted.impolite(meanwhile))
    held = share == (100.0 if buffer_mb else 0.0) and not rude and not missing
    told = (
        f"of {len(meanwhile):,} meanwhile {share:.2f} % answered, {rude} refused without Retry-After; "
        f"/readyz: “{named}”; whole again after {back_s:.1f} s; of all {len(asking.asked):,} lost {len(missing)}"
    )
    must = "answered, and delivered once" if buffer_mb else "refused with Retry-After: never answered and lost"
    figures = {"answered_percent": share, "rude": rude, "lost": len(missing), "back_s": back_s, "named": named}
    return Finding(f"event log away {seconds:g} s, {'with' if buffer_mb else 'no'} journal", must, told, held, figures)


def _store(started: Running) -> dict[str, str]:
    return {name: str(said) for name, said in started.parts()["store"].items()}


def _whole(started: Running) -> bool:
    store = _store(started)
    return store["state"] == "ready" and "wait" not in store["detail"]


def _missing(url: str, asked: list[Asked]) -> list[str]:
    """An id is a key there, so that what is there is there once."""
    with psycopg.connect(url) as log:
        known = {row[0] for row in log.execute("SELECT id FROM predictions")}
    return sorted({each.id for each in asked if each.answered} - known)
