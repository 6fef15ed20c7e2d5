"""Secrets are in no log, no answer, no view of the dashboard and no table. A whole Understudy is given one of every
kind, all its parts fail once, and whatever it wrote, shows and says is searched.

It has use cases without labelled rows, so that nothing is trained and it is there within seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve_app.adapters.config_files import load_use_case
from serve_app.adapters.registries import open_registry
from serve_app.core.platform import Platform
from tests.fakes.postgres_server import PostgresServer, postgres_server
from tests.fakes.running import Running, running
from tests.fakes.seeded_secrets import (
    TellingGemini,
    TellingOpenAI,
    files,
    found,
    secret_settings,
    seed,
    seeded,
    tables,
)
from tests.fakes.small_models import USE_CASES, trained, write_use_case

pytestmark = [pytest.mark.cluster, pytest.mark.postgres]

STORES = ("UNDERSTUDY_STORE__URL", "UNDERSTUDY_PIPELINES__URL")
VIEWS = (
    "/", "/nodes?view=summary", "/nodes?view=details", "/logical/actors", "/events", "/api/serve/applications/",
    "/api/jobs/", "/api/cluster_status", "/api/component_activities", "/api/version", "/api/train/v2/runs/v1",
    "/api/v0/actors?detail=1", "/api/v0/jobs?detail=1", "/api/v0/nodes?detail=1", "/api/v0/workers?detail=1",
    "/api/v0/tasks?detail=1", "/api/v0/objects?detail=1", "/api/v0/runtime_envs?detail=1", "/api/v0/cluster_events",
    "/api/v0/placement_groups?detail=1", "/api/v0/cluster_metadata", "/api/v0/tasks/timeline", "/usage_stats_enabled",
)  # fmt: skip
"""What Ray's dashboard and the commands that ask it (``ray list``, ``serve status``, ``serve config``) show."""


@dataclass
class Seeded:
    """A running Understudy, the environment it was given, and where it writes."""

    running: Running
    given: dict[str, str]
    databases: dict[str, str]
    postgres: PostgresServer

    @property
    def secrets(self) -> list[str]:
        return [seed(name) for name in self.given]

    @property
    def session(self) -> Path:
        """Ray's own folder, with the logs of all its processes."""
        lines = (" ".join(each.cmdline()) for each in self.running.all_processes())
        (where,) = {hit[1] for line in lines if (hit := re.search(r"--session[-_]dir[= ](\S+)", line))}
        return Path(where)

    def dashboard(self) -> httpx.Client:
        token = {"authorization": f"Bearer {self.given['RAY_AUTH_TOKEN']}"}
        return httpx.Client(base_url=self.running.dashboard, headers=token, timeout=30)


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    postgres, folder = postgres_server(), tmp_path_factory.mktemp("secretive")
    databases = {name: postgres.database() for name in STORES}
    urls = {name: url.replace("postgres:@", "postgres:{secret}@") for name, url in databases.items()}
    assert all("{secret}" in url for url in urls.values())
    urls["UNDERSTUDY_REGISTRY__URI"] = f"sqlite:///{folder}/state/mlflow.db?timeout=30&note={{secret}}"
    urls["UNDERSTUDY_BUDGET__URL"] = "redis://somebody:{secret}@127.0.0.1:1/0"
    with ExitStack() as stack:
        gemini, openai = (stack.enter_context(each("bad_key")) for each in (TellingGemini, TellingOpenAI))
        given = seeded(urls)
        addresses = {
            "UNDERSTUDY_TEACHER__GEMINI__BASE_URL": gemini.base_url,
            "UNDERSTUDY_TEACHER__OPENAI__BASE_URL": openai.base_url,
        }
        configs = _configs(folder)
        there = stack.enter_context(running(folder, {**given, **addresses}, configs))
        yield Seeded(there, given, databases, postgres)


def _configs(folder: Path) -> Path:
    """``foams`` asks OpenAI, ``waves`` Gemini, and ``hails`` would, if its budget could be read."""
    configs, whole = folder / "made", USE_CASES["foams"]
    gemini = {**whole["teacher"], "providers": [{"kind": "gemini"}, {"kind": "none"}]}
    for name, more in (("foams", {}), ("waves", {"teacher": gemini}), ("hails", {"budget": {"per_day_usd": 1.0}})):
        write_use_case(configs, name, {**whole, **more})
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    return configs
