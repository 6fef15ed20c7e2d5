"""Secrets are in no log, no answer, no view of the dashboard and no table. A whole Understudy is given one of every
kind, its parts fail once, and whatever it wrote, shows and says is searched.

Its use cases have no labelled rows, so that nothing is trained and it is there within seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.fakes.postgres_server import PostgresServer, postgres_server
from tests.fakes.running import Running, running
from tests.fakes.seeded_secrets import TellingGemini, TellingOpenAI, files, found, seed, seeded, session_of, tables
from tests.fakes.small_models import USE_CASES, write_use_case

pytestmark = [pytest.mark.cluster, pytest.mark.postgres]

PATIENCE_S = 120.0
MARK = "a-mark-that-is-logged-7Jq2"
"""No secret: the id of our requests, which does get into log and tables."""

STORES = ("UNDERSTUDY_STORE__URL", "UNDERSTUDY_PIPELINES__URL")
VIEWS = (
    "/", "/nodes?view=summary", "/logical/actors", "/events", "/api/serve/applications/", "/api/jobs/",
    "/api/cluster_status", "/api/component_activities", "/api/version", "/api/v0/actors?detail=1",
    "/api/v0/jobs?detail=1", "/api/v0/nodes?detail=1", "/api/v0/workers?detail=1", "/api/v0/tasks?detail=1",
    "/api/v0/objects?detail=1", "/api/v0/runtime_envs?detail=1", "/api/v0/cluster_events",
    "/api/v0/placement_groups?detail=1", "/api/v0/cluster_metadata", "/api/v0/tasks/timeline",
)  # fmt: skip
"""What Ray's dashboard shows, and the commands that ask it: ``ray list``, ``serve status``, ``serve config``."""


@dataclass
class Secretive:
    """A running Understudy, the secrets it was given, its PostgreSQL databases by setting."""

    running: Running
    given: dict[str, str]
    databases: dict[str, str]
    postgres: PostgresServer
    llms: tuple[TellingOpenAI, TellingGemini]

    @property
    def secrets(self) -> list[str]:
        return [seed(name) for name in self.given]

    def dashboard(self) -> httpx.Client:
        token = {"authorization": f"Bearer {self.given['RAY_AUTH_TOKEN']}"}
        return httpx.Client(base_url=self.running.dashboard, headers=token, timeout=30)


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secretive]:
    postgres, folder = postgres_server(), tmp_path_factory.mktemp("secretive")
    databases = {name: postgres.database() for name in STORES}
    urls = {name: url.replace("postgres:@", "postgres:{secret}@") for name, url in databases.items()}
    assert all("{secret}" in url for url in urls.values())
    urls["UNDERSTUDY_REGISTRY__URI"] = f"sqlite:///{folder}/state/mlflow.db?timeout=30&note={{secret}}"
    urls["UNDERSTUDY_BUDGET__URL"] = "redis://somebody:{secret}@127.0.0.1:1/0"
    with ExitStack() as stack:
        openai, gemini = (stack.enter_context(each("bad_key")) for each in (TellingOpenAI, TellingGemini))
        given = seeded(urls)
        more = {
            "UNDERSTUDY_TEACHER__GEMINI__BASE_URL": gemini.base_url,
            "UNDERSTUDY_TEACHER__OPENAI__BASE_URL": openai.base_url,
            "UNDERSTUDY_PLACEMENT": "fused",  # fewer processes to start, as without HAProxy
            "RAY_SERVE_ENABLE_HA_PROXY": "0",
        }
        there = stack.enter_context(running(folder, {**given, **more}, _configs(folder), _until_all_parts_run))
        yield Secretive(there, given, databases, postgres, (openai, gemini))
        there.kill()  # its orderly end is the shared one's to show, and takes longer


