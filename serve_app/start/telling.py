"""What the terminal shows while starting and once it runs."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager

from serve_app.core.json_schema import example
from serve_app.start.settings import HOST, Settings

SHOWN = 3


class Phases:
    """Says how long each phase took, and the whole."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        print(f"  {time.monotonic() - self._began:6.1f} s  {name} ({time.monotonic() - began:.1f} s)", flush=True)


def banner(settings: Settings, phases: Phases) -> None:
    from serve_app.start.waiting import parts

    print(f"\nUnderstudy answers at {settings.address}   (API: {settings.address}/docs)")
    print(
        f"Ray dashboard         http://{HOST}:{settings.dashboard_port}   (its token: `.venv/bin/ray get-auth-token`)\n"
    )
    token = _login(settings)
    for name, use_case in list(settings.catalogue.all().items())[:SHOWN]:
        body = json.dumps(example(use_case.fields), ensure_ascii=False)
        print(f"curl -s {settings.address}/api/v1/predict/{name} -H 'content-type: application/json'{token} \\")
        print(f"  -d {shlex.quote(body)}\n")
    for part in parts(settings):
        kind = "real    " if part["real"] else "fallback"
        print(f"  {kind}  {part['name']:<24} {part['state']:<9} {part['detail']}")
    print("\nCtrl-C ends it.", flush=True)


def _login(settings: Settings) -> str:
    """What a call needs more, where somebody is asked who they are."""
    if settings.platform.auth.mode == "local":
        return ""
    print(f"TOKEN=$(curl -s {settings.address}/api/v1/auth/login -d username=… -d password=… | jq -r .access_token)\n")
    return ' -H "authorization: Bearer $TOKEN"'