def _configs(folder: Path) -> Path:
    """``foams`` asks OpenAI, ``waves`` Gemini, and ``hails`` would, if its budget could be read."""
    configs, whole = folder / "made", USE_CASES["foams"]
    gemini = {**whole["teacher"], "providers": [{"kind": "gemini"}, {"kind": "none"}]}
    for name, more in (("foams", {}), ("waves", {"teacher": gemini}), ("hails", {"budget": {"per_day_usd": 1.0}})):
        write_use_case(configs, name, {**whole, **more})
    (configs / "platform.yaml").write_text("{}\n", encoding="utf-8")
    return configs


def _until_all_parts_run(started: Running) -> None:
    """What learns as well: it opens databases of its own. The banner would wait for students."""
    end = time.monotonic() + PATIENCE_S
    while "pipelines started" not in started.printed:
        assert started.process.poll() is None, started.printed
        assert time.monotonic() < end, started.printed
        time.sleep(0.25)


def test_no_secret_is_told_anywhere(secretive: Secretive) -> None:
    told = [*_answers(secretive), *_views(secretive), *_commands(secretive), *_figures(secretive)]
    assert len(told) > 100, "less is searched than there is"
    heard = [llm.heard for llm in secretive.llms]
    assert all(found([("heard", each.encode())], secretive.secrets) for each in heard), "the keys were not even used"
    assert found(told, secretive.secrets) == []
    written = list(files(session_of(secretive.running), secretive.running.folder))
    rows = [each for url in secretive.databases.values() for each in tables(url)]
    assert found(written, secretive.secrets) == []
    assert found(rows, secretive.secrets) == []
    assert found(written, [MARK]), "the search does not see what is logged"
    assert found(rows, [MARK]), "the search does not see what is in the tables"


def _answers(secretive: Secretive) -> Iterator[tuple[str, bytes]]:
    """Of every question that needs no body, of predictions whose teacher refuses our key, and of all again while the
    store is away."""
    with secretive.running.client() as client:
        document = client.get("/openapi.json").json()
        paths = [path.replace("{use_case}", "foams") for path, methods in document["paths"].items() if "get" in methods]
        paths = [path for path in [*paths, "/docs", "/nowhere", "/-/routes", "/-/healthz"] if "/events" not in path]
        yield from _asked(client, paths)
        with secretive.postgres.stopped():
            yield from _asked(client, ["/readyz", "/health", "/api/v1/ops/audit", "/api/v1/predictions/x"])


def _asked(client: httpx.Client, paths: list[str]) -> Iterator[tuple[str, bytes]]:
    for name in ("foams", "waves", "hails"):
        answer = client.post(f"/api/v1/predict/{name}", json={"height": 1.0}, headers={"X-Request-ID": MARK})
        assert answer.status_code in (200, 503)
        yield name, answer.content
    for path in paths:
        answer = client.get(path)
        yield path, b"\n".join([answer.content, *(b": ".join(each) for each in answer.headers.raw)])


def _views(secretive: Secretive) -> Iterator[tuple[str, bytes]]:
    with secretive.dashboard() as client:
        for path in VIEWS:
            answer = client.get(path)
            assert answer.status_code == 200, path
            yield path, answer.content
        for node in client.get("/nodes?view=summary").json()["data"]["summary"]:
            yield "node", client.get(f"/nodes/{node['raylet']['nodeId']}").content


def _commands(secretive: Secretive) -> Iterator[tuple[str, bytes]]:
    """What ``ps`` shows to everybody on the machine, and the dashboard too."""
    for each in secretive.running.all_processes():
        with suppress(psutil.NoSuchProcess):
            yield f"process {each.pid}", "\0".join(each.cmdline()).encode()


def _figures(secretive: Secretive) -> Iterator[tuple[str, bytes]]:
    """What any port says to whoever asks it for its figures."""
    for each in psutil.Process(secretive.running.process.pid).children(recursive=True):
        for port in _ports(each):
            try:
                yield f"port {port}", httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=1).content
            except httpx.HTTPError:
                continue  # it speaks gRPC


def _ports(process: psutil.Process) -> set[int]:
    try:
        return {at.laddr.port for at in process.net_connections("inet") if at.status == psutil.CONN_LISTEN}
    except psutil.Error:
        return set()  # Ray ends a worker that idles
